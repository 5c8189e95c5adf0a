"""WeightLoader: from the stream of weight rows to the shadow plane of the array."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .config import MatrixUnitConfig
from .layouts import Error, error_bits, weight_layout


class WeightLoader(wiring.Component):
    """Push the rows of a tile into the north edge, and say when the tile is complete.

    The shadow registers of a column form a chain. With its k-th row (k from 0) a tile shifts rows
    0..k of the chain only: row r is first touched r rows after the tile began, and by then the
    switch wave of the tile before, which moves one row a cycle, has passed it. So the next tile
    may begin in the very cycle in which `take` hands this one over, and tiles follow each other
    every R cycles with two weight registers a cell.

    A tile of other than R rows is seen by its `last` flag: it is taken off the stream as a whole,
    so that tiles and switches stay paired, and handed over as broken.

    Latency 2 cycles from `weights` to `lanes` and `loads`, as from `take` to the switch that
    Admission sends. At most one tile waits: the stream stalls while a complete tile has not been
    taken.

    Members
    -------
    weights : stream of weight_layout(config)
    take : 1 bit in. If a tile is complete, it is switched to in this cycle.
    complete, broken : 1 bit out. A tile waits in the shadow plane; and it is not usable.
    started : 1 bit out. At least one row of a tile has come and was not taken.
    transferring : 1 bit out. A row is taken in this cycle.
    lanes : one weight row, for the skew at the north edge
    loads : one bit a row of the array, the shift enables at the west edge
    errors : Error out. SHORT_TILE or LONG_TILE, for one cycle.
    """

    latency = 2

    def __init__(self, *, config: MatrixUnitConfig):
        self.config = config
        layout = weight_layout(config)
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

        # Thermometer: as many ones as rows of the tile have come, so also the next shift enables.
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
