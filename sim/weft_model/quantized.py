"""Quantized: a matrix, its number format and its zero points; checks of operands."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weft.checks import check, is_masked
from weft.float_format import FloatFormat
from weft.formats import GivenFormat, IntegerFormat, NumberFormat, OperandFormats
from weft.matrix.config import MatrixUnitConfig, check_config


@dataclass(frozen=True, eq=False)
class Quantized:
    """An operand of a product, which stands for the numbers `values - zero_point`.

    Every function that multiplies accepts such an operand in place of a plain matrix, which has no
    zero points.

    Parameters
    ----------
    values : numbers, (M, K) for A, (K, N) for B
    format : IntegerFormat, FloatFormat, str or numpy dtype, optional
        The format in which the unit takes the values, one of its formats. By default the one with
        the dtype of the values, if there is exactly one, and otherwise the first.
    zero_point : int or integers
        One for the matrix, or one for each row of A, (M,), or each column of B, (N,). In the range
        of the format, and 0 unless the unit has zero points. As in ONNX's MatMulInteger.
    """

    values: Any
    format: GivenFormat | None = None
    zero_point: Any = 0


@dataclass(frozen=True, eq=False)
class CheckedOperand:
    """An operand that was found to be one that a unit can multiply exactly.

    Parameters
    ----------
    values : ndarray
        Integers in the range of `format`, or numbers of its dtype.
    format : IntegerFormat or FloatFormat
    zero_point : ndarray of int64
        (M, 1) for A, (1, N) for B
    config : MatrixUnitConfig
        The unit.
    axis : int
        That of the zero points: 0 for A, 1 for B.
    """

    values: np.ndarray
    format: NumberFormat
    zero_point: np.ndarray
    config: MatrixUnitConfig
    axis: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def centered(self, dtype: type) -> np.ndarray:
        """Return `values - zero_point` in a dtype that holds them exactly.

        Floats become multiples of the smallest positive value; what is no number becomes zero.
        """
        if isinstance(self.format, FloatFormat):
            least = self.format.least_exponent
            values = np.nan_to_num(self.values.astype(np.float64), nan=0, posinf=0, neginf=0)
            return np.ldexp(values, -least).astype(dtype)
        return self.values.astype(dtype) - self.zero_point.astype(dtype)

    @property
    def nan(self) -> np.ndarray:
        """Where the values are NaN."""
        if isinstance(self.format, FloatFormat):
            return np.isnan(self.values.astype(np.float32))
        return np.zeros(self.values.shape, bool)

    @property
    def width(self) -> int:
        """Bits of a number as a signed integer."""
        if isinstance(self.format, FloatFormat):
            return self.format.largest_integer.bit_length() + 1
        return self.format.width


Matrix = Quantized | CheckedOperand | npt.ArrayLike


def checked_operands(
    config: MatrixUnitConfig, a: object, b: object
) -> tuple[CheckedOperand, CheckedOperand]:
    """Return A and B as plain arrays with formats and zero points, if the unit can multiply them.

    Values can have any integer dtype, byte order and memory layout, and can be anything that numpy
    converts to an array, such as a list of lists.

    Parameters
    ----------
    a : Quantized or numbers, (M, K)
    b : Quantized or numbers, (K, N)

    Raises
    ------
    TypeError
        If an operand of integers has another dtype, one of floats not the dtype of its format, or
        if it is masked.
    ValueError
        If an operand is not two-dimensional, is empty, or has a value out of the range of its
        format; if the unit has no such format or no zero points; if the shapes do not match; if
        a sum of floats could overflow.
    """
    check_config(config)
    first = _checked("A", a, config, axis=0)
    second = _checked("B", b, config, axis=1)
    check(
        first.shape[1] == second.shape[0],
        f"A of shape {first.shape} and B of shape {second.shape} cannot be multiplied: "
        "A must have as many columns as B has rows",
    )
    k, most = first.shape[1], config.most_products
    check(
        most is None or k <= most,
        f"K must be at most {most}, not {k}: a longer sum of {config.activation} by "
        f"{config.weight} could overflow its {config.accumulator_width} bits",
    )
    return first, second


def _checked(name: str, operand: object, config: MatrixUnitConfig, *, axis: int) -> CheckedOperand:
    if (
        isinstance(operand, CheckedOperand)
        and operand.axis == axis
        # Mostly it is the same object, which is faster to compare.
        and (operand.config is config or operand.config == config)
    ):
        return operand
    formats = (config.activation, config.weight)[axis]
    given = operand if isinstance(operand, Quantized | CheckedOperand) else Quantized(operand)
    if isinstance(formats.default, FloatFormat):
        matrix = _floats(name, given.values, formats.default)
    else:
        matrix = _integers(name, given.values, formats)
    check(
        matrix.ndim == 2 and matrix.size > 0,
        f"{name} must be a matrix with at least one row and column, not of shape {matrix.shape}",
    )
    number = _format_of(name, matrix, given.format, formats)
    if isinstance(number, IntegerFormat):
        _check_range(name, matrix, number)
    count = matrix.shape[axis]
    shape = [(count, 1), (1, count)][axis]
    if isinstance(given.zero_point, int) and given.zero_point == 0:
        return CheckedOperand(matrix, number, np.zeros(shape, np.int64), config, axis)
    what = f"the zero point of {name}"
    points = _integers(what, given.zero_point, formats)
    side = ("row", "column")[axis]
    check(
        points.shape in ((), (1,), (count,), shape),
        f"{what} must be one number, or {count}, one for each {side}, not of shape {points.shape}",
    )
    check(
        config.zero_points or not points.any(),
        f"{what} must be 0, because "
        + (
            "this unit has no zero points: configure it with zero_points=True"
            if isinstance(number, IntegerFormat)
            else f"{number} has no zero points"
        ),
    )
    if isinstance(number, IntegerFormat):
        _check_range(what, points, number)
    points = np.broadcast_to(points.ravel(), count).astype(np.int64)
    return CheckedOperand(matrix, number, points.reshape(shape), config, axis)


def _format_of(
    name: str, matrix: np.ndarray, given: GivenFormat | None, formats: OperandFormats
) -> NumberFormat:
    """Return the format that is given, or that the dtype of the values suggests."""
    if given is not None:
        try:
            return formats.named(given)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    alike = [number for number in formats if number.dtype == matrix.dtype]
    return alike[0] if len(alike) == 1 else formats.default


def _floats(name: str, given: object, number: FloatFormat) -> np.ndarray:
    """Return numbers of a format as an array."""
    array = _array(name, given)
    if array.dtype != number.dtype:
        raise TypeError(
            f"{name} must hold {number}, not {array.dtype}: convert it first, for example by "
            f"{name}.astype(ml_dtypes.{number})"
        )
    return array


def _integers(name: str, given: object, formats: OperandFormats) -> np.ndarray:
    """Return integers as an array."""
    array = _array(name, given)
    if array.dtype.kind not in "iu":
        what = "quantize" if array.dtype.kind in "fV" else "convert"
        raise TypeError(
            f"{name} must hold integers, not {array.dtype}: {what} it to {formats.default} first"
        )
    return array


def _array(name: str, given: object) -> np.ndarray:
    if is_masked(given):
        raise TypeError(
            f"{name} is masked, but a product cannot keep a mask: fill it first, "
            f"for example by {name}.filled(0)"
        )
    try:
        return np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} must be a matrix, but numpy cannot read it: {error}") from None


def _check_range(name: str, values: np.ndarray, number: IntegerFormat) -> None:
    # All values of such a dtype are in the range of the format.
    same_kind = values.dtype.kind == ("i" if number.signed else "u")
    if same_kind and 8 * values.itemsize <= number.width:
        return
    low, high = int(values.min()), int(values.max())
    wrong = low if low < number.minimum else high
    check(
        number.minimum <= wrong <= number.maximum,
        f"{name} holds {wrong}, but {number} ranges from {number.minimum} to {number.maximum}",
    )
