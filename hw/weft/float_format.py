"""FloatFormat: binary floating-point formats, and the fixed-point numbers that their values are."""

from dataclasses import dataclass

import ml_dtypes
import numpy as np

# Codes with the largest exponent. "ieee": infinities and NaN. "fn": finite numbers, and NaN if all
# bits are one. "finite": finite numbers only.
KINDS = ("ieee", "fn", "finite")
# Most bits of the exponent of a format whose sums of products are exact.
MAX_EXACT_EXPONENT = 5


@dataclass(frozen=True)
class FloatFormat:
    """One sign bit, `exponent` bits and `fraction` bits; subnormals are numbers.

    Names and codes are those of ml_dtypes. Sources: OCP 8-bit Floating Point Specification 1.0
    (float8), OCP Microscaling Formats 1.0 (float6, float4), IEEE 754-2019 (float32).

    Parameters
    ----------
    name : str
    exponent, fraction : int
    kind : str, one of KINDS
    """

    name: str
    exponent: int
    fraction: int
    kind: str

    def __str__(self) -> str:
        return self.name

    @property
    def width(self) -> int:
        return 1 + self.exponent + self.fraction

    @property
    def bias(self) -> int:
        return (1 << self.exponent - 1) - 1

    @property
    def least_exponent(self) -> int:
        """Exponent of the smallest positive value: every finite value is a multiple of it."""
        return 1 - self.bias - self.fraction

    @property
    def largest_integer(self) -> int:
        """The largest finite value, as a multiple of 2**least_exponent."""
        significand = (1 << self.fraction + 1) - 1 - (self.kind == "fn")
        return significand << (1 << self.exponent) - 2 - (self.kind == "ieee")

    @property
    def chains(self) -> bool:
        """Whether sums of products are rounded step by step, because exact ones are too wide."""
        return self.exponent > MAX_EXACT_EXPONENT

    @property
    def maximum(self) -> float:
        """The largest finite value."""
        return self.largest_integer * 2.0**self.least_exponent

    @property
    def minimum(self) -> float:
        return -self.maximum

    @property
    def nan_code(self) -> int:
        """The one NaN that results have: positive and quiet; for IEEE formats."""
        return self.infinity_code | 1 << self.fraction - 1

    @property
    def infinity_code(self) -> int:
        """Infinity; for IEEE formats."""
        return ((1 << self.exponent) - 1) << self.fraction

    @property
    def lane_width(self) -> int:
        """Bits of one lane on a byte-wide port, the width of `dtype`."""
        return 8 * self.dtype.itemsize

    @property
    def dtype(self) -> np.dtype:
        """The numpy dtype of that name, little endian like the ports."""
        return np.dtype(getattr(ml_dtypes, self.name, self.name))


FLOAT32 = FloatFormat("float32", 8, 23, "ieee")
BFLOAT16 = FloatFormat("bfloat16", 8, 7, "ieee")
# Formats of operands. Their positions are their numbers in the registers of the host link.
OPERAND_FLOATS = {
    number.name: number
    for number in (
        FloatFormat("float6_e2m3fn", 2, 3, "finite"),
        FloatFormat("float6_e3m2fn", 3, 2, "finite"),
        FloatFormat("float4_e2m1fn", 2, 1, "finite"),
        FloatFormat("float8_e4m3fn", 4, 3, "fn"),
        BFLOAT16,
        FloatFormat("float8_e5m2", 5, 2, "ieee"),
    )
}
