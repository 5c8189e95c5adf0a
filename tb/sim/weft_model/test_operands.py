"""Random operands: in range, of every kind, and reproducible from the seed."""

import os

import numpy as np
import pytest

from weft.formats import IntegerFormat
from weft.matrix.config import MatrixUnitConfig
from weft_model.operands import KINDS, draw_matrix, draw_operands

SEED = int(os.environ["SEED"])
FORMATS = [
    IntegerFormat(width, signed=signed) for width in (1, 3, 8, 16) for signed in (True, False)
]
# The set of numbers that each kind may contain.
CONTENTS = {
    "minimum": lambda number: {number.minimum},
    "maximum": lambda number: {number.maximum},
    "zeros": lambda number: {0},
    "one-hot": lambda number: {0, number.maximum or number.minimum},
    "corners": lambda number: {number.minimum, number.maximum, 0, -1 if number.signed else 1},
}


def source() -> np.random.Generator:
    return np.random.default_rng(SEED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", FORMATS, ids=str)
def test_numbers_are_in_range(kind, number):
    if kind == "digits" and number == IntegerFormat(1):
        number = IntegerFormat(2)
    matrix = draw_matrix(source(), number, (40, 5), kind)
    assert (matrix.dtype, matrix.shape) == (number.dtype, (40, 5))
    assert number.minimum <= matrix.min() and matrix.max() <= number.maximum


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_kind_contains_exactly_its_numbers(kind):
    for number in FORMATS:
        matrix = draw_matrix(source(), number, (400, 5), kind)
        assert set(np.unique(matrix).tolist()) == CONTENTS[kind](number)


def test_one_hot_has_one_nonzero_number():
    assert np.count_nonzero(draw_matrix(source(), IntegerFormat(8), (9, 7), "one-hot")) == 1


def test_a_third_of_mixed_numbers_are_corners():
    number = IntegerFormat(16)
    matrix = draw_matrix(source(), number, (1000, 100))
    corners = np.isin(matrix, [number.minimum, number.maximum, 0, -1]).mean()
    assert 0.32 < corners < 0.35


def test_digits_do_not_repeat_in_a_column():
    for column in draw_matrix(source(), IntegerFormat(8), (18, 30), "digits").T:
        assert sorted(column.tolist()) == [*range(-9, 0), *range(1, 10)]


def test_operands_depend_only_on_the_seed():
    config = MatrixUnitConfig(activation="uint8", weight="int4")
    one, same, other = (draw_operands(config, 5, 6, 7, seed=SEED + n) for n in (0, 0, 1))
    assert [matrix.shape for matrix in one] == [(5, 6), (6, 7)]
    assert [matrix.dtype for matrix in one] == [np.uint8, np.int8]
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert any((a != b).any() for a, b in zip(one, other, strict=True))
