"""RowRegister: the buffer rows of an operand, cut into chunks of elements of 32 bits."""

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..blocks.parts import part_of
from ..isa.codes import Format
from ..isa.fields import WORD_BITS
from .row_chunks import RowChunks
from .uses import WIDTHS, by_width


class RowRegister(wiring.Component):
    """Hold the last buffer rows that came, and give their chunks one after the other.

    Latency 1 cycle from `rows` to `elements`. It cannot stall. The rows of a chunk must have come
    by the cycle before it, and the next rows not before its cycle.

    Parameters
    ----------
    row_chunks : RowChunks

    Members
    -------
    rows : stream of buffer rows, which cannot stall
    format : Format in. Of the elements; constant while chunks are taken.
    advance : 1 bit in. A chunk is taken in this cycle.
    begins : 1 bit in. It is the first one of its buffer row, or has whole rows.
    elements : V elements of 32 bits, signed, out
    """

    def __init__(self, *, row_chunks: RowChunks):
        self.row_chunks = row_chunks
        super().__init__(
            {
                "rows": In(stream.Signature(unsigned(row_chunks.row_width), always_ready=True)),
                "format": In(4),
                "advance": In(1),
                "begins": In(1),
                "elements": Out(Lanes(signed(WORD_BITS), row_chunks.chunk)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sizes = self.row_chunks
        held = Signal(sizes.most_rows * sizes.row_width, reset_less=True)
        # The number of the chunk in its buffer row.
        position = Signal(range(max(map(sizes.chunks_per_row, WIDTHS))))
        following = Signal.like(position, reset_less=True)
        m.d.comb += position.eq(Mux(self.begins, 0, following))
        with m.If(self.rows.valid):
            m.d.sync += held.eq((held >> sizes.row_width) | self._newest(held))
        with m.If(self.advance):
            m.d.sync += following.eq(position + 1)
        chunks = {width: self._chunk(held, position, width) for width in WIDTHS}
        for lane in range(sizes.chunk):
            numbers = {
                width: chunk.word_select(lane, width).as_signed() for width, chunk in chunks.items()
            }
            narrow = numbers[8][:8]
            with m.If(self.format == Format.UINT8):
                m.d.comb += self.elements[lane].eq(narrow)
            with m.Else():
                m.d.comb += self.elements[lane].eq(by_width(self.format, numbers))
        return m

    def _newest(self, held: Signal) -> Value:
        """Return the row that comes, in the place of the newest."""
        return self.rows.payload << (len(held) - self.row_chunks.row_width)

    def _chunk(self, held: Signal, position: Signal, width: int) -> Value:
        """Return the chunk at a position in the newest rows, for elements of a width."""
        sizes = self.row_chunks
        newest = held[(sizes.most_rows - sizes.rows_per_chunk(width)) * sizes.row_width :]
        if sizes.chunks_per_row(width) == 1:
            return newest
        return part_of(newest, position, sizes.chunk * width)
