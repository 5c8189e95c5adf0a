"""Softmax of int8 in integers, as LiteRT has it with gemmlowp's fixed-point numbers."""

from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Rounding

from ..core.reciprocal import high_product, reciprocal
from ..core.rounding import scaled
from .requantization import LEAST, MOST
from .scales import Quantization, fixed_point

OUTPUT = Quantization(1 / 256, LEAST)
# The differences from the maximum have 5 integer bits, and their exponentials none.
_INTEGER_BITS = 5
_FRACTION_BITS = 31 - _INTEGER_BITS
# Sums of exponentials have 12 integer bits.
SUM_SHIFT = 12
# The shift of the reciprocal that scales an exponential to 8 bits.
RECIPROCAL_SHIFT = 35
_ONE = (1 << 31) - 1
_EXP_MINUS_ONE_EIGHTH = 1895147668
_ONE_THIRD = 715827883
# exp(-2**e) in Q0.31.
_POWERS = {
    **{-2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308},
    **{2: 39332535, 3: 720401, 4: 242},
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax:
    """The softmax of rows of int8.

    Parameters
    ----------
    exponentials : ndarray of int64, (256,)
        exp(scale * d) in Q0.31 for a difference d from the maximum; entry d mod 256, in the order
        -128 to 127.
    """

    exponentials: np.ndarray

    @classmethod
    def of(cls, x: Quantization) -> "Softmax":
        """Return the softmax of rows of this quantization."""
        scale = fixed_point(min(x.scale * (1 << _FRACTION_BITS), float(_ONE)))
        left = 31 - scale.shift
        least = -((((1 << _INTEGER_BITS) - 1) << _FRACTION_BITS) >> left)
        differences = -np.arange(256)
        shifted = np.where(differences >= least, differences, 0) << left
        found = _exp(high_product(shifted, scale.multiplier))
        found = np.where(differences >= least, found, 0)
        # Difference -k is entry 256 - k, of which the upper half comes first.
        return cls(exponentials=np.roll(found[-np.arange(256) % 256], 128))

    @property
    def summands(self) -> np.ndarray:
        """The exponentials as they are added, int64 (256,)."""
        return _divided(self.exponentials, SUM_SHIFT)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return int8, with scale 1/256 and zero point -128, for rows of int8, (..., columns)."""
        values = x.astype(np.int64)
        entries = (values - values.max(axis=-1, keepdims=True) + 128) & 255
        sums = self.summands[entries].sum(axis=-1, keepdims=True)
        multiplier, shift = reciprocal(sums, shift=RECIPROCAL_SHIFT)
        found = self.exponentials[entries]
        rounded = scaled(Rounding.DOUBLE, found, multiplier=multiplier, shift=shift)
        return np.clip(rounded + LEAST, LEAST, MOST).astype(np.int8)


def _exp(a: np.ndarray) -> np.ndarray:
    """Return exp(a) in Q0.31 for a <= 0 in Q5.26: gemmlowp's exp_on_negative_values."""
    quarter = 1 << (_FRACTION_BITS - 2)
    fraction = (a & (quarter - 1)) - quarter
    result = _exp_of_fraction(fraction << _INTEGER_BITS)
    remainder = fraction - a
    for exponent, power in _POWERS.items():
        bit = 1 << (_FRACTION_BITS + exponent)
        result = np.where(remainder & bit, high_product(result, power), result)
    return np.where(a == 0, _ONE, result)


def _exp_of_fraction(a: np.ndarray) -> np.ndarray:
    """Return exp(a) for a from -1/4 to 0, both in Q0.31: four terms of its series around -1/8."""
    x = a + (1 << 28)
    x2 = high_product(x, x)
    x3, x4 = high_product(x2, x), high_product(x2, x2)
    terms = _divided(high_product(_divided(x4, 2) + x3, _ONE_THIRD) + x2, 1)
    return _EXP_MINUS_ONE_EIGHTH + high_product(_EXP_MINUS_ONE_EIGHTH + 0 * x, x + terms)


def _divided(x: np.ndarray, exponent: int) -> np.ndarray:
    """Return x / 2**exponent, rounded half away from zero: RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))
