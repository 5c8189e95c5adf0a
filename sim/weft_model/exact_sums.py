"""Exact sums of products that are wider than 64 bits."""

from dataclasses import dataclass

import numpy as np

from .quantized import CheckedOperand

# Bits of the lower limb of an operand; the upper one has at most one more, and a sign.
LIMB = 16


@dataclass(frozen=True, eq=False)
class WideSums:
    """Integers high * 2**32 + low.

    Parameters
    ----------
    high : ndarray of int64
    low : ndarray of int64, from 0 to 2**32 - 1
    """

    high: np.ndarray
    low: np.ndarray


def wide_sums(first: CheckedOperand, second: CheckedOperand) -> WideSums:
    """Return A . B for numbers of at most 2 * LIMB + 1 bits.

    Each operand is cut into two limbs, so that a double represents every sum of products of limbs
    exactly, unless K is very large.
    """
    exact = 2 * (LIMB + 1) + int(first.shape[1]).bit_length() < 53
    dtype = np.float64 if exact else np.int64
    a, b = (_limbs(operand.centered(np.int64), dtype) for operand in (first, second))
    low, high = (_product(a[limb], b[limb]) for limb in (0, 1))
    middle = _product(a[0], b[1]) + _product(a[1], b[0])
    low = low + ((middle & (1 << LIMB) - 1) << LIMB)
    high = high + (middle >> LIMB) + (low >> 2 * LIMB)
    return WideSums(high, low & (1 << 2 * LIMB) - 1)


def _limbs(values: np.ndarray, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower limb of integers, from 0 up, and the upper one."""
    return (values & (1 << LIMB) - 1).astype(dtype), (values >> LIMB).astype(dtype)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b).astype(np.int64)
