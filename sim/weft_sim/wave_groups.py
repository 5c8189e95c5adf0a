"""Contents of a view of a trace: signals grouped by module, in the order of the dataflow.

Signals are named by their rows and columns. Multi-bit values appear as numbers or decoded text.
"""

from vcd.gtkw import GTKWColor

from weft.core.axi_matrix_unit import tuser_layout
from weft.formats import NumberFormat
from weft.matrix.admission import Admission
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Activity
from weft.operand_port import OperandPort

from .scopes import banks, result_columns
from .wave_cells import array_groups, listed, look_of
from .wave_rows import (
    ACTIVATION,
    ACTIVITIES,
    CONTROL,
    ERRORS,
    SUM,
    SUM_FLAGS,
    SUMS,
    TROUBLE,
    WEIGHT,
    Group,
    Row,
)


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
        *array_groups(config),
        *_south(config),
    ]


def _lane_rows(
    port: str,
    what: str,
    lanes: list[int],
    number: NumberFormat,
    color: GTKWColor,
    look: str | None = None,
) -> list[Row]:
    look = look or look_of(number)
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
        what, look = f"{what} ({number})", look_of(number)
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
    rows, columns = listed(config.rows), listed(config.columns)
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


def _south(config: MatrixUnitConfig) -> list[Group]:
    scopes, columns = banks(config), listed(config.columns)
    total = look_of(config.sum_format)
    bank_rows = [
        row
        for column in columns
        for row in (
            Row(f"{scopes[column]}.write_control_row", f"bank c{column} row", "unsigned", CONTROL),
            Row(f"{scopes[column]}.sum_out", f"bank c{column} total", total, SUM),
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
