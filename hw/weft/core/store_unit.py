"""StoreUnit: execute STORE instructions, from the buffer to the memory."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..blocks.ready_register import connect_registered
from ..buffer.unified_buffer import read_port
from ..bus.axi4_write import write_channels
from ..bus.line_walk import LineWalk
from ..bus.line_writer import LineWriter
from ..bus.regions import regions_layout
from ..hierarchy import instantiate
from ..isa.instructions import STORE
from ..isa.kind import ROW_BITS
from ..isa.layouts import instruction_layout
from .errors import CoreError
from .line_rows import LineRows


class StoreUnit(wiring.Component):
    """Copy rows of the buffer to lines of bytes in the memory.

    Instructions follow each other without a pause: the rows of the next one are read while bursts
    of this one wait for the memory. The memory keeps the order of the writes, because all have the
    same AXI ID. An instruction finishes with its last response.

    Timing: an instruction is taken in cycle 0. Its first line is known in cycle LineWalk.latency,
    its first row is requested one cycle later and comes to the writer in cycle LineWalk.latency +
    LineRows.latency. `latency` is the cycle in which the address of a burst of one beat is on
    `port`; a longer burst comes later by the cycles that its other beats take. `finished` is high
    in the cycle after the last response.

    Errors: REGION, if a line is not in its region or must not be written, and RANGE, if a row is
    not in the buffer; before either, all writes of the lines in front of it have been requested, if
    the memory takes them. WRITE_RESPONSE, if the memory answers a write with an error.

    Parameters
    ----------
    width, rows : int
        Of the buffer: bits of a row, and number of rows.
    data_width, address_width : int
        Of the bus.
    burst_beats, outstanding : int
        See LineWriter.

    Members
    -------
    instructions : stream of the layout of STORE. A transfer starts the instruction.
    regions : regions_layout(address_width) in. They do not change while an instruction is executed.
    buffer : read_port(...)
    port : write_channels(...) out
    finished : 1 bit out, for a cycle. An instruction has finished.
    error : CoreError out, held until `flush`; then nothing more is read
    flush : 1 bit in. Discard all instructions; beats that were announced follow with all strobes
        low. After this, instructions may come when `flush` is low and `idle` is high.
    idle : 1 bit out. Nothing is owed to the memory or by it.
    """

    latency = LineWalk.latency + LineRows.latency + LineWriter.latency

    def __init__(
        self,
        *,
        width: int,
        rows: int,
        data_width: int,
        address_width: int,
        burst_beats: int = 16,
        outstanding: int = 8,
    ):
        self.width = width
        self.rows = rows
        self.data_width = data_width
        self.address_width = address_width
        self.burst_beats = burst_beats
        self.outstanding = outstanding
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(STORE))),
                "regions": In(regions_layout(address_width)),
                "buffer": Out(read_port(rows=rows, width=width)),
                "port": Out(write_channels(address_width=address_width, data_width=data_width)),
                "finished": Out(1),
                "error": Out(CoreError),
                "flush": In(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.domains.reading = ClockDomain("reading", local=True)
        m.d.comb += [
            ClockSignal("reading").eq(ClockSignal()),
            ResetSignal("reading").eq(ResetSignal() | self.flush),
        ]
        walk = self._walk(m, platform)
        rows = instantiate(
            m,
            "rows",
            platform,
            LineRows,
            domain="reading",
            width=self.width,
            rows=self.rows,
            address_width=self.address_width,
        )
        writer = instantiate(
            m,
            "writer",
            platform,
            LineWriter,
            row_bytes=self.width // 8,
            data_width=self.data_width,
            address_width=self.address_width,
            burst_beats=self.burst_beats,
            outstanding=self.outstanding,
        )
        connect_registered(m, platform, "lines", walk.lines, rows.lines, domain="reading")
        m.d.comb += [
            writer.flush.eq(self.flush),
            self.idle.eq(writer.idle),
            self.finished.eq(writer.finished),
        ]
        connect(m, rows.buffer, flipped(self.buffer))
        connect(m, rows.rows, writer.rows)
        connect(m, writer.port, flipped(self.port))
        self._report(
            m,
            {
                CoreError.WRITE_RESPONSE: writer.failed,
                CoreError.RANGE: rows.outside,
                CoreError.REGION: walk.error,
            },
        )
        return m

    def _walk(self, m: Module, platform):
        """Add the walk over the lines, which takes the instructions."""
        walk = instantiate(
            m,
            "walk",
            platform,
            LineWalk,
            domain="reading",
            address_width=self.address_width,
            tag_width=ROW_BITS,
            permission="writable",
        )
        instruction, fields = self.instructions.payload, walk.walks.payload
        m.d.comb += [
            walk.regions.eq(self.regions),
            walk.walks.valid.eq(self.instructions.valid),
            self.instructions.ready.eq(walk.walks.ready),
            *[fields[name].eq(instruction[name]) for name, _ in fields.shape() if name != "tag"],
            fields.tag.eq(instruction.row),
        ]
        return walk

    def _report(self, m: Module, found: dict) -> None:
        """Keep the first error; of several in a cycle, that of the earliest instruction."""
        error = Signal(CoreError)
        for code, condition in reversed(found.items()):
            with m.If(condition):
                m.d.comb += error.eq(code)
        with m.If(self.flush):
            m.d.sync += self.error.eq(CoreError.NONE)
        with m.Elif(self.error == CoreError.NONE):
            m.d.sync += self.error.eq(error)
