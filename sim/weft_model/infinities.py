"""Which sums of products are infinite or NaN: what numpy cannot be asked with a fast product."""

import numpy as np


def special_sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return A . B where it is infinite or NaN, and 0 elsewhere, as IEEE 754 defines it.

    A sum is NaN if an operand is NaN, if zero meets infinity, and if it has both infinities.

    Parameters
    ----------
    a, b : ndarray of float64, (M, K) and (K, N)

    Returns
    -------
    ndarray of float64, (M, N)
    """
    z = np.zeros((a.shape[0], b.shape[1]))
    rows, columns = (~np.isfinite(a)).any(axis=1), (~np.isfinite(b)).any(axis=0)
    z[rows] = _special(a[rows], b)
    z[:, columns] = _special(a, b[:, columns])
    return z


def _special(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the same for all elements, by counting products of each kind."""
    signs = [np.nan_to_num(np.sign(x), nan=0) for x in (a, b)]
    infinite = [sign * np.isinf(x) for sign, x in zip(signs, (a, b), strict=True)]
    # Products of infinity, counted once or twice: all of them, and positive less negative ones.
    count = abs(infinite[0]) @ abs(signs[1]) + abs(signs[0]) @ abs(infinite[1])
    balance = infinite[0] @ signs[1] + signs[0] @ infinite[1]
    zero_times = abs(infinite[0]) @ (b == 0) + (a == 0) @ abs(infinite[1])
    nan = np.isnan(a).any(axis=1, keepdims=True) | np.isnan(b).any(axis=0, keepdims=True)
    nan = nan | (zero_times > 0) | (abs(balance) < count)
    return np.where(nan, np.nan, np.where(count > 0, np.copysign(np.inf, balance), 0))
