"""WeightLoader: load tiles from the stream of weight rows into the shadow registers."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .config import MatrixUnitConfig
from .layouts import Error, error_bits, tile_row_layout


class WeightLoader(wiring.Component):
    """Push the rows of a tile into the north edge, and report when the tile is complete.

    The shadow registers of a column form a chain. Transfer k of a tile (k from 0) shifts only rows
    0 to k of the chain. So row r is first shifted r transfers after the tile began. By then the
    switch wave of the previous tile, which moves one row per cycle, has passed it. The next tile
    may therefore begin in the cycle of `take`, and tiles follow each other every R cycles with only
    two weight registers per cell.

    The `last` flag reveals a tile that does not have R rows. The loader consumes it completely, so
    that tiles and switches stay paired, and marks it as broken.

    Latency 2 cycles from `weights` to `lanes` and `loads`, the same as from `take` to the switch
    that Admission sends. At most one tile waits: the stream stalls while a complete tile has not
    been taken.

    Parameters
    ----------
    config : MatrixUnitConfig

    Members
    -------
    weights : stream of tile_row_layout(config)
    take : 1 bit in. Switch to the waiting tile in this cycle if it is complete.
    complete, broken : 1 bit out. A tile waits in the shadow registers; that tile is unusable.
    started : 1 bit out. At least one row of a tile has arrived, and the tile was not taken.
    transferring : 1 bit out. A weight row is transferred in this cycle.
    lanes : one weight row out, for the skew at the north edge
    loads : one bit per row of a tile out, the shift enables at the west edge
    errors : Error out. SHORT_TILE or LONG_TILE, for one cycle.
    """

    latency = 2

    def __init__(self, *, config: MatrixUnitConfig):
        self.config = config
        layout = tile_row_layout(config)
        super().__init__(
            {
                "weights": In(stream.Signature(layout)),
                "take": In(1),
                "complete": Out(1),
                "broken": Out(1),
                "started": Out(1),
                "transferring": Out(1),
                "lanes": Out(layout["lanes"].shape),
                "loads": Out(config.rows),
                "errors": Out(Error),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rows = self.config.rows
        row = self.weights.payload

        # Thermometer code: one 1 per row of the tile that has arrived. With one more 1, it is the
        # shift enables of the next transfer.
        filled = Signal(rows)
        enables = Signal(rows)
        overrun = Signal()
        short = Signal()
        long = Signal()
        m.d.comb += [
            enables.eq(Cat(1, filled)),
            self.weights.ready.eq(~self.complete | self.take),
            self.transferring.eq(self.weights.valid & self.weights.ready),
            self.started.eq(self.complete | filled[0]),
            self.errors.eq(error_bits({Error.SHORT_TILE: short, Error.LONG_TILE: long})),
        ]

        loads = Signal(rows)
        lanes = Signal(self.lanes.shape(), reset_less=True)
        m.d.sync += [
            loads.eq(0),
            lanes.eq(row.lanes),
            self.loads.eq(loads),
            self.lanes.eq(lanes),
        ]
        with m.If(self.take):
            m.d.sync += self.complete.eq(0)
        with m.If(self.transferring):
            with m.If(~overrun):
                m.d.sync += loads.eq(enables)
            with m.If(row.last):
                m.d.comb += short.eq(~overrun & ~enables[-1])
                m.d.sync += [
                    filled.eq(0),
                    overrun.eq(0),
                    self.complete.eq(1),
                    self.broken.eq(overrun | short),
                ]
            with m.Else():
                m.d.comb += long.eq(~overrun & enables[-1])
                m.d.sync += [
                    filled.eq(enables),
                    overrun.eq(overrun | long),
                ]
        return m
