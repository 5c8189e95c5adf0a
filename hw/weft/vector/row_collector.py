"""RowCollector: put chunks of elements together to buffer rows, and write them."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..buffer.unified_buffer import row_shape, write_layout
from ..isa.codes import Format
from ..isa.fields import WORD_BITS
from .row_chunks import RowChunks
from .uses import WIDTHS, by_width


def collected_layout(*, row_chunks: RowChunks, buffer_rows: int) -> data.StructLayout:
    """Return the layout of a chunk of a row of results.

    `lanes`: V elements of 32 bits. `row`: the first buffer row of the row of elements. `first`: the
    first chunk of it. `last`: the last chunk of an instruction.
    """
    lanes = Lanes(signed(WORD_BITS), row_chunks.chunk)
    return data.StructLayout({"lanes": lanes, "row": row_shape(buffer_rows), "first": 1, "last": 1})


class RowCollector(wiring.Component):
    """Saturate elements to a format, and write them as soon as they fill a buffer row.

    A row of elements takes as many consecutive buffer rows as its format needs. A chunk of several
    buffer rows is written in as many cycles, so the next one comes after those at the earliest.

    Latency 1 cycle from the chunk that completes a buffer row to its write, or its first write.
    Writes cannot be refused.

    Parameters
    ----------
    row_chunks : RowChunks
    buffer_rows : int

    Members
    -------
    chunks : stream of collected_layout(...), which cannot stall
    format : Format in. Constant from the first chunk to the last write.
    writes : stream of write_layout(...) out, which cannot stall
    ends : 1 bit out. The last write of an instruction.
    """

    latency = 1

    def __init__(self, *, row_chunks: RowChunks, buffer_rows: int):
        self.row_chunks = row_chunks
        self.buffer_rows = buffer_rows
        chunks = collected_layout(row_chunks=row_chunks, buffer_rows=buffer_rows)
        writes = write_layout(rows=buffer_rows, width=row_chunks.row_width)
        super().__init__(
            {
                "chunks": In(stream.Signature(chunks, always_ready=True)),
                "format": In(4),
                "writes": Out(stream.Signature(writes, always_ready=True)),
                "ends": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sizes, chunks = self.row_chunks, self.chunks
        position = Signal(range(max(map(sizes.chunks_per_row, WIDTHS))))
        following = Signal.like(position)
        completes = Signal()
        lasts = {width: sizes.chunks_per_row(width) - 1 for width in WIDTHS}
        m.d.comb += [
            position.eq(Mux(chunks.payload.first, 0, following)),
            completes.eq(chunks.valid & (position == by_width(self.format, lasts))),
        ]
        with m.If(chunks.valid):
            m.d.sync += following.eq(Mux(completes, 0, position + 1))
        # Rows of the chunk that are left after this write.
        left = Signal(range(sizes.most_rows))
        self._pack(m, left)
        self._write(m, completes, left)
        return m

    def _pack(self, m: Module, left: Signal) -> None:
        """Append a chunk to the last ones, or move to the next row of a chunk of several rows."""
        sizes = self.row_chunks
        most = max(sizes.row_width, sizes.chunk * WORD_BITS)
        packed = Signal(most, reset_less=True)
        rows = {}
        for width in WIDTHS:
            chunk = Cat(*[self._saturated(lane, width) for lane in range(sizes.chunk)])
            kept = sizes.row_width - len(chunk)
            rows[width] = Cat(packed[len(chunk) : sizes.row_width], chunk) if kept > 0 else chunk
        with m.If(self.chunks.valid):
            m.d.sync += packed.eq(by_width(self.format, rows))
        with m.Elif(left.any()):
            m.d.sync += packed.eq(packed >> sizes.row_width)
        m.d.comb += self.writes.payload.data.eq(packed[: sizes.row_width])

    def _saturated(self, lane: int, width: int) -> Value:
        """Return an element in the range of the format, if that has this width."""
        number = self.chunks.payload.lanes[lane]
        if width == WORD_BITS:
            return number
        if width == Format.INT16.width:
            low, high = Const(Format.INT16.minimum), Const(Format.INT16.maximum)
        else:
            has_sign = self.format != Format.UINT8
            low = Mux(has_sign, Format.INT8.minimum, Format.UINT8.minimum)
            high = Mux(has_sign, Format.INT8.maximum, Format.UINT8.maximum)
        return Mux(number < low, low, Mux(number > high, high, number))[:width]

    def _write(self, m: Module, completes: Value, left: Signal) -> None:
        """Write the rows of a chunk, or the row that it completes."""
        sizes, writes, chunk = self.row_chunks, self.writes, self.chunks.payload
        lefts = {width: sizes.rows_per_chunk(width) - 1 for width in WIDTHS}
        last, row = Signal(), Signal(row_shape(self.buffer_rows), reset_less=True)
        written = writes.valid
        with m.If(completes):
            m.d.sync += [written.eq(1), left.eq(by_width(self.format, lefts)), last.eq(chunk.last)]
        with m.Elif(left.any()):
            m.d.sync += left.eq(left - 1)
        with m.Else():
            m.d.sync += written.eq(0)
        with m.If(self.chunks.valid & chunk.first):
            m.d.sync += row.eq(chunk.row)
        with m.Elif(written):
            m.d.sync += row.eq(row + 1)
        m.d.comb += [writes.payload.row.eq(row), self.ends.eq(written & ~left.any() & last)]
