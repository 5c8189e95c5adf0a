"""RowAligner: rows of bytes from beats in which the lines begin at any byte."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from .axi4 import check_data_width, offset_bits
from .regions import BYTES_BITS

BYTE = 8


def placed_line_layout(*, data_width: int, tag_width: int) -> data.StructLayout:
    """Return the layout of a line in its beats.

    `start`: byte of its first beat at which it begins. `bytes`: at least 1. `fill`: the byte that
    completes its last row. `tag`: anything.
    """
    return data.StructLayout(
        {
            "start": offset_bits(data_width),
            "bytes": BYTES_BITS,
            "fill": BYTE,
            "tag": tag_width,
        }
    )


def row_layout(*, row_bytes: int, tag_width: int) -> data.StructLayout:
    """Return the layout of a row of a line.

    `data`: its bytes, the first one lowest. `bytes`: how many of them are of the line; the others
    are its fill. `last`: it is the last row of the line. `tag`: that of the line.
    """
    return data.StructLayout(
        {
            "data": unsigned(BYTE * row_bytes),
            "bytes": range(row_bytes + 1),
            "last": 1,
            "tag": tag_width,
        }
    )


class RowAligner(wiring.Component):
    """Cut lines out of beats: each line begins a new row, and its last row is filled up.

    The beats of a line follow each other; bytes before and after the line are dropped. In each
    cycle, a chunk of up to C = min(bytes of a row, bytes of a beat) bytes moves: from the beat that
    is held and, if it does not end there, the beat behind it.

    Latency `latency` cycles from the beat with the last byte of a row to the row; one less if the
    row began in an earlier beat. Throughput: a chunk per cycle as long
    as beats come, also from one line to the next, which is one beat or one row per cycle, whichever
    has more bytes, if one is a multiple of the other. Otherwise a row takes
    ceil(bytes of a row / C) cycles. Only the last row of a line stalls while `rows` waits.

    Parameters
    ----------
    data_width : int
        Bits of a beat.
    row_bytes, tag_width : int

    Members
    -------
    lines : stream of placed_line_layout(...)
    beats : stream of beats
    rows : stream of row_layout(...), out
    """

    # To the register of the beat, the chunk, and the row.
    latency = 3

    def __init__(self, *, data_width: int, row_bytes: int, tag_width: int):
        check_data_width(data_width)
        self.data_width = data_width
        self.row_bytes = row_bytes
        self.tag_width = tag_width
        self._beat_bytes = data_width // BYTE
        self._chunk_bytes = min(row_bytes, self._beat_bytes)
        self._chunks = -(-row_bytes // self._chunk_bytes)
        lines = placed_line_layout(data_width=data_width, tag_width=tag_width)
        super().__init__(
            {
                "lines": In(stream.Signature(lines)),
                "beats": In(stream.Signature(unsigned(data_width))),
                "rows": Out(stream.Signature(row_layout(row_bytes=row_bytes, tag_width=tag_width))),
            }
        )

    def _chunk_layout(self) -> data.StructLayout:
        """Return the layout of a chunk before it is rotated.

        `merged`: bytes from `start` on of a beat, below it those of the next. `bytes`: that count.
        `number`: of the chunk in its row. `completes`: it ends the row; `last`: and the line.
        """
        return data.StructLayout(
            {
                "merged": unsigned(self.data_width),
                "start": offset_bits(self.data_width),
                "bytes": range(self._chunk_bytes + 1),
                "number": range(self._chunks),
                "completes": 1,
                "last": 1,
                "fill": BYTE,
                "tag": self.tag_width,
            }
        )

    def elaborate(self, platform):
        m = Module()
        chunks = stream.Signature(self._chunk_layout()).create(path=("chunks",))
        self._take(m, chunks)
        self._assemble(m, chunks)
        return m

    def _take(self, m: Module, chunks) -> None:
        """Take a chunk of the line from the beat that is held, and from the next one."""
        line, size = self.lines.payload, self._beat_bytes
        active, step, ends, straddles = Signal(), Signal(), Signal(), Signal()
        kept = Signal(data.StructLayout({"fill": BYTE, "tag": self.tag_width}), reset_less=True)
        start = Signal(offset_bits(self.data_width), reset_less=True)
        left = Signal(BYTES_BITS, reset_less=True)
        number = Signal(range(self._chunks))
        most, count = Signal(range(self._chunk_bytes + 1)), Signal(range(self._chunk_bytes + 1))
        past = Signal(range(2 * size))
        held, full, done = Signal(self.data_width, reset_less=True), Signal(), Signal()
        tail = self.row_bytes - (self._chunks - 1) * self._chunk_bytes
        m.d.comb += [
            most.eq(Mux(number == self._chunks - 1, tail, self._chunk_bytes)),
            ends.eq(left <= most),
            count.eq(Mux(ends, left, most)),
            past.eq(start + count),
            straddles.eq(past > size),
            step.eq(
                active & full & (~straddles | self.beats.valid) & (~chunks.valid | chunks.ready)
            ),
            # Of a line that ends in the next beat, both are done.
            done.eq(step & (ends | (past >= size))),
            self.beats.ready.eq(~full | done),
            self.lines.ready.eq(~active | (step & ends)),
        ]
        with m.If(self.beats.ready):
            m.d.sync += [
                full.eq(self.beats.valid & ~(step & ends & straddles)),
                held.eq(self.beats.payload),
            ]
        with m.If(step):
            m.d.sync += [
                start.eq(past),
                left.eq(left - most),
                number.eq(Mux(ends | (number == self._chunks - 1), 0, number + 1)),
            ]
        with m.If(self.lines.ready):
            m.d.sync += [
                active.eq(self.lines.valid),
                start.eq(line.start),
                left.eq(line.bytes),
                kept.fill.eq(line.fill),
                kept.tag.eq(line.tag),
            ]
        with m.If(~chunks.valid | chunks.ready):
            m.d.sync += chunks.valid.eq(step)
        chunk = chunks.payload
        with m.If(step):
            m.d.sync += [
                chunk.merged.eq(_merged(start, held, self.beats.payload)),
                chunk.start.eq(start),
                chunk.bytes.eq(count),
                chunk.number.eq(number),
                chunk.completes.eq(ends | (number == self._chunks - 1)),
                chunk.last.eq(ends),
                chunk.fill.eq(kept.fill),
                chunk.tag.eq(kept.tag),
            ]

    def _assemble(self, m: Module, chunks) -> None:
        """Rotate each chunk, and put it into its place in the row."""
        chunk, row = chunks.payload, self.rows.payload
        rotated = chunk.merged
        for bit in range(offset_bits(self.data_width)):
            # A signal of its own, because an expression would double with each step.
            step = Signal(self.data_width, name=f"rotated_{bit}")
            m.d.comb += step.eq(Mux(chunk.start[bit], rotated.rotate_right(BYTE << bit), rotated))
            rotated = step
        filled = [
            Mux(byte < chunk.bytes, rotated[BYTE * byte :][:BYTE], chunk.fill)
            for byte in range(self._chunk_bytes)
        ]
        bits = Cat(*filled)
        m.d.comb += chunks.ready.eq(~self.rows.valid | self.rows.ready)
        lanes = Signal(Lanes(BYTE, self.row_bytes), name="row", reset_less=True)
        m.d.comb += row.data.eq(Value.cast(lanes))
        before = Signal(range(self.row_bytes + 1), reset_less=True)
        with m.If(chunks.ready):
            m.d.sync += self.rows.valid.eq(chunks.valid & chunk.completes)
        with m.If(chunks.ready & chunks.valid):
            m.d.sync += [
                row.last.eq(chunk.last),
                row.tag.eq(chunk.tag),
                row.bytes.eq(Mux(chunk.number == 0, 0, before) + chunk.bytes),
                before.eq(Mux(chunk.number == 0, 0, before) + chunk.bytes),
            ]
            for number in range(self._chunks):
                place = Value.cast(lanes)[BYTE * self._chunk_bytes * number :]
                place = place[: min(len(place), len(bits))]
                with m.If(chunk.number == number):
                    m.d.sync += place.eq(bits)
                # The rest of a row that the line does not reach.
                with m.Elif(chunk.number == 0):
                    m.d.sync += place.eq(chunk.fill.replicate(len(place) // BYTE))


def _merged(start: Value, held: Value, following: Value) -> Value:
    """Return the bytes from `start` on of a beat, and below them those of the next one."""
    count = len(held) // BYTE
    # A line begins at the last byte of a beat at the latest.
    before = [byte < start if byte < count - 1 else 0 for byte in range(count)]
    return Cat(
        *[
            Mux(before[byte], following[BYTE * byte :][:BYTE], held[BYTE * byte :][:BYTE])
            for byte in range(count)
        ]
    )
