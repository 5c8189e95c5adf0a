"""Golden reference: bit-exact integer matrix products in numpy."""

from collections.abc import Iterable

import numpy as np

from weft.checks import check, check_kind, described, is_masked
from weft.formats import IntegerFormat
from weft.matrix.config import MatrixUnitConfig, check_config


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


def matmul(config: MatrixUnitConfig, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Z = A . B, each sum wrapped to the accumulator width in two's complement.

    Parameters
    ----------
    a : integers, (M, K), in the range of config.activation
    b : integers, (K, N), in the range of config.weight

    Returns
    -------
    ndarray, (M, N), of config.accumulator.dtype

    Raises
    ------
    TypeError, ValueError
        See `checked_operands`.
    """
    a, b = checked_operands(config, a, b)
    largest = config.activation.width + config.weight.width + int(a.shape[1]).bit_length()
    if largest < 53:
        # A double represents every partial sum exactly, whatever the order of the additions.
        product = (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)
    else:
        product = a.astype(np.int64) @ b.astype(np.int64)
    return wrap(product, config.accumulator)


def checked_operands(
    config: MatrixUnitConfig, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return A and B as plain arrays, if the unit can multiply them exactly.

    An operand can have any integer dtype, byte order and memory layout, and can be anything that
    numpy converts to an array, such as a list of lists.

    Raises
    ------
    TypeError
        If an operand has no integer dtype, or is masked.
    ValueError
        If an operand is not two-dimensional, is empty, or has a value out of the range of its
        format, or if the shapes do not match.
    """
    check_config(config)
    a = _checked_matrix("A", a, config.activation)
    b = _checked_matrix("B", b, config.weight)
    check(
        a.shape[1] == b.shape[0],
        f"A of shape {a.shape} and B of shape {b.shape} cannot be multiplied: "
        "A must have as many columns as B has rows",
    )
    return a, b


def pairs_of(operands: Iterable[tuple[np.ndarray, np.ndarray]]) -> list[tuple]:
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


def _checked_matrix(name: str, operand: object, number: IntegerFormat) -> np.ndarray:
    if is_masked(operand):
        raise TypeError(
            f"{name} is masked, but a product cannot keep a mask: fill it first, "
            f"for example by {name}.filled(0)"
        )
    try:
        matrix = np.asarray(operand)
    except ValueError as error:
        raise ValueError(f"{name} must be a matrix, but numpy cannot read it: {error}") from None
    if matrix.dtype.kind not in "iu":
        what = "quantize" if matrix.dtype.kind == "f" else "convert"
        raise TypeError(
            f"{name} must hold integers, not {matrix.dtype}: {what} it to {number} first"
        )
    check(
        matrix.ndim == 2 and matrix.size > 0,
        f"{name} must be a matrix with at least one row and column, not of shape {matrix.shape}",
    )
    # All values of such a dtype are in the range of the format.
    same_kind = matrix.dtype.kind == ("i" if number.signed else "u")
    if same_kind and 8 * matrix.itemsize <= number.width:
        return matrix
    low, high = int(matrix.min()), int(matrix.max())
    wrong = low if low < number.minimum else high
    check(
        number.minimum <= wrong <= number.maximum,
        f"{name} holds {wrong}, but {number} ranges from {number.minimum} to {number.maximum}",
    )
    return matrix
