"""Rounding of exact sums to floating-point numbers: the definition of what the hardware outputs."""

import numpy as np

from weft.float_format import FloatFormat

from .exact_sums import WideSums


def to_float(sums: np.ndarray, least_exponent: int, number: FloatFormat) -> np.ndarray:
    """Return sums * 2**least_exponent, rounded once to a format: to nearest, ties to even.

    Zero is +0. No result may be subnormal in the format, or overflow.

    Parameters
    ----------
    sums : ndarray of int64, any shape
    least_exponent : int

    Returns
    -------
    ndarray of number.dtype
    """
    magnitude = np.abs(sums).view(np.uint64)
    dropped = np.maximum(_bit_length(magnitude) - (number.fraction + 1), 0).astype(np.uint64)
    one = np.uint64(1)
    kept = magnitude >> dropped
    rest = magnitude - (kept << dropped)
    half = np.where(dropped > 0, one << np.maximum(dropped, one) - one, one)
    kept += (rest > half) | ((rest == half) & (kept & one > 0))
    # A double holds `kept`, which has at most one bit more than the significand, and the result.
    exact = np.ldexp(kept.astype(np.float64), dropped.astype(np.int64) + least_exponent)
    return np.where(sums < 0, -exact, exact).astype(number.dtype)


def wide_to_float(sums: WideSums, least_exponent: int, number: FloatFormat) -> np.ndarray:
    """Return the same for wider sums, of at most 96 bits."""
    small = (sums.high >= -1 << 30) & (sums.high < 1 << 30)
    whole = np.where(small, (sums.high << 32) + sums.low, 0)
    # The lower bits of a large sum only decide a tie, so one bit stands for all of them.
    cut = np.where(small, 0, sums.high | (sums.low > 0))
    exact, rounded = (
        to_float(whole, least_exponent, number),
        to_float(cut, least_exponent + 32, number),
    )
    return np.where(small, exact, rounded)


def _bit_length(magnitude: np.ndarray) -> np.ndarray:
    """Return the number of bits of each number; 0 has none."""
    high, low = magnitude >> np.uint64(32), magnitude & np.uint64(0xFFFFFFFF)
    bits = np.frexp(np.where(high > 0, high, low).astype(np.float64))[1]
    return np.where(high > 0, bits + 32, bits).astype(np.int64)
