"""Formats and widths in the cells of a checksum column, for exact sums of C weights."""

from ..array.arithmetic import Arithmetic, equal_parts
from ..formats import MAX_OPERAND_WIDTH, IntegerFormat, products_width
from ..sign_magnitude import SignMagnitude
from .config import MatrixUnitConfig


def checksum_arithmetic(config: MatrixUnitConfig) -> Arithmetic:
    """Return the arithmetic of the cells of the checksum column; magnitudes become integers."""
    one, activation = config.weight_port.operand, config.activation_port.operand
    bits = products_width(one, IntegerFormat(1, signed=False), config.columns)
    weight = IntegerFormat(bits if one.signed else bits - 1, signed=one.signed)
    width = products_width(activation, weight, config.rows)
    if isinstance(activation, SignMagnitude):
        activation = IntegerFormat(activation.integer_shape.width)
    parts = len(config.arithmetic.sum_parts)
    return Arithmetic(
        activation=activation,
        weight=weight,
        sum_parts=equal_parts(min(config.accumulator_width, width), parts),
        multiplier_stages=config.multiplier_stages,
    )


def checksum_is_soft(config: MatrixUnitConfig) -> bool:
    """Return whether the sums of weights are wider than any operand; adders then multiply them."""
    return checksum_arithmetic(config).weight.width > MAX_OPERAND_WIDTH
