"""Random floating-point codes that are hard to add and multiply, and sums as floats."""

import random

import numpy as np

from weft.float_format import FloatFormat
from weft_model.exact_sums import WideSums
from weft_model.to_float import to_float, wide_to_float


def draw_code(source: random.Random, number: FloatFormat, near: int) -> int:
    """Return a code of an IEEE format: mostly one with an exponent near the given one.

    Others have any exponent, or are zero, subnormal, infinite or NaN. Many fractions are those of
    ties, or one unit away from them.
    """
    largest = (1 << number.exponent) - 1
    kind = source.random()
    exponent = min(max(near + source.randint(-3, 3), 0), largest)
    if kind < 0.1:
        exponent = source.choice([0, largest])
    elif kind < 0.3:
        exponent = source.randint(0, largest)
    elif kind < 0.5:
        exponent = min(max(near + source.randint(-30, 30), 0), largest)
    bits = number.fraction
    any_bits, high_bits = source.getrandbits(bits), source.getrandbits(bits) & ~0 << bits // 2
    fraction = source.choice([0, 1, (1 << bits) - 1, any_bits, high_bits])
    return source.getrandbits(1) << number.width - 1 | exponent << bits | fraction


def sums_as_floats(sums: list[int], least_exponent: int, number: FloatFormat) -> np.ndarray:
    """Return integers of at most 96 bits, in units of 2**least_exponent, as floats."""
    if max(map(abs, sums)) < 1 << 63:
        return to_float(np.array(sums, np.int64), least_exponent, number)
    high, low = zip(*[divmod(total, 1 << 32) for total in sums], strict=True)
    return wide_to_float(WideSums(np.array(high), np.array(low)), least_exponent, number)
