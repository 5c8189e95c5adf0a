"""Golden reference: bit-exact matrix products in numpy."""

from collections.abc import Iterable

import numpy as np

from weft.checks import check, check_kind, described
from weft.float_format import FloatFormat
from weft.formats import IntegerFormat
from weft.matrix.config import MatrixUnitConfig

from .chained import canonical, chained_matmul, round_to
from .exact_sums import wide_sums
from .infinities import special_sums
from .quantized import CheckedOperand, checked_operands
from .to_float import to_float, wide_to_float


def wrap(values: np.ndarray, number: IntegerFormat) -> np.ndarray:
    """Return values modulo 2**width as numbers of a format, in its dtype.

    Parameters
    ----------
    values : ndarray of int64, any shape
    """
    shift = 64 - number.width
    raised = np.asarray(values, np.int64) << shift
    if not number.signed:
        raised = raised.view(np.uint64)
    return (raised >> shift).astype(number.dtype)


def matmul(config: MatrixUnitConfig, a: object, b: object) -> np.ndarray:
    """Return Z = A . B, each sum wrapped to the accumulator width in two's complement.

    With zero points z, Z[m, n] is the sum of (A[m, k] - z[m]) (B[k, n] - z[n]) over k. The formats
    of the operands and the pieces in which they pass do not change it.

    Floats are integers, in units of the smallest positive value of their format, so their sums are
    exact too, and do not depend on the order of summation or on the array. A result that is a float
    is the exact sum, rounded once: see `to_float`. A sum with a NaN operand is NaN: the positive
    quiet NaN without a payload, or the smallest integer. Infinities of float8_e5m2 are those of
    IEEE 754: see `special_sums`. Only sums of bfloat16 are rounded in each row of the array: see
    `chained`.

    Parameters
    ----------
    a : Quantized or numbers, (M, K), in the range of a format of config.activation
    b : Quantized or numbers, (K, N), in the range of a format of config.weight

    Returns
    -------
    ndarray, (M, N), of config.result_format.dtype

    Raises
    ------
    TypeError, ValueError
        See `checked_operands`.
    """
    first, second = checked_operands(config, a, b)
    if config.chained:
        z = chained_matmul(first.values, second.values, rows=config.rows)
        return round_to(z, config.result_format.dtype)
    if config.operands.can_be_infinite:
        return _with_infinities(config, first, second)
    widths = (operand.width + config.zero_points for operand in (first, second))
    # A double represents every partial sum exactly, whatever the order of the additions.
    exact = sum(widths) + int(first.shape[1]).bit_length() < 53
    dtype = np.float64 if exact else np.int64
    product = first.centered(dtype) @ second.centered(dtype)
    z = wrap(product.astype(np.int64), config.accumulator)
    number = config.result_format
    if isinstance(number, FloatFormat):
        z = to_float(z.astype(np.int64), config.least_exponent, number)
    if config.arithmetic.flags:
        nan = first.nan.any(axis=1, keepdims=True) | second.nan.any(axis=0, keepdims=True)
        z[nan] = np.nan if isinstance(number, FloatFormat) else number.minimum
    return z


def _with_infinities(
    config: MatrixUnitConfig, first: CheckedOperand, second: CheckedOperand
) -> np.ndarray:
    number = config.result_format
    assert isinstance(number, FloatFormat)
    z = wide_to_float(wide_sums(first, second), config.least_exponent, number)
    special = special_sums(*(operand.values.astype(np.float64) for operand in (first, second)))
    return np.where(special == 0, z, canonical(special.astype(number.dtype)))


def differs(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return where the bits of two results differ; NaN equals NaN with the same bits."""
    bits = f"u{expected.dtype.itemsize}"
    return got.view(bits) != expected.view(bits)


def pairs_of(operands: Iterable[tuple]) -> list[tuple]:
    """Return the operands of consecutive products as a list of pairs.

    Raises
    ------
    TypeError, ValueError
        Unless `operands` holds pairs (A, B), at least one.
    """
    rule = "operands must be pairs, as in [(A, B)]"
    check_kind(operands, Iterable, rule)
    if isinstance(operands, np.ndarray):
        raise TypeError(f"{rule}, not one array")
    pairs = list(operands)
    check(bool(pairs), "a run needs at least one pair of operands")
    for place, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            length = f" of length {len(pair)}" if isinstance(pair, tuple | list) else ""
            raise TypeError(f"{rule}, but number {place} is {described(pair)}{length}")
    return [(a, b) for a, b in pairs]
