"""Pieces of numbers: they add up to the number, and padding adds nothing to a product."""

import os

import numpy as np
import pytest

from weft import MatrixUnitConfig
from weft.formats import IntegerFormat, OperandFormats
from weft.operand_port import OperandPort
from weft_model import Quantized, matmul
from weft_model.pieces import signs_of, split
from weft_model.schedule import Schedule

FORMATS = ("int16", "uint16", "int12", "uint9", "int8", "uint3", "int1")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("cell_width", [0, 4, 5, 8, 16])
def test_pieces_add_up_to_the_number(name, cell_width):
    number = IntegerFormat.parse(name)
    formats = OperandFormats.parse([name, *({"int8", "uint8"} - {name})])
    port = OperandPort.of("A", formats, cell_width=cell_width, zero_points=False)
    values = np.arange(number.minimum, number.maximum + 1)
    pieces = split(port, number, values)
    assert pieces.dtype == port.lane.dtype
    total = np.zeros_like(values)
    for place, (piece, signed) in enumerate(zip(pieces, signs_of(port, number), strict=True)):
        lane = IntegerFormat(port.lane.width, signed=bool(signed) or port.lane.signed)
        raw = piece.astype(np.int64) & (1 << port.lane.width) - 1
        raw -= (raw >> port.lane.width - 1 & lane.signed) << port.lane.width
        total += raw << place * port.lane.width
    assert np.array_equal(total, values)


def test_padding_cancels_the_zero_points():
    """The lanes, read as numbers, give the product, for any weights beside those of B."""
    source = np.random.default_rng(int(os.environ["SEED"]))
    config = MatrixUnitConfig(
        rows=4, columns=3, activation="uint8", weight="uint8", zero_points=True
    )
    a, b = source.integers(0, 256, (5, 6)), source.integers(0, 256, (6, 2))
    first = Quantized(a, zero_point=source.integers(0, 256, 5))
    second = Quantized(b, zero_point=source.integers(0, 256, 2))
    lanes = Schedule.of(config, first, second).lanes(first, second)
    assert lanes.activations.shape == (5, 8) and lanes.weights.shape == (8, 3)
    x = lanes.activations.astype(int) - lanes.zero_points[:, np.newaxis]
    y = lanes.weights.astype(int)
    y[6:] = source.integers(0, 256, (2, 3))
    z = x @ (y - lanes.weight_zero_points[0])
    assert np.array_equal(z[:, :2], matmul(config, first, second))
