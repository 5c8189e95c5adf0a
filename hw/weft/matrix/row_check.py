"""RowCheck: drop admitted rows that cannot be computed correctly."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from .begun import BegunRows
from .config import MatrixUnitConfig
from .layouts import Error, error_bits, row_control_layout


def checked_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of a row to check.

    `valid`: there is a row. `good_tile`: its tile of weights is good. `in_range`: its accumulator
    row exists. The other fields are those of row_control_layout(config).
    """
    known = {"valid": 1, "good_tile": 1, "in_range": 1}
    return data.StructLayout(known | row_control_layout(config).members)


class RowCheck(wiring.Component):
    """Drop a row if its tile is broken or missing, its accumulator row does not exist, or it would
    be added to a sum that has not begun.

    A dropped row ends the sum that it was part of, so that no wrong sum can leave later.

    Latency `latency` cycles from `row` to `control`, `dropped` and `errors`. Never stalls.

    Parameters
    ----------
    config : MatrixUnitConfig

    Members
    -------
    row : checked_layout(config) in
    control : row_control_layout(config) out. `valid`, `last` and `end` are zero if the row is
        dropped.
    dropped : 1 bit out. The last row of a sum is dropped, so no result will use its place.
    errors : Error out, for one cycle
    unfinished : 1 bit out. A sum has begun but not ended, counting the rows up to the row of
        `unfinished_latency` cycles ago.
    """

    latency = BegunRows.latency + 1
    unfinished_latency = BegunRows.unfinished_latency

    def __init__(self, *, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {
                "row": In(checked_layout(config)),
                "control": Out(row_control_layout(config)),
                "dropped": Out(1),
                "errors": Out(Error),
                "unfinished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        begun = instantiate(
            m, "begun_rows", platform, BegunRows, depth=self.config.accumulator_depth
        )
        waiting = self.row.as_value()
        for cycle in range(1, BegunRows.latency):
            later = Signal.like(waiting, name=f"row_{cycle}")
            m.d.sync += later.eq(waiting)
            waiting = later
        row = Signal(self.row.shape(), name=f"row_{BegunRows.latency}")
        m.d.sync += row.eq(waiting)

        known = Signal()
        good = Signal()
        admitted = Signal()
        m.d.comb += [
            known.eq(row.first | begun.begun),
            good.eq(row.valid & row.good_tile & row.in_range),
            admitted.eq(good & known),
            begun.row.eq(self.row.row),
            begun.set.eq(row.valid & row.in_range),
            begun.value.eq(row.good_tile & ~row.last & known),
            self.unfinished.eq(begun.unfinished),
        ]
        # Only the bits that act are gated; the others are meaningless without them.
        m.d.sync += [
            self.control.valid.eq(admitted),
            self.control.first.eq(row.first),
            self.control.last.eq(admitted & row.last),
            self.control.end.eq(admitted & row.end),
            self.control.row.eq(row.row),
            *([self.control.shift.eq(row.shift)] if self.config.shift_bits else []),
            self.dropped.eq(row.valid & row.last & ~admitted),
            self.errors.eq(
                error_bits(
                    {
                        Error.NO_TILE: row.valid & ~row.good_tile,
                        Error.ROW_OUT_OF_RANGE: row.valid & ~row.in_range,
                        Error.NOT_STARTED: good & ~known,
                    }
                )
            ),
        ]
        return m
