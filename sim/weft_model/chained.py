"""Chained sums of floating-point products: the definition of what the hardware computes.

A product of bfloat16 matrices is computed as follows.

- Operands: all codes; subnormal numbers are their values.
- K is padded at its end with +0 to a multiple of R, the rows of the array, and cut into tiles of R.
- Sum of a tile: s = +0, then s = round(s + a[r] * w[r]) for r = 0 to R-1. The product is exact, and
  `round` is to float32, to nearest, ties to even, with subnormal numbers; overflow to infinity.
- Tiles in ascending order of K: z is the sum of the first one, then z = round(z + sum).
- NaN: if an operand is NaN, for 0 * infinity, and for infinity - infinity. A result that is NaN has
  the code 0x7FC00000.
- The result is z, or z rounded to bfloat16 in the same way.

So a result depends on R, but not on C, M, N or the timing.

A step is computed here in double precision and then rounded to float32. The two roundings equal
one: a double has more than 2 * 24 + 1 bits (S. Figueroa, "When is double rounding innocuous?",
1995). No double is subnormal here, because every product and sum but zero is at least 2**-266; and
where the float32 is subnormal, a sum near a tie spans at most 48 bits, so the double is exact.
"""

import numpy as np

# Sums computed at a time, so that they stay in the cache of a core.
BLOCK_ROWS = 64


def fused_step(total: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return round(total + first * second) as float32; arrays of any shapes that broadcast.

    Parameters
    ----------
    total : ndarray of float32
    first, second : ndarrays of bfloat16
    """
    with np.errstate(over="ignore", invalid="ignore"):
        product = first.astype(np.float64) * second.astype(np.float64)
        return canonical((total + product).astype(np.float32))


def float_sum(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return round(first + second) as float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        return canonical(first + second)


def canonical(numbers: np.ndarray) -> np.ndarray:
    """Return the numbers, each NaN as the positive quiet NaN without a payload."""
    return np.where(np.isnan(numbers), numbers.dtype.type(np.nan), numbers)


def chained_matmul(a: np.ndarray, b: np.ndarray, *, rows: int) -> np.ndarray:
    """Return A . B as an array of `rows` rows computes it, as float32.

    Parameters
    ----------
    a : ndarray of bfloat16, (M, K)
    b : ndarray of bfloat16, (K, N)
    """
    m, n = a.shape[0], b.shape[1]
    # Padding turns a sum of -0, which only underflow makes, into +0.
    padding = -a.shape[1] % rows
    z = np.empty((m, n), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        columns = np.pad(a, ((0, 0), (0, padding))).astype(np.float64).T.copy()
        weights = np.pad(b, ((0, padding), (0, 0))).astype(np.float64)
        for start in range(0, m, BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            z[block] = _block(columns[:, block], weights, rows)
    return canonical(z)


def _block(columns: np.ndarray, weights: np.ndarray, rows: int) -> np.ndarray:
    """Return the sums of some rows of A, given as columns."""
    shape = columns.shape[1], weights.shape[1]
    z, total = np.empty(shape, np.float32), np.empty(shape, np.float32)
    step = np.empty(shape)
    for k in range(len(weights)):
        if k % rows == 0:
            total[...] = 0
        np.multiply(columns[k][:, np.newaxis], weights[k], out=step)
        step += total
        total[...] = step
        if k % rows == rows - 1:
            if k < rows:
                z[...] = total
            else:
                z += total
    return z


def round_to(numbers: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return float32 numbers rounded to nearest in another dtype; ties to even."""
    with np.errstate(over="ignore", invalid="ignore"):
        return canonical(numbers.astype(dtype))
