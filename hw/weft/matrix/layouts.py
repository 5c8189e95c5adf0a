"""The fields that cross the unit's ports: one table each, for hardware, drivers, waves and docs."""

from amaranth.hdl import Cat, Value, signed
from amaranth.lib import data, enum

from .config import MatrixUnitConfig

COUNTER_WIDTH = 32


def activation_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """One activation row: `lanes`[r] is A[m, k0 + r], and beside it what to do with the sum.

    `switch`: this row is the first to meet the next tile of weights. `first`: overwrite the
    accumulator row instead of adding to it. `last`: send the finished sum out instead of writing
    it back. `row`: which accumulator row. `end`: the last row of a job; its result carries `end`.
    """
    return data.StructLayout(
        {
            "lanes": data.ArrayLayout(config.activation.shape, config.rows),
            "switch": 1,
            "first": 1,
            "last": 1,
            "end": 1,
            "row": config.row_width,
        }
    )


def weight_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """One weight row: `lanes`[c] is B[k0 + r, n0 + c], row R-1 first; `last` on row 0."""
    lanes = data.ArrayLayout(config.weight.shape, config.columns)
    return data.StructLayout({"lanes": lanes, "last": 1})


def result_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """One result row: `lanes`[c] is Z[m, n0 + c]; `end` as it came with the activation row."""
    lanes = data.ArrayLayout(signed(config.accumulator_width), config.columns)
    return data.StructLayout({"lanes": lanes, "end": 1})


class Error(enum.Flag, shape=6):
    """What the unit has seen go wrong since its errors were last cleared."""

    SHORT_TILE = 1 << 0
    LONG_TILE = 1 << 1
    NO_TILE = 1 << 2
    ROW_OUT_OF_RANGE = 1 << 3
    NOT_STARTED = 1 << 4
    CORRUPTED = 1 << 5


def error_bits(seen: dict[Error, Value]) -> Value:
    """The bits of Error, of which those not named are zero."""
    return Cat(seen.get(error, 0) for error in Error)


ERROR_SENTENCES = {
    Error.SHORT_TILE: "a tile of weights ended before its R-th row; rows that need it are dropped",
    Error.LONG_TILE: "a tile of weights did not end with its R-th row; rows that need it dropped",
    Error.NO_TILE: "an activation row came while no complete tile of weights was in use; dropped",
    Error.ROW_OUT_OF_RANGE: "an accumulator row beyond the accumulator depth was named; dropped",
    Error.NOT_STARTED: "a row was to be added to an accumulator row never begun; dropped",
    Error.CORRUPTED: "data changed on its way: a result does not fit its checksum, or an activation"
    " its parity; only a unit with checksums sees it",
}


class Activity(enum.Enum, shape=3):
    """How a cycle is spent, judged where rows enter the array: exactly one of these each cycle."""

    IDLE = 0
    COMPUTING = 1
    WAITING_FOR_WEIGHTS = 2
    LOADING_WEIGHTS = 3
    WAITING_FOR_ACTIVATIONS = 4
    WAITING_FOR_ROOM = 5


ACTIVITY_SENTENCES = {
    Activity.COMPUTING: "an activation row enters the array",
    Activity.WAITING_FOR_WEIGHTS: "a row waits for its tile, and no weight row comes",
    Activity.LOADING_WEIGHTS: "a row waits for its tile, and a weight row is loaded (exposed load)",
    Activity.WAITING_FOR_ACTIVATIONS: "weights are loaded or sums unfinished, and no row is there",
    Activity.WAITING_FOR_ROOM: "a row waits for room for its result",
    Activity.IDLE: "no row, no weights, no unfinished sum; results may still be on their way",
}


def counter_layout() -> data.StructLayout:
    """`total` cycles since reset, and one counter an Activity; all wrap at 2**COUNTER_WIDTH."""
    names = ("total", *(activity.name.lower() for activity in ACTIVITY_SENTENCES))
    return data.StructLayout({name: COUNTER_WIDTH for name in names})


def row_control_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """What follows an admitted row to the accumulators; where there is no row, `valid`,
    `last` and `end` are zero, and the rest means nothing."""
    flags = {name: 1 for name in ("valid", "first", "last", "end")}
    return data.StructLayout({**flags, "row": config.address_width})
