"""LoadUnit: execute LOAD instructions, from the memory to the buffer and the constants."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..buffer.unified_buffer import write_layout
from ..bus.axi4 import read_channels
from ..bus.burst_splitter import BurstSplitter
from ..bus.line_reader import LineReader
from ..bus.line_walk import LineWalk
from ..bus.regions import regions_layout
from ..bus.row_aligner import BYTE
from ..hierarchy import instantiate
from ..isa.instructions import LOAD
from ..isa.layouts import instruction_layout
from ..primitives.stream_queue import StreamQueue
from ..vector.layouts import constant_layout
from .core_config import CoreConfig
from .errors import CoreError
from .load_writer import LoadWriter, job_layout

# Instructions whose data have been requested and not yet been written.
JOBS = 8


class LoadUnit(wiring.Component):
    """Read the lines of LOAD instructions from the memory, and write their rows.

    An instruction is taken while data of earlier ones are still to come, so requests follow each
    other across instructions. Rows are written in the order of the instructions.

    Latency, if nothing waits: from an instruction to its first request `request_latency` cycles,
    and from the last beat of a row to its write `write_latency` cycles; a word of another target
    comes one cycle later. See LineReader for the rate. `finished` is high in the cycle after the
    last write of an instruction.

    `error` is NONE until the first error, and then keeps its code until a reset. REGION: a line is
    not in its region, or that is not readable; it is not requested. RANGE: the core does not have a
    row; it is not written. READ_RESPONSE: the memory answered with an error. After an error no
    instruction is taken; a reset discards everything.

    Parameters
    ----------
    config : CoreConfig
    address_width, data_width : int
        Of the memory bus.
    room : int
        Beats that have been requested and not yet been used.

    Members
    -------
    instructions : stream of the layout of LOAD
    regions : regions_layout(address_width) in; constant while there are instructions
    memory : read_channels(...), without ID
    buffer : stream of write_layout(...), out
    constants : stream of constant_layout(config.lanes), out, which cannot stall
    finished : 1 bit out. An instruction has finished.
    error : CoreError, out
    """

    request_latency = LineWalk.latency + BurstSplitter.latency
    write_latency = LineReader.row_latency

    def __init__(
        self, *, config: CoreConfig, address_width: int = 40, data_width: int, room: int = 64
    ):
        self.config = config
        self.address_width = address_width
        self.data_width = data_width
        self.room = room
        width = config.lanes * config.operand_width
        buffer = write_layout(rows=config.buffer.rows, width=width)
        memory = read_channels(address_width=address_width, data_width=data_width)
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(LOAD))),
                "regions": In(regions_layout(address_width)),
                "memory": Out(memory),
                "buffer": Out(stream.Signature(buffer)),
                "constants": Out(
                    stream.Signature(constant_layout(config.lanes), always_ready=True)
                ),
                "finished": Out(1),
                "error": Out(CoreError),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        row_bytes = config.lanes * config.operand_width // BYTE
        bus = {"address_width": self.address_width}
        walk = instantiate(
            m, "walk", platform, LineWalk, **bus, tag_width=BYTE, permission="readable"
        )
        reader = instantiate(
            m,
            "reader",
            platform,
            LineReader,
            **bus,
            data_width=self.data_width,
            row_bytes=row_bytes,
            tag_width=1,
            room=self.room,
        )
        writer = instantiate(
            m,
            "writer",
            platform,
            LoadWriter,
            lanes=config.lanes,
            row_bytes=row_bytes,
            buffer_rows=config.buffer.rows,
            parameter_rows=config.vector.parameter_rows,
            tables=config.vector.tables,
            row_scalars=config.vector.row_scalars,
        )
        jobs = instantiate(m, "jobs", platform, StreamQueue, width=job_layout().size, depth=JOBS)
        self._take(m, walk, jobs)
        walked, line = walk.lines, reader.lines.payload
        m.d.comb += [
            walk.regions.eq(self.regions),
            reader.lines.valid.eq(walked.valid),
            walked.ready.eq(reader.lines.ready),
            line.address.eq(walked.payload.address),
            line.bytes.eq(walked.payload.bytes),
            line.tag.eq(walked.payload.tag[0]),
            line.fill.eq(walked.payload.tag[1:]),
            writer.jobs.valid.eq(jobs.o.valid),
            writer.jobs.payload.eq(jobs.o.payload),
            jobs.o.ready.eq(writer.jobs.ready),
            self.finished.eq(writer.finished),
        ]
        connect(m, reader.memory, flipped(self.memory))
        connect(m, reader.rows, writer.rows)
        connect(m, writer.buffer, flipped(self.buffer))
        connect(m, writer.constants, flipped(self.constants))
        found = {
            CoreError.REGION: walk.error,
            CoreError.RANGE: writer.outside,
            CoreError.READ_RESPONSE: reader.error,
        }
        with m.If(self.error.as_value() == 0):
            for code, error in found.items():
                with m.If(error):
                    m.d.sync += self.error.eq(code)
        return m

    def _take(self, m: Module, walk, jobs) -> None:
        """Take an instruction: its lines are walked, and its rows wait for their data."""
        instruction, walked = self.instructions.payload, walk.walks.payload
        job = data.View(job_layout(), jobs.i.payload)
        # Free places minus one, so that the sign bit alone shows that there is none.
        spare = Signal(range(-1, JOBS), init=JOBS - 1)
        may_take, taken = Signal(), Signal()
        m.d.sync += spare.eq(spare + jobs.released - taken)
        m.d.comb += [
            may_take.eq(~spare[-1] & (self.error.as_value() == 0)),
            walk.walks.valid.eq(self.instructions.valid & may_take),
            self.instructions.ready.eq(walk.walks.ready & may_take),
            taken.eq(self.instructions.valid & self.instructions.ready),
            *[walked[name].eq(instruction[name]) for name, _ in walked.shape() if name != "tag"],
            walked.tag.eq(instruction.fill),
            jobs.i.valid.eq(taken),
            *[job[name].eq(instruction[name]) for name, _ in job.shape()],
        ]
