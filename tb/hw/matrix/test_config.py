"""MatrixUnitConfig: every illegal value is rejected, and all derived values are exact."""

import dataclasses
import gc
import itertools
import re

import numpy as np
import pytest

from weft import AxiMatrixUnit, MatrixUnit
from weft.formats import IntegerFormat
from weft.matrix.config import SMALL, TINY, TPU_V1, MatrixUnitConfig

RANGES = {
    "rows": (1, 256),
    "columns": (1, 256),
    "accumulator_width": (8, 64),
    "accumulator_depth": (1, 4096),
    "multiplier_stages": (0, 4),
    "adder_stages": (1, 4),
}


@pytest.mark.parametrize("name", RANGES)
def test_takes_the_ends_of_each_range(name):
    for value in RANGES[name]:
        assert getattr(MatrixUnitConfig(**{name: value}), name) == value


# With 0, the unit chooses the width.
LEGAL = {**RANGES, "accumulator_width": (0, 96)}


@pytest.mark.parametrize("name", LEGAL)
def test_rejects_all_but_integers_in_range(name):
    """Rejects numbers beyond the range, and bool, float, text and None."""
    low, high = LEGAL[name]
    beyond = [low - 1, high + 1, -1, 10**9]
    for value in (*beyond, float(low), 8.5, str(low), None, True, False, [low]):
        with pytest.raises(ValueError) as refusal:
            MatrixUnitConfig(**{name: value})
        sentence = f"{name} must be an integer from {low} to {high}, not {value!r}"
        assert str(refusal.value) == sentence


@pytest.mark.parametrize("name", ["activation", "weight"])
def test_reads_formats_and_refuses_others(name):
    for width, is_signed in itertools.product(range(1, 17), (True, False)):
        number = IntegerFormat(width, signed=is_signed)
        assert getattr(MatrixUnitConfig(**{name: str(number)}), name).formats == (number,)
        assert getattr(MatrixUnitConfig(**{name: number}), name).formats == (number,)
    for text in ("int17", "uint64", IntegerFormat(17)):
        sentence = f"{name} format must be 1 to 16 bits wide, not {text}"
        with pytest.raises(ValueError, match=sentence):
            MatrixUnitConfig(**{name: text})
    for dtype, number in ((np.int8, "int8"), (np.dtype(">u2"), "uint16"), (np.dtype("i1"), "int8")):
        assert str(getattr(MatrixUnitConfig(**{name: dtype}), name)) == number
    for text in ("int65", "float8", "", 8, None, True, np.float32, np.integer, np.bool_, int):
        with pytest.raises(ValueError, match="format"):
            MatrixUnitConfig(**{name: text})


def test_pieces_and_zero_points_change_only_the_operands_of_the_array():
    config = MatrixUnitConfig(activation="int8,int16", weight="uint8", cell_width=8)  # type: ignore
    assert (str(config.arithmetic.activation), str(config.arithmetic.weight)) == ("int9", "uint8")
    assert (config.shift_bits, config.label) == (1, "16x16, int8,int16 x uint8 -> int32")
    centered = MatrixUnitConfig(zero_points=True)
    assert str(centered.arithmetic.activation) == str(centered.arithmetic.weight) == "int9"
    assert (centered.shift_bits, MatrixUnitConfig().shift_bits) == (0, 0)


@pytest.mark.parametrize("name", ["activation", "weight"])
def test_refuses_cells_that_are_too_narrow(name):
    sentence = f"cell_width must be at least 4 for {name} int8,int13, not 3"
    with pytest.raises(ValueError, match=sentence):
        MatrixUnitConfig(**{name: "int8,int13", "cell_width": 3})


def test_soft_columns_are_columns():
    assert MatrixUnitConfig().soft_columns == 0
    assert MatrixUnitConfig(columns=3, soft_columns=3).soft_columns == 3
    for value in (-1, 4, True, None, 1.0):
        sentence = f"soft_columns must be an integer from 0 to 3, not {value!r}"
        with pytest.raises(ValueError, match=re.escape(sentence)):
            MatrixUnitConfig(columns=3, soft_columns=value)


def test_checksum_is_a_bool():
    assert MatrixUnitConfig().checksum is False
    assert MatrixUnitConfig(checksum=True).checksum is True
    for value in (0, 1, "yes", None):
        sentence = f"checksum must be True or False, not {value!r}"
        with pytest.raises(ValueError, match=re.escape(sentence)):
            MatrixUnitConfig(checksum=value)
    with pytest.raises(ValueError, match="columns must be at least 2 for checksums, not 1"):
        MatrixUnitConfig(columns=1, checksum=True)
    for activation in ("int1", "uint1"):
        with pytest.raises(ValueError, match=f"at least 2 bits for checksums, not {activation}"):
            MatrixUnitConfig(activation=activation, checksum=True)


def test_is_frozen_and_compares_by_value():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TINY.rows = 5
    same = MatrixUnitConfig(rows=4, columns=4, accumulator_depth=16, weight="int8")
    assert same == TINY
    assert hash(same) == hash(TINY)
    with pytest.raises(TypeError):
        MatrixUnitConfig(16)


def test_converts_numpy_scalars():
    config = MatrixUnitConfig(rows=np.int64(4), columns=np.uint8(4), checksum=np.bool_(True))
    assert config == MatrixUnitConfig(rows=4, columns=4, checksum=True)
    assert (type(config.rows), config.checksum) == (int, True)


def test_refuses_arrays_in_one_line():
    for name in ("rows", "inner_product", "checksum", "weight"):
        with pytest.raises(ValueError, match="value of type ndarray") as refusal:
            MatrixUnitConfig(**{name: np.arange(100).reshape(10, 10)})
        assert "\n" not in str(refusal.value)


def test_label_names_shape_and_formats():
    config = MatrixUnitConfig(rows=3, columns=18, activation="uint5", accumulator_width=40)
    assert config.label == "3x18, uint5 x int8 -> int40"


# Amaranth also warns of a component whose constructor raises.
@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("config", [None, {"rows": 4}, MatrixUnitConfig])
@pytest.mark.parametrize("component", [MatrixUnit, AxiMatrixUnit])
def test_components_refuse_other_configurations(component, config):
    with pytest.raises(TypeError, match=r"^config must be a MatrixUnitConfig, not "):
        component(config=config)
    gc.collect()


def test_named_configurations():
    assert (TINY.rows, TINY.columns) == (4, 4)
    assert (SMALL.rows, SMALL.columns) == (16, 16)
    # Jouppi et al., ISCA 2017: 256 x 256 cells of 8 bits, 4096 rows of 32-bit accumulators.
    assert (TPU_V1.rows, TPU_V1.columns, TPU_V1.accumulator_depth) == (256, 256, 4096)
    assert (str(TPU_V1.activation), str(TPU_V1.weight)) == ("int8", "int8")
    assert TPU_V1.accumulator_width == 32


FORMATS = [f"{sign}int{width}" for sign in ("", "u") for width in (1, 2, 3, 5, 8, 16)]


@pytest.mark.parametrize("weight", FORMATS)
@pytest.mark.parametrize("activation", FORMATS)
def test_widths_are_minimal_and_sufficient(activation, weight):
    """The extremes of a product and of a sum of R products fit, but not into one bit less."""
    for rows in (1, 2, 3, 4, 7, 8, 9, 16, 255, 256):
        config = MatrixUnitConfig(
            rows=rows, activation=activation, weight=weight, accumulator_width=64
        )
        products = [
            a * w
            for a in extremes(config.activation.default)
            for w in extremes(config.weight.default)
        ]
        assert config.arithmetic.product_shape.width == narrowest(min(products), max(products))
        low, high = rows * min(products), rows * max(products)
        assert config.arithmetic.sum_width == narrowest(low, high)
        narrow = dataclasses.replace(config, accumulator_width=8)
        assert narrow.arithmetic.sum_width == min(8, narrowest(low, high))


def extremes(number: IntegerFormat) -> list[int]:
    """Return all values of a narrow format; of a wide one, the values of extreme products."""
    if number.width <= 5:
        return list(range(number.minimum, number.maximum + 1))
    return [number.minimum, -1 if number.signed else 0, 0, 1, number.maximum]


def narrowest(low: int, high: int) -> int:
    """Return the narrowest two's complement width that holds both, found by search."""
    return next(w for w in itertools.count(1) if -(2 ** (w - 1)) <= low and high < 2 ** (w - 1))


def test_sum_parts_are_even_and_whole():
    """The parts add up to the width of the sum, differ by at most one bit, and none is empty."""
    for activation, rows, width, stages in itertools.product(
        ("int1", "uint1", "int8", "uint16"), (1, 3, 256), (8, 20, 32, 64), (1, 2, 3, 4)
    ):
        config = MatrixUnitConfig(
            activation=activation,
            weight=activation,
            rows=rows,
            accumulator_width=width,
            adder_stages=stages,
        )
        parts = config.arithmetic.sum_parts
        assert sum(parts) == config.arithmetic.sum_width
        assert len(parts) == min(stages, config.arithmetic.sum_width)
        assert min(parts) >= 1
        assert max(parts) - min(parts) <= 1


def test_addresses_reach_every_row_and_row_numbers_one_beyond():
    for depth in range(1, 4097):
        config = MatrixUnitConfig(accumulator_depth=depth)
        assert 1 << config.row_width > depth
        assert depth == 1 or 1 << (config.row_width - 1) <= depth
        assert 1 << config.address_width >= depth
        assert depth <= 2 or 1 << (config.address_width - 1) < depth


def test_accumulator_is_signed():
    for width in (8, 20, 32, 64):
        config = MatrixUnitConfig(accumulator_width=width, activation="uint8", weight="uint8")
        assert config.accumulator == IntegerFormat(width, signed=True)
