"""Golden reference: bit-exact integer matrix products in numpy."""

import numpy as np

from weft.formats import IntegerFormat
from weft.matrix.config import MatrixUnitConfig


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
        See `check_operands`.
    """
    check_operands(config, a, b)
    a, b = np.asarray(a), np.asarray(b)
    largest = config.activation.width + config.weight.width + int(a.shape[1]).bit_length()
    if largest < 53:
        # A double represents every partial sum exactly, whatever the order of the additions.
        product = (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)
    else:
        product = a.astype(np.int64) @ b.astype(np.int64)
    return wrap(product, config.accumulator)


def check_operands(config: MatrixUnitConfig, a: np.ndarray, b: np.ndarray) -> None:
    """Raise an error unless the unit can multiply the operands exactly.

    Raises
    ------
    TypeError
        If an operand has no integer dtype.
    ValueError
        If an operand is not two-dimensional, is empty, or has a value out of the range of its
        format, or if the shapes do not match.
    """
    for name, operand, number in (("A", a, config.activation), ("B", b, config.weight)):
        operand = np.asarray(operand)
        if not np.issubdtype(operand.dtype, np.integer):
            raise TypeError(
                f"{name} must hold integers, not {operand.dtype}: quantize it to {number} first"
            )
        if operand.ndim != 2 or 0 in operand.shape:
            raise ValueError(
                f"{name} must be a matrix with at least one row and column, "
                f"not of shape {operand.shape}"
            )
        low, high = int(operand.min()), int(operand.max())
        if low < number.minimum or high > number.maximum:
            wrong = low if low < number.minimum else high
            raise ValueError(
                f"{name} holds {wrong}, but {number} ranges from {number.minimum} to "
                f"{number.maximum}"
            )
    if np.shape(a)[1] != np.shape(b)[0]:
        raise ValueError(
            f"A of shape {np.shape(a)} and B of shape {np.shape(b)} cannot be multiplied: "
            "A must have as many columns as B has rows"
        )
