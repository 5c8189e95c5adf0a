"""TileTransposer: read tiles from the buffer whose source rows are their columns."""

from typing import NamedTuple

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..blocks.delay_line import DelayLine
from ..buffer.unified_buffer import UnifiedBuffer, read_port
from ..hierarchy import instantiate
from ..isa.instructions import WEIGHTS
from ..isa.layouts import instruction_layout
from ..primitives.lut_memory import Read, Write, add_lut_memory
from .tile_walk import TileWalk

# Tiles that it holds: one is written while the other one is read.
TILES = 2


class TileTransposer(wiring.Component):
    """Request the source rows of transposed tiles, and give the rows of the tiles, N of each.

    The N banks of the memory are turned: lane l of source row s is in bank (l + s) mod N, at
    address s. So a source row writes each bank once, and a row of the tile reads each bank once.

    Timing: an instruction is taken in cycle 0, and requests its first source row in cycle 1. A tile
    takes N cycles, one for each source row, also if it has fewer. The first row of the tile is on
    `rows` `latency` cycles after the step of its last source row, if no other tile is in front of
    it; then a row per cycle. A tile is requested while the one before it is read, and its place is
    free when its last row has been read, so TILES tiles come in `interval` cycles. Lanes from
    columns that are not valid are meaningless, and so are rows that are not.

    Parameters
    ----------
    lanes : int
        N.
    operand_width, buffer_rows : int

    Members
    -------
    instructions : stream of the layout of WEIGHTS, with `transpose`
    buffer : read_port(...)
    rows : stream of rows, out
    outside : 1 bit out. The buffer does not have the next source row, which is not requested.
    """

    # The buffer, the memory with its register, and the register of the row.
    latency = UnifiedBuffer.latency + 3

    @staticmethod
    def interval(lanes: int) -> int:
        """Cycles in which TILES tiles can come: those that one occupies its place."""
        return TILES * lanes + UnifiedBuffer.latency

    def __init__(self, *, lanes: int, operand_width: int, buffer_rows: int):
        self.lanes = lanes
        self.operand_width = operand_width
        self.buffer_rows = buffer_rows
        width = lanes * operand_width
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(WEIGHTS))),
                "buffer": Out(read_port(rows=buffer_rows, width=width)),
                "rows": Out(stream.Signature(unsigned(width))),
                "outside": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Tiles that have a place, and tiles that are complete and not yet read.
        places, whole = Signal(range(TILES + 1), init=TILES), Signal(range(TILES + 1))
        reserves = Signal()
        written = self._request(m, platform, places, reserves)
        read = self._read(m, whole)
        self._hold(m, platform, written, read)
        m.d.sync += [
            places.eq(places + read.ends_tile - reserves),
            whole.eq(whole + written.ends_tile - read.ends_tile),
        ]
        return m

    def _request(self, m: Module, platform, places: Signal, reserves: Signal) -> data.View:
        """Request source rows; return what comes of each step when its row has come."""
        walk = instantiate(
            m,
            "walk",
            platform,
            TileWalk,
            lanes=self.lanes,
            operand_width=self.operand_width,
        )
        connect(m, flipped(self.instructions), walk.instructions)
        step, requests = walk.steps.payload, self.buffer.requests
        beyond, may_move, moves = Signal(), Signal(), Signal()
        layout = data.StructLayout({"ends_tile": 1, "row": range(self.lanes)})
        delay = instantiate(
            m,
            "written",
            platform,
            DelayLine,
            width=layout.size,
            cycles=UnifiedBuffer.latency,
            reset=True,
        )
        entry = data.View(layout, delay.i)
        m.d.comb += [
            beyond.eq((step.place < 0) | (step.place >= self.buffer_rows)),
            self.outside.eq(walk.steps.valid & step.fetches & beyond),
            may_move.eq(walk.steps.valid & (~step.begins | places.any())),
            requests.valid.eq(may_move & step.fetches & ~beyond),
            requests.payload.eq(step.place),
            moves.eq(may_move & (~step.fetches | (requests.ready & ~beyond))),
            walk.steps.ready.eq(moves),
            reserves.eq(moves & step.begins),
            entry.ends_tile.eq(moves & (step.row == self.lanes - 1)),
            entry.row.eq(step.row),
        ]
        return data.View(layout, delay.o)

    def _hold(self, m: Module, platform, written: data.View, read: "_Read") -> None:
        """Add the banks, with the rotations of what is written and read."""
        lanes, width = self.lanes, self.operand_width
        fill, drain = Signal(), Signal()
        with m.If(written.ends_tile):
            m.d.sync += fill.eq(~fill)
        with m.If(read.ends_tile):
            m.d.sync += drain.eq(~drain)
        turned = self._rotated(m, self.buffer.rows.payload, written.row, "turned", left=True)
        banks = []
        for bank in range(lanes):
            address = Signal(range(lanes), name=f"address_{bank}")
            # No row is above the last bank, and a comparison that is never true is no hardware.
            above = read.row > bank if bank < lanes - 1 else 0
            m.d.comb += address.eq(Mux(above, bank + lanes - read.row, bank - read.row))
            inner = Module()
            m.submodules[f"bank_{bank}"] = inner
            banks.append(
                add_lut_memory(
                    inner,
                    platform,
                    shape=unsigned(width),
                    depth=TILES << (lanes - 1).bit_length(),
                    write=Write(
                        enable=self.buffer.rows.valid,
                        row=Cat(written.row, fill),
                        data=turned[width * bank :][:width],
                    ),
                    read=Read(enable=read.enable, row=Cat(address, drain)),
                )
            )
        shown = Signal(range(lanes), reset_less=True)
        with m.If(read.enable):
            m.d.sync += shown.eq(read.row)
        straight = self._rotated(m, Cat(*banks), shown, "straight", left=False)
        with m.If(read.shows):
            m.d.sync += self.rows.payload.eq(straight)

    def _rotated(self, m: Module, row: Value, places: Value, name: str, *, left: bool) -> Value:
        """Return lanes moved up, or with `left` False down, by a number of places below N."""
        for bit in range(len(places)):
            step = Signal(len(row), name=f"{name}_{bit}")
            distance = (self.operand_width << bit) % len(row)
            moved = row.rotate_left(distance) if left else row.rotate_right(distance)
            m.d.comb += step.eq(Mux(places[bit], moved, row))
            row = step
        return row

    def _read(self, m: Module, whole: Signal) -> "_Read":
        """Read the rows of whole tiles, each when the one before it can move on."""
        row, full = Signal(range(self.lanes)), Signal()
        rows, enable, shows = self.rows, Signal(), Signal()
        ends = enable & (row == self.lanes - 1)
        m.d.comb += [
            shows.eq(~rows.valid | rows.ready),
            enable.eq(whole.any() & (~full | shows)),
        ]
        with m.If(enable):
            m.d.sync += row.eq(Mux(ends, 0, row + 1))
        with m.If(shows):
            m.d.sync += rows.valid.eq(full)
        m.d.sync += full.eq(enable | (full & ~shows))
        return _Read(enable=enable, row=row, ends_tile=ends, shows=shows)


class _Read(NamedTuple):
    """The row of a tile that is read; `shows`: the row before it moves to the output."""

    enable: Value
    row: Value
    ends_tile: Value
    shows: Value
