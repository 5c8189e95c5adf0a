"""LineRows: read the buffer rows of lines."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..buffer.unified_buffer import UnifiedBuffer, read_port
from ..bus.line_packer import line_row_layout
from ..bus.region_check import line_layout
from ..hierarchy import instantiate
from ..isa.kind import ROW_BITS
from ..primitives.stream_queue import StreamQueue


class LineRows(wiring.Component):
    """Request the buffer rows of lines, and send each on with its place in the memory.

    Timing: a line is taken in cycle 0, and its first row requested in cycle 1, if there is a place
    for it. The row comes in cycle 1 + UnifiedBuffer.latency and is on `rows` in cycle `latency`.
    Then a row per cycle, also from one line to the next.

    Parameters
    ----------
    width, rows : int
        Of the buffer: bits of a row, and number of rows.
    address_width : int

    Members
    -------
    lines : stream of line_layout(...) in, from a LineWalk whose tag is the first buffer row
    buffer : read_port(...)
    rows : stream of line_row_layout(...) out
    outside : 1 bit out. The next row is not in the buffer; then no more rows are requested.
    """

    # The queue holds as many rows as can be in flight at a row per cycle.
    places = UnifiedBuffer.latency + StreamQueue.latency
    latency = 1 + UnifiedBuffer.latency + StreamQueue.latency

    def __init__(self, *, width: int, rows: int, address_width: int):
        self.width = width
        self.buffer_rows = rows
        self.address_width = address_width
        row = line_row_layout(row_bytes=width // 8, address_width=address_width)
        line = line_layout(address_width=address_width, tag_width=1 + ROW_BITS)
        super().__init__(
            {
                "lines": In(stream.Signature(line)),
                "buffer": Out(read_port(rows=rows, width=width)),
                "rows": Out(stream.Signature(row)),
                "outside": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout = self.rows.payload.shape()
        queue = instantiate(m, "queue", platform, StreamQueue, width=layout.size, depth=self.places)
        place = self._request(m, queue.released)
        delay = instantiate(
            m,
            "place",
            platform,
            DelayLine,
            width=place.shape().size,
            cycles=UnifiedBuffer.latency,
            reset=True,
        )
        came, row = data.View(place.shape(), delay.o), Signal(layout)
        m.d.comb += [
            delay.i.eq(place.as_value()),
            *[row[name].eq(came[name]) for name, _ in layout if name != "data"],
            row.data.eq(self.buffer.rows.payload),
            # Rows that were requested before a reset come without a place.
            queue.i.valid.eq(came.valid & self.buffer.rows.valid),
            queue.i.payload.eq(row.as_value()),
            self.rows.valid.eq(queue.o.valid),
            self.rows.payload.as_value().eq(queue.o.payload),
            queue.o.ready.eq(self.rows.ready),
        ]
        return m

    def _request(self, m: Module, released: Value) -> data.View:
        """Request the rows of the lines; return the place of a row that is requested."""
        line, size = self.lines.payload, self.width // 8
        fields = self.rows.payload.shape().members
        place = Signal(
            data.StructLayout({"valid": 1, **{n: f for n, f in fields.items() if n != "data"}})
        )
        active, is_last, requests = Signal(), Signal(), self.buffer.requests
        # A row behind the buffer stops the walk, so one more bit is enough.
        row = Signal(ROW_BITS + 1, reset_less=True)
        address = Signal(self.address_width, reset_less=True)
        left = Signal.like(line.bytes, reset_less=True)
        ends, begins = Signal(reset_less=True), Signal(init=1)
        # Free places minus one, so that the sign bit alone shows that there is none.
        spare = Signal(range(-1, self.places), init=self.places - 1)
        m.d.comb += [
            is_last.eq(left <= size),
            self.outside.eq(active & (row >= self.buffer_rows)),
            requests.valid.eq(active & ~spare[-1] & ~self.outside),
            requests.payload.eq(row),
            place.valid.eq(requests.valid & requests.ready),
            place.address.eq(address),
            place.bytes.eq(Mux(is_last, left, size)),
            place.ends_line.eq(is_last),
            place.ends.eq(is_last & ends),
            self.lines.ready.eq(~active | (place.valid & is_last)),
        ]
        m.d.sync += spare.eq(spare + released - place.valid)
        with m.If(place.valid):
            m.d.sync += [row.eq(row + 1), address.eq(address + size), left.eq(left - size)]
        with m.If(self.lines.ready):
            m.d.sync += [
                active.eq(self.lines.valid),
                address.eq(line.address),
                left.eq(line.bytes),
                ends.eq(line.tag[0]),
            ]
        with m.If(self.lines.ready & self.lines.valid):
            # A line behind the last one of an instruction begins the next instruction.
            m.d.sync += begins.eq(line.tag[0])
            with m.If(begins):
                m.d.sync += row.eq(line.tag[1:])
        return place
