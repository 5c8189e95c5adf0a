"""Contents of a view of a trace: signals grouped by module, in the order of the dataflow.

Signals are named by their rows and columns. Multi-bit values appear as numbers or decoded text.
"""

from itertools import product

from vcd.gtkw import GTKWColor

from weft.array.arithmetic import Arithmetic
from weft.array.inner_product import (
    ChainedInnerProduct,
    FastInnerProduct,
    MagnitudeInnerProduct,
    PlainInnerProduct,
)
from weft.array.pairs import operand_shape
from weft.core.axi_matrix_unit import tuser_layout
from weft.float_format import FloatFormat
from weft.formats import NumberFormat
from weft.matrix.admission import Admission
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Activity
from weft.normalized_float import NormalizedFloat
from weft.operand_port import OperandPort
from weft.sign_magnitude import SignMagnitude

from .scopes import banks, cells, result_columns
from .wave_rows import (
    ACTIVATION,
    ACTIVITIES,
    CONTROL,
    ERRORS,
    NEXT_WEIGHT,
    SUM,
    SUM_FLAGS,
    SUMS,
    TROUBLE,
    WEIGHT,
    Group,
    Row,
)

# If a side is longer, only parts of the edges and of the diagonal are listed.
WHOLE_SIDE = 8


def _listed(size: int) -> list[int]:
    """Return the lanes of a port, or the rows of an edge, that a view lists."""
    if size <= WHOLE_SIDE:
        return list(range(size))
    return sorted({0, 1, 2, size // 2, size - 2, size - 1})


def _listed_cells(config: MatrixUnitConfig) -> list[tuple[int, int]]:
    """Return the cells that a view lists, row by row: all, or some of the edges and diagonal."""
    rows, columns = config.cell_rows, config.columns
    whole = rows <= WHOLE_SIDE and columns <= WHOLE_SIDE
    diagonal = {(at, at) for at in _listed(min(rows, columns))}
    edges = {(r, c) for r in _listed(rows) for c in (0, columns - 1)}
    edges |= {(r, c) for r in (0, rows - 1) for c in _listed(columns)}
    everything = product(range(rows), range(columns))
    return [at for at in everything if whole or at in diagonal | edges]


def groups(config: MatrixUnitConfig) -> list[Group]:
    """Return everything that a view shows, in the order of the dataflow."""
    return [
        Group(
            "clock",
            [
                Row("aclk", "clock"),
                Row("aresetn", "reset (active low)"),
                Row("counter_total", "cycle", "unsigned"),
            ],
        ),
        *_ports(config),
        *_west(config),
        *_array(config),
        *_south(config),
    ]


def _look(number: NumberFormat | SignMagnitude | NormalizedFloat) -> str:
    if isinstance(number, FloatFormat):
        return f"weft_{number}"
    if isinstance(number, NormalizedFloat):
        return f"weft_normalized_{number.number}"
    if isinstance(number, SignMagnitude):
        return "hex"
    return "signed" if number.signed else "unsigned"


def _lane_rows(
    port: str,
    what: str,
    lanes: list[int],
    number: NumberFormat,
    color: GTKWColor,
    look: str | None = None,
) -> list[Row]:
    look = look or _look(number)
    return [
        Row(port, what.format(lane), look, color, lane * number.lane_width, number.width)
        for lane in lanes
    ]


def _operand_rows(
    port: str, what: str, lanes: list[int], operand: OperandPort, color: GTKWColor
) -> list[Row]:
    """Return lanes of operands; floats are shown in decimal, beside the name of their format."""
    number, look = operand.float_format, None
    if number is not None:
        what, look = f"{what} ({number})", _look(number)
    return _lane_rows(port, what, lanes, operand.lane, color, look)


def _handshake(prefix: str, what: str) -> list[Row]:
    return [
        Row(f"{prefix}_tvalid", f"{what} valid", color=CONTROL),
        Row(f"{prefix}_tready", f"{what} ready", color=CONTROL),
    ]


def _field(
    config: MatrixUnitConfig, field: str, name: str, look: str = "wave", fields: int = 1
) -> Row:
    """Return a field of the control of an activation row, or several consecutive fields."""
    at = tuser_layout(config)[field]
    return Row("s_axis_activations_tuser", name, look, CONTROL, at.offset, at.width * fields)


def _further_fields(config: MatrixUnitConfig) -> list[Row]:
    """Return the fields of an activation row that only some units have."""
    looks = {"shift": "unsigned", "signed": "wave", "zero_point": "unsigned"}
    if not config.activation_port.signed_at_run_time and config.activation_port.lane.signed:
        looks["zero_point"] = "signed"
    return [
        _field(config, name, f"activations {name.replace('_', ' ')}", look)
        for name, look in looks.items()
        if name in dict(tuser_layout(config))
    ]


def _ports(config: MatrixUnitConfig) -> list[Group]:
    weights, activations, results = "s_axis_weights", "s_axis_activations", "m_axis_results"
    rows, columns = _listed(config.rows), _listed(config.columns)
    return [
        Group(
            "port: weights in (rows of B)",
            [
                *_handshake(weights, "weights"),
                Row(f"{weights}_tlast", "weights end of tile", color=CONTROL),
                *_operand_rows(
                    f"{weights}_tdata", "weights c{}", columns, config.weight_port, WEIGHT
                ),
            ],
        ),
        Group(
            "port: activations in (rows of A)",
            [
                *_handshake(activations, "activations"),
                _field(config, "switch", "activations new tile"),
                _field(config, SUM_FLAGS[0], "activations sum", SUMS.name, len(SUM_FLAGS)),
                _field(config, "row", "activations sum row", "unsigned"),
                *_further_fields(config),
                Row(f"{activations}_tlast", "activations end of job", color=CONTROL),
                *_operand_rows(
                    f"{activations}_tdata",
                    "activations r{}",
                    rows,
                    config.activation_port,
                    ACTIVATION,
                ),
            ],
        ),
        Group(
            "port: results out (rows of Z)",
            [
                *_handshake(results, "results"),
                Row(f"{results}_tlast", "results end of job", color=CONTROL),
                *_lane_rows(f"{results}_tdata", "results c{}", columns, config.result_format, SUM),
            ],
        ),
    ]


def _west(config: MatrixUnitConfig) -> list[Group]:
    gate, loader, late = "unit.admission", "unit.loader", Admission.activity_latency
    return [
        Group(
            "admission: which row enters the array",
            [
                Row(f"{gate}.activity_now", "activity", ACTIVITIES.name),
                Row(f"{gate}.activity", f"activity with sums, {late} cycles late", ACTIVITIES.name),
                Row(f"{gate}.waiting", "row waits", color=CONTROL),
                Row(f"{gate}.advance", "row enters", color=CONTROL),
                Row(f"{gate}.take", "row needs next tile", color=CONTROL),
                Row(f"{gate}.spare", "free result places - 1", "signed", CONTROL),
                Row(f"{gate}.errors", "errors this cycle", ERRORS.name, TROUBLE),
                Row("error_status", "error status (sticky)", ERRORS.name, TROUBLE),
            ],
        ),
        Group(
            "weight loader: the next tile",
            [
                Row(f"{loader}.loads", "load, r0 lowest", "binary", CONTROL),
                Row(f"{loader}.complete", "next tile complete", color=CONTROL),
                Row(f"{loader}.broken", "next tile broken", color=TROUBLE),
            ],
        ),
    ]


def _array(config: MatrixUnitConfig) -> list[Group]:
    listed = _listed_cells(config)
    by_column = sorted(listed, key=lambda at: at[::-1])
    edge = [(row, 0) for row in _listed(config.cell_rows)]
    split = " (in parts, one cycle apart)" if len(config.arithmetic.sum_parts) > 1 else ""
    operands = OPERANDS[config.multiplication]
    next_weights, weights, activations = operands(config, listed, by_column)
    return [
        Group("array: load enables (thermometer code)", _of_cells(config, edge, "load", "load")),
        next_weights,
        Group("array: switch (diagonal front)", _of_cells(config, listed, "switch", "switch")),
        weights,
        activations,
        Group(
            f"array: partial sums move south{split}",
            _of_cells(config, by_column, "sum_out", "sum", _look(config.sum_format), SUM),
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
    weight, activation = _look(arithmetic.weight), _look(arithmetic.activation)
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


# Operands that move through the cells of each kind of array.
OPERANDS = {
    PlainInnerProduct: _operands,
    FastInnerProduct: _fast_operands,
    MagnitudeInnerProduct: _operands,
    ChainedInnerProduct: _operands,
}


def _south(config: MatrixUnitConfig) -> list[Group]:
    scopes, columns = banks(config), _listed(config.columns)
    bank_rows = [
        row
        for column in columns
        for row in (
            Row(f"{scopes[column]}.write_control_row", f"bank c{column} row", "unsigned", CONTROL),
            Row(
                f"{scopes[column]}.sum_out", f"bank c{column} total", _look(config.sum_format), SUM
            ),
            Row(f"{scopes[column]}.write_control_write", f"bank c{column} kept", color=CONTROL),
        )
    ]
    buffer, places = "unit.results", result_columns(config)
    counters = [
        Row(f"counter_{activity.name.lower()}", activity.name.lower(), "unsigned")
        for activity in Activity
    ]
    checks = [
        Row("unit.checksum_column.checksum", "checksum", "signed", SUM),
        Row("unit.checksum_column.wrong_activation", "wrong activation", color=TROUBLE),
        Row("unit.result_check.mismatch", "wrong result", color=TROUBLE),
    ]
    return [
        Group("accumulators: one bank per column", bank_rows),
        Group(
            "result buffer: complete rows leave",
            [
                *[Row(f"{places[c]}.write_in", f"c{c} finished", color=CONTROL) for c in columns],
                Row(f"{buffer}.landed", "last column finished", color=CONTROL),
                Row(f"{buffer}.released", "row leaves", color=CONTROL),
            ],
        ),
        *([Group("checksums", checks)] if config.checksum else []),
        Group("counters: cycles spent on", counters, closed=True),
    ]
