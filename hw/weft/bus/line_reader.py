"""LineReader: read lines of bytes from the memory, as rows."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.ready_register import connect_registered
from ..hierarchy import instantiate
from ..primitives.stream_queue import StreamQueue
from .axi4 import offset_bits, read_channels
from .burst_splitter import BurstSplitter
from .regions import BYTES_BITS
from .row_aligner import BYTE, RowAligner, placed_line_layout, row_layout


def filled_line_layout(*, address_width: int, tag_width: int) -> data.StructLayout:
    """Return the layout of a line to read.

    `bytes` bytes, at least 1, from the byte `address` on; `fill` completes the last row; `tag`
    comes with every row.
    """
    return data.StructLayout(
        {"address": address_width, "bytes": BYTES_BITS, "fill": BYTE, "tag": tag_width}
    )


class LineReader(wiring.Component):
    """Request the beats of lines, and give rows of `row_bytes` bytes.

    Lines may begin at any byte and overlap. Each begins a new row. Bursts are requested as long as
    there is room for all of their beats, also those of lines far ahead of the rows, so beats are
    taken in every cycle and the reader sustains one beat or one row per cycle; see RowAligner.

    Latency: from a line to its request BurstSplitter.latency = 2 cycles, and from the last beat of
    a row to the row `row_latency` cycles, if neither room nor `rows` makes it wait. To read without
    pause from a memory that answers n cycles after a request, `room` must be at least
    n + `burst_beats` + `extra_room` beats.

    An answer with an error stops it: `error` is high from then on, until a reset. No row with a
    byte of this or a later answer leaves, and earlier rows that have not left are lost too. A reset
    discards everything; whoever resets it must discard the beats that are still to come.

    Parameters
    ----------
    address_width, data_width : int
    row_bytes, tag_width : int
    burst_beats : int
        Most beats of a burst.
    room : int
        Beats that it holds, and lines.

    Members
    -------
    lines : stream of filled_line_layout(...)
    memory : read_channels(...), without ID
    rows : stream of row_layout(...), out
    error : 1 bit out
    """

    row_latency = StreamQueue.latency + RowAligner.latency
    # Room is reserved a cycle before the request, and released when a beat leaves the memory of the
    # queue.
    extra_room = 2

    def __init__(
        self,
        *,
        address_width: int,
        data_width: int,
        row_bytes: int,
        tag_width: int,
        burst_beats: int = 16,
        room: int = 64,
    ):
        self.address_width = address_width
        self.data_width = data_width
        self.row_bytes = row_bytes
        self.tag_width = tag_width
        self.burst_beats = burst_beats
        self.room = room
        lines = filled_line_layout(address_width=address_width, tag_width=tag_width)
        super().__init__(
            {
                "lines": In(stream.Signature(lines)),
                "memory": Out(read_channels(address_width=address_width, data_width=data_width)),
                "rows": Out(stream.Signature(row_layout(row_bytes=row_bytes, tag_width=tag_width))),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beats = instantiate(
            m, "beats", platform, StreamQueue, width=self.data_width, depth=self.room
        )
        aligner = instantiate(
            m,
            "aligner",
            platform,
            RowAligner,
            data_width=self.data_width,
            row_bytes=self.row_bytes,
            tag_width=self.tag_width,
        )
        answer = self.memory.r
        m.d.comb += [
            beats.i.valid.eq(answer.valid),
            beats.i.payload.eq(answer.payload.data),
            aligner.beats.valid.eq(beats.o.valid & ~self.error),
            aligner.beats.payload.eq(beats.o.payload),
            beats.o.ready.eq(aligner.beats.ready & ~self.error),
        ]
        with m.If(answer.valid & answer.payload.resp.as_value()[1]):
            m.d.sync += self.error.eq(1)
        self._request(m, platform, beats.released, aligner)
        connect_registered(m, platform, "aligned", aligner.rows, self.rows)
        return m

    def _request(self, m: Module, platform, released: Value, aligner) -> None:
        """Split the lines into bursts, and keep their places in the beats for the aligner."""
        line = self.lines.payload
        splitter = instantiate(
            m,
            "bursts",
            platform,
            BurstSplitter,
            address_width=self.address_width,
            data_width=self.data_width,
            burst_beats=self.burst_beats,
            room=self.room,
        )
        layout = placed_line_layout(data_width=self.data_width, tag_width=self.tag_width)
        places = instantiate(m, "places", platform, StreamQueue, width=layout.size, depth=self.room)
        place = data.View(layout, places.i.payload)
        # Free places minus one, so that the sign bit alone shows that there is none.
        spare = Signal(range(-1, self.room), init=self.room - 1)
        taken = Signal()
        m.d.sync += spare.eq(spare + places.released - taken)
        m.d.comb += [
            taken.eq(self.lines.valid & self.lines.ready),
            splitter.spans.valid.eq(self.lines.valid & ~spare[-1]),
            self.lines.ready.eq(splitter.spans.ready & ~spare[-1]),
            splitter.spans.payload.address.eq(line.address),
            splitter.spans.payload.bytes.eq(line.bytes),
            splitter.released.eq(released),
            places.i.valid.eq(taken),
            place.start.eq(line.address[: offset_bits(self.data_width)]),
            *[place[name].eq(line[name]) for name in ("bytes", "fill", "tag")],
            aligner.lines.valid.eq(places.o.valid),
            aligner.lines.payload.eq(places.o.payload),
            places.o.ready.eq(aligner.lines.ready),
        ]
        connect_registered(m, platform, "requests", splitter.ar, self.memory.ar)
