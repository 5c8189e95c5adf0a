"""Random floating-point codes that are hard to add and multiply."""

import random

from weft.float_format import FloatFormat


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
