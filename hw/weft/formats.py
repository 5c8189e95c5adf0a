"""Number formats: the width, sign, Amaranth shape and numpy dtype of one lane."""

import contextlib
import functools
import re
from dataclasses import dataclass

import numpy as np
from amaranth import Shape, signed, unsigned

from .checks import checked_bool, checked_integer, described

MAX_OPERAND_WIDTH = 16


@dataclass(frozen=True)
class IntegerFormat:
    """An integer of `width` bits; two's complement if `signed`.

    Raises
    ------
    ValueError
        If `width` is not an integer from 1 to 64, or `signed` is not a bool.
    """

    width: int
    signed: bool = True

    def __post_init__(self):
        width = checked_integer("the width of a format", self.width, low=1, high=64)
        object.__setattr__(self, "width", width)
        object.__setattr__(self, "signed", checked_bool("signed", self.signed))

    @classmethod
    def parse(cls, given: "str | IntegerFormat | np.dtype | type[np.generic]") -> "IntegerFormat":
        """Return the format of a name such as "int8" or "uint5", or of a numpy dtype.

        Raises
        ------
        ValueError
            If `given` is anything else.
        """
        if isinstance(given, cls):
            return given
        text = given
        if isinstance(given, np.dtype) or (
            isinstance(given, type) and issubclass(given, np.generic)
        ):
            # Abstract types, such as np.integer, have no dtype.
            with contextlib.suppress(TypeError):
                text = np.dtype(given).name
        match = re.fullmatch(r"(u?)int([1-9][0-9]?)", text) if isinstance(text, str) else None
        if not match:
            raise ValueError(
                f"unknown number format {described(text)}: write int8, uint8, int4, int16, ..."
            )
        return cls(int(match[2]), signed=not match[1])

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}int{self.width}"

    @property
    def shape(self) -> Shape:
        """Amaranth shape of one value."""
        return signed(self.width) if self.signed else unsigned(self.width)

    @property
    def minimum(self) -> int:
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        return (1 << (self.width - self.signed)) - 1

    @property
    def lane_width(self) -> int:
        """Bits of one lane on a byte-wide port: 8, 16, 32 or 64, the width of `dtype`."""
        return next(width for width in (8, 16, 32, 64) if width >= self.width)

    @functools.cached_property
    def dtype(self) -> np.dtype:
        """Smallest numpy dtype that holds every value; little endian, like the ports."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.lane_width // 8}")


INT8 = IntegerFormat(8)


def width_for(minimum: int, maximum: int) -> int:
    """Return the bits of the narrowest two's complement number that holds both values."""
    return 1 + max((~v if v < 0 else v).bit_length() for v in (minimum, maximum))


def products_width(first: IntegerFormat, second: IntegerFormat, count: int) -> int:
    """Return the bits of a signed number that holds the sum of `count` products exactly."""
    corners = [
        count * a * b
        for a in (first.minimum, first.maximum)
        for b in (second.minimum, second.maximum)
    ]
    return width_for(min(corners), max(corners))
