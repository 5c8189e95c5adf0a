"""Confidence intervals of fractions that were counted in a sample."""

import math

# Standard deviations of the normal distribution for 95 %.
DEVIATIONS = 1.959964


def wilson(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of count / total (E. B. Wilson, 1927).

    Raises
    ------
    ValueError
        If the sample is empty.
    """
    if total < 1:
        raise ValueError(f"a sample must have at least 1 element, not {total}")
    share = count / total
    square = DEVIATIONS**2
    middle = share + square / (2 * total)
    half = DEVIATIONS * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    low, high = ((middle + side * half) / (1 + square / total) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)
