"""The part of a view of a trace that shows the cells of the array."""

from itertools import product

from vcd.gtkw import GTKWColor

from weft.array.arithmetic import Arithmetic
from weft.array.inner_product import FastInnerProduct, PackedInnerProduct
from weft.array.packed_cell import high_shape, operand_shapes, spacing_of
from weft.array.pairs import operand_shape
from weft.float_format import FloatFormat
from weft.formats import IntegerFormat, NumberFormat
from weft.matrix.config import MatrixUnitConfig
from weft.normalized_float import NormalizedFloat
from weft.sign_magnitude import SignMagnitude

from .scopes import cells
from .wave_rows import ACTIVATION, CONTROL, NEXT_WEIGHT, SUM, WEIGHT, Group, Row

# If a side is longer, only parts of the edges and of the diagonal are listed.
WHOLE_SIDE = 8


def listed(size: int) -> list[int]:
    """Return the lanes of a port, or the rows of an edge, that a view lists."""
    if size <= WHOLE_SIDE:
        return list(range(size))
    return sorted({0, 1, 2, size // 2, size - 2, size - 1})


def _listed_cells(config: MatrixUnitConfig) -> list[tuple[int, int]]:
    """Return the cells that a view lists, row by row: all, or some of the edges and diagonal."""
    rows, columns = config.cell_rows, config.columns
    whole = rows <= WHOLE_SIDE and columns <= WHOLE_SIDE
    diagonal = {(at, at) for at in listed(min(rows, columns))}
    edges = {(r, c) for r in listed(rows) for c in (0, columns - 1)}
    edges |= {(r, c) for r in (0, rows - 1) for c in listed(columns)}
    everything = product(range(rows), range(columns))
    return [at for at in everything if whole or at in diagonal | edges]


def look_of(number: NumberFormat | SignMagnitude | NormalizedFloat) -> str:
    """Return how numbers of a format are shown: see Row."""
    if isinstance(number, FloatFormat):
        return f"weft_{number}"
    if isinstance(number, NormalizedFloat):
        return f"weft_normalized_{number.number}"
    if isinstance(number, SignMagnitude):
        return "hex"
    return "signed" if number.signed else "unsigned"


def array_groups(config: MatrixUnitConfig) -> list[Group]:
    """Return the groups of the cells, in the order of the dataflow."""
    chosen = _listed_cells(config)
    by_column = sorted(chosen, key=lambda at: at[::-1])
    edge = [(row, 0) for row in listed(config.cell_rows)]
    split = " (in parts, one cycle apart)" if len(config.arithmetic.sum_parts) > 1 else ""
    operands = OPERANDS.get(config.multiplication, _operands)
    next_weights, weights, activations = operands(config, chosen, by_column)
    return [
        Group("array: load enables (thermometer code)", _of_cells(config, edge, "load", "load")),
        next_weights,
        Group("array: switch (diagonal front)", _of_cells(config, chosen, "switch", "switch")),
        weights,
        activations,
        Group(
            f"array: partial sums move south{split}",
            _of_cells(config, by_column, "sum_out", "sum", look_of(config.sum_format), SUM),
        ),
    ]


def _of_cells(
    config: MatrixUnitConfig,
    which: list[tuple[int, int]],
    signal: str,
    what: str,
    look: str = "wave",
    color: GTKWColor = CONTROL,
    **bits: int,
) -> list[Row]:
    """Return a signal of some cells; a cell is named after its first row in a tile."""
    scope, height = cells(config), config.rows_per_cell
    return [
        Row(f"{scope[r, c]}.{signal}", f"cell r{r * height} c{c} {what}", look, color, **bits)
        for r, c in which
    ]


def _operands(
    config: MatrixUnitConfig, listed: list[tuple[int, int]], by_column: list[tuple[int, int]]
) -> tuple[Group, Group, Group]:
    arithmetic = config.arithmetic
    weight, activation = look_of(arithmetic.weight), look_of(arithmetic.activation)
    shown = "activation_out", "activation", activation, ACTIVATION
    return (
        Group(
            "array: next weights move south",
            _of_cells(config, by_column, "weight_out", "next", weight, NEXT_WEIGHT),
        ),
        Group(
            "array: weights in use",
            _of_cells(config, by_column, "weight", "weight", weight, WEIGHT),
        ),
        Group("array: activations move east", _of_cells(config, listed, *shown)),
    )


def _fast_operands(
    config: MatrixUnitConfig, listed: list[tuple[int, int]], by_column: list[tuple[int, int]]
) -> tuple[Group, Group, Group]:
    arithmetic = config.arithmetic
    assert isinstance(arithmetic, Arithmetic)
    width = operand_shape(arithmetic).width
    pair = [("first", 0), ("second", width)]
    return (
        Group(
            "array: next differences of weights move south",
            _of_cells(config, by_column, "weight_out", "next", "signed", NEXT_WEIGHT),
        ),
        Group(
            "array: differences of weights in use",
            [
                row
                for side in ("upper", "lower")
                for row in _of_cells(config, by_column, f"{side}_weight", side, "signed", WEIGHT)
            ],
        ),
        Group(
            "array: activations plus weights move east",
            [
                row
                for name, low in pair
                for row in _of_cells(
                    config,
                    listed,
                    "activation_out",
                    f"{name} sum",
                    "signed",
                    ACTIVATION,
                    low=low,
                    width=width,
                )
            ],
        ),
    )


def _packed_operands(
    config: MatrixUnitConfig, listed: list[tuple[int, int]], by_column: list[tuple[int, int]]
) -> tuple[Group, Group, Group]:
    """Return the halves of the packed numbers; the high half is one less if the low is negative."""
    arithmetic = config.arithmetic
    assert isinstance(arithmetic, Arithmetic)
    spacing, (_, packed) = spacing_of(arithmetic), operand_shapes(arithmetic)
    weights = {
        "upper, less one if lower < 0": {"low": spacing, "width": packed.width - spacing},
        "lower": {"low": 0, "width": spacing},
    }
    activation = arithmetic.activation
    assert isinstance(activation, IntegerFormat)
    width = activation.width
    activations = {
        "first": (look_of(activation), {"low": 0, "width": width}),
        "second, less one if first < 0": (
            "signed",
            {"low": width, "width": high_shape(activation).width},
        ),
    }
    return (
        Group(
            "array: next weights move south",
            _of_cells(config, by_column, "weight_out", "next", "signed", NEXT_WEIGHT),
        ),
        Group(
            "array: weights in use",
            [
                row
                for side, bits in weights.items()
                for row in _of_cells(config, by_column, "weight", side, "signed", WEIGHT, **bits)
            ],
        ),
        Group(
            "array: activations move east",
            [
                row
                for name, (look, bits) in activations.items()
                for row in _of_cells(
                    config, listed, "activation_out", name, look, ACTIVATION, **bits
                )
            ],
        ),
    )


# How the operands of a cell are shown, where a cell adds up two rows.
OPERANDS = {FastInnerProduct: _fast_operands, PackedInnerProduct: _packed_operands}
