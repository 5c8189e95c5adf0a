"""The reciprocal of row scalars: gemmlowp's, as the softmax of LiteRT has it.

`one_over_one_plus_x_for_x_in_0_1` in gemmlowp/fixedpoint/fixedpoint.h: three Newton-Raphson steps
in fixed point. Q2.29 has two integer bits, Q0.31 none.
"""

import numpy as np

from weft.checks import check

_MOST = (1 << 31) - 1
_LEAST = -(1 << 31)
_ONE_Q2 = 1 << 29
# 48/17 and -32/17 in Q2.29.
_48_OVER_17 = 1515870810
_MINUS_32_OVER_17 = -1010580540
_STEPS = 3
MOST_SHIFT = 63


def reciprocal(x: np.ndarray, *, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Return multipliers m and shifts s of scales that divide by x.

    m / 2**s is 2**(31 - shift) / x, with a relative error below 2**-27.

    Parameters
    ----------
    x : ndarray of int64, at least 1, below 2**31
    shift : int

    Raises
    ------
    ValueError
        If an x is not positive, or an s above 63.
    """
    check(bool((x > 0).all()), f"the reciprocal needs row scalars above 0, not {x.min(initial=0)}")
    exponent = np.array([int(value).bit_length() - 1 for value in x.ravel()], np.int64)
    exponent = exponent.reshape(x.shape)
    shifts = shift + exponent
    check(
        bool((shifts <= MOST_SHIFT).all()),
        f"the shift of a reciprocal must be at most {MOST_SHIFT}, not {shifts.max(initial=0)}",
    )
    return one_over_one_plus((x << (31 - exponent)) - (1 << 31)), shifts


def one_over_one_plus(a: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + a); both are Q0.31, and a is from 0 to 1."""
    half_denominator = (a + _MOST + 1) >> 1
    x = _48_OVER_17 + high_product(half_denominator, _MINUS_32_OVER_17)
    for _ in range(_STEPS):
        error = _ONE_Q2 - high_product(half_denominator, x)
        x = x + _saturated(high_product(x, error) << 2)
    return _saturated(x << 1)


def high_product(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    """Return the high half of 2ab, rounded to nearest: SaturatingRoundingDoublingHighMul."""
    product = a * b
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    # Division truncates.
    return _saturated(np.where(nudged >= 0, nudged >> 31, -(-nudged >> 31)))


def _saturated(x: np.ndarray) -> np.ndarray:
    return np.clip(x, _LEAST, _MOST)
