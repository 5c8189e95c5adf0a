"""WeightFifo: whole tiles of weights, written from the first row on and read from the last."""

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..primitives.lut_memory import Read, Write, add_lut_memory
from .config import MatrixUnitConfig
from .layouts import weight_layout


def fifo_row_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of a row of a tile in the FIFO.

    `lanes`[c] is B[k0 + r, n0 + c] for row r. `signed`: the lanes are signed. `zero_point`:
    subtracted from each lane; it is signed like the lanes.
    """
    lane = config.weight_port.lane.shape
    return data.StructLayout(
        {"lanes": Lanes(lane, config.columns), "signed": 1, "zero_point": lane}
    )


class WeightFifo(wiring.Component):
    """A queue of `tiles` tiles. Rows come from row 0 to row R-1, and leave from row R-1 to row 0.

    A source reserves a place for a whole tile before its rows, which can then never be refused. The
    sign and the zero point travel with each row.

    Timing: from the transfer of the last row of a tile, 2 cycles to its first row on `weights`, if
    no tile is before it. Then one row per cycle, also from tile to tile. In the cycle after a tile
    has been read whole, its place can be reserved again; that is one cycle before its row 0 is on
    `weights`.

    Parameters
    ----------
    config : MatrixUnitConfig
        With weights of several signs and zero points.
    tiles : int

    Members
    -------
    has_room : 1 bit out. A place is free.
    reserve : 1 bit in. Take a place; only if `has_room`.
    rows : stream of fifo_row_layout(config), which cannot stall; R rows for each place
    weights : stream of weight_layout(config), out
    """

    latency = 2

    def __init__(self, *, config: MatrixUnitConfig, tiles: int):
        self.config = config
        self.tiles = tiles
        super().__init__(
            {
                "has_room": Out(1),
                "reserve": In(1),
                "rows": In(stream.Signature(fifo_row_layout(config), always_ready=True)),
                "weights": Out(stream.Signature(weight_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rows, depth = self.config.rows, self.config.rows * self.tiles
        written, fetched = Signal(), Signal()
        # Numbers of tiles minus one, so that the sign bit alone shows that there is none.
        spare = Signal(range(-1, self.tiles), init=self.tiles - 1)
        behind = Signal(range(-1, self.tiles), init=-1)
        m.d.comb += self.has_room.eq(~spare[-1])
        m.d.sync += [
            spare.eq(spare + fetched - self.reserve),
            behind.eq(behind + written - fetched),
        ]

        write_row, row_of_tile = Signal(range(depth)), Signal(range(rows))
        last_write = row_of_tile == rows - 1
        m.d.comb += written.eq(self.rows.valid & last_write)
        with m.If(self.rows.valid):
            m.d.sync += [
                row_of_tile.eq(Mux(last_write, 0, row_of_tile + 1)),
                write_row.eq(Mux(write_row == depth - 1, 0, write_row + 1)),
            ]

        weights = self.weights
        read_row = Signal(range(depth), init=rows - 1)
        rows_left = Signal(range(rows), init=rows - 1)
        fetch, last_read = Signal(), Signal()
        m.d.comb += [
            fetch.eq(~behind[-1] & (~weights.valid | weights.ready)),
            last_read.eq(rows_left == 0),
            fetched.eq(fetch & last_read),
        ]
        with m.If(~weights.valid | weights.ready):
            m.d.sync += weights.valid.eq(fetch)
        with m.If(fetch):
            m.d.sync += [weights.payload.last.eq(last_read), rows_left.eq(rows_left - 1)]
            m.d.sync += read_row.eq(read_row - 1)
            with m.If(last_read):
                last_tile = read_row == depth - rows
                m.d.sync += [
                    rows_left.eq(rows - 1),
                    # The last row of the next tile.
                    read_row.eq(Mux(last_tile, rows - 1, read_row + (2 * rows - 1))),
                ]
        self._store(m, platform, depth, write_row, fetch, read_row)
        return m

    def _store(self, m: Module, platform, depth: int, write_row, fetch, read_row) -> None:
        """Add the memory between `rows` and `weights`."""
        layout = self.rows.payload.shape()
        found = Signal(layout)
        m.d.comb += found.as_value().eq(
            add_lut_memory(
                m,
                platform,
                shape=Shape.cast(layout),
                depth=depth,
                write=Write(
                    enable=self.rows.valid, row=write_row, data=self.rows.payload.as_value()
                ),
                read=Read(enable=fetch, row=read_row),
            )
        )
        out = self.weights.payload
        m.d.comb += [
            out.lanes.eq(found.lanes),
            out.signed.eq(found.signed),
            out.zero_points.as_value().eq(found.zero_point.replicate(self.config.columns)),
        ]
