"""Fields of the ports of the unit: one table each for hardware, drivers, waves and docs."""

from typing import Any

from amaranth.hdl import Cat, Const, Shape, Value, signed, unsigned
from amaranth.lib import data, enum

from ..blocks.lanes import Lanes
from ..formats import IntegerFormat
from .config import MatrixUnitConfig

COUNTER_WIDTH = 32


def activation_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of an activation row: `lanes`[r] is A[m, k0 + r]; the rest is its control.

    `switch`: this row is the first to use the next tile of weights. `first`: overwrite the
    accumulator row instead of adding to it. `last`: output the finished sum instead of writing it
    back. `row`: the accumulator row. `end`: the last row of a job; its result carries `end`.

    Some units have further fields. `signed`: the lanes are signed. `zero_point`: subtracted from
    each lane; it is signed like the lanes. `shift`: the sum counts 2**(shift * lane width) times,
    because the lanes and the weights are pieces of wider numbers.
    """
    port = config.activation_port
    return data.StructLayout(
        {
            "lanes": Lanes(port.lane.shape, config.rows),
            **_row_fields(config),
            **({"signed": 1} if port.signed_at_run_time else {}),
            **({"zero_point": port.lane.shape} if port.zero_points else {}),
        }
    )


def array_row_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of an activation row whose lanes are operands of the array."""
    lanes = Lanes(config.activation_port.operand.shape, config.rows)
    return data.StructLayout({"lanes": lanes, **_row_fields(config)})


def _row_fields(config: MatrixUnitConfig) -> dict[str, Any]:
    """Return the fields of an activation row that do not concern its lanes."""
    return {
        "switch": 1,
        "first": 1,
        "last": 1,
        "end": 1,
        "row": config.row_width,
        **_shift_field(config),
    }


def _shift_field(config: MatrixUnitConfig) -> dict[str, int]:
    return {"shift": config.shift_bits} if config.shift_bits else {}


def weight_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of a weight row: `lanes`[c] is B[k0 + r, n0 + c]; `last` marks row 0.

    The rows of a tile come from row R-1 to row 0. Some units have further fields. `signed`: the
    lanes are signed. `zero_points`[c]: subtracted from lane c; it is signed like the lanes.
    """
    port = config.weight_port
    lanes = Lanes(port.lane.shape, config.columns)
    return data.StructLayout(
        {
            "lanes": lanes,
            "last": 1,
            **({"signed": 1} if port.signed_at_run_time else {}),
            **({"zero_points": lanes} if port.zero_points else {}),
        }
    )


def tile_row_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of a weight row whose lanes are operands of the array."""
    lanes = Lanes(config.weight_port.operand.shape, config.columns)
    return data.StructLayout({"lanes": lanes, "last": 1})


def result_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of a result row: `lanes`[c] is Z[m, n0 + c]; `end` ends a job."""
    number = config.result_format
    shape = number.shape if isinstance(number, IntegerFormat) else unsigned(number.width)
    return data.StructLayout({"lanes": Lanes(shape, config.columns), "end": 1})


def sum_row_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of a result row whose lanes are finished sums, above their flags."""
    lanes = Lanes(signed(config.accumulator_width + config.arithmetic.flags), config.columns)
    return data.StructLayout({"lanes": lanes, "end": 1})


class Error(enum.Flag, shape=6):
    """Errors that the unit has detected since they were last cleared."""

    SHORT_TILE = 1 << 0
    LONG_TILE = 1 << 1
    NO_TILE = 1 << 2
    ROW_OUT_OF_RANGE = 1 << 3
    NOT_STARTED = 1 << 4
    CORRUPTED = 1 << 5


def bit_of(flag: enum.Flag) -> int:
    """Return the position of the bit of a flag."""
    return flag.value.bit_length() - 1


def error_bits(seen: dict[Error, Value]) -> Value:
    """Return the bits of Error; errors not in `seen` are zero."""
    by_bit = {bit_of(error): value for error, value in seen.items()}
    return Cat(by_bit.get(bit, Const(0, 1)) for bit in range(Shape.cast(Error).width))


ERROR_SENTENCES = {
    Error.SHORT_TILE: "a tile of weights ended before its R-th row; rows that need it are dropped",
    Error.LONG_TILE: "a tile of weights did not end at its R-th row; rows that need it are dropped",
    Error.NO_TILE: "an activation row came while no valid tile of weights was in use; the row is"
    " dropped",
    Error.ROW_OUT_OF_RANGE: "an activation row named an accumulator row beyond the accumulator"
    " depth; the row is dropped",
    Error.NOT_STARTED: "an activation row was to be added to a sum that had not begun; the row is"
    " dropped",
    Error.CORRUPTED: "data changed inside the unit: a result does not match its checksum, or an"
    " activation its parity; only a unit with checksums detects this",
}


class Activity(enum.Enum, shape=3):
    """What a cycle is spent on, seen where rows enter the array; exactly one value per cycle."""

    IDLE = 0
    COMPUTING = 1
    WAITING_FOR_WEIGHTS = 2
    LOADING_WEIGHTS = 3
    WAITING_FOR_ACTIVATIONS = 4
    WAITING_FOR_ROOM = 5
    WAITING_FOR_SUM = 6


ACTIVITY_SENTENCES = {
    Activity.COMPUTING: "an activation row enters the array",
    Activity.WAITING_FOR_WEIGHTS: "a row waits for its tile, and no weight row arrives",
    Activity.LOADING_WEIGHTS: "a row waits for its tile, and a weight row is loaded (exposed load)",
    Activity.WAITING_FOR_ACTIVATIONS: "weights are loaded or a sum is unfinished, but no row waits",
    Activity.WAITING_FOR_ROOM: "a row waits for a place for its result",
    Activity.WAITING_FOR_SUM: "a row of bfloat16 waits for the sum that it is added to",
    Activity.IDLE: "there is no row, no weights and no unfinished sum; results may be in flight",
}


def counter_layout() -> data.StructLayout:
    """Return the layout of the counters: `total` cycles since reset, and one per Activity.

    All counters wrap at 2**COUNTER_WIDTH.
    """
    names = ("total", *(activity.name.lower() for activity in ACTIVITY_SENTENCES))
    return data.StructLayout({name: COUNTER_WIDTH for name in names})


def row_control_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of the control that follows an admitted row to the accumulators.

    If there is no row, `valid`, `last` and `end` are zero, and the other fields are meaningless.
    """
    flags = {name: 1 for name in ("valid", "first", "last", "end")}
    return data.StructLayout({**flags, "row": config.address_width, **_shift_field(config)})
