"""WeightsUnit: execute WEIGHTS instructions, from the buffer or the memory to the weight FIFO."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..blocks.delay_line import DelayLine
from ..buffer.unified_buffer import UnifiedBuffer, read_port
from ..bus.axi4 import read_channels
from ..bus.regions import regions_layout
from ..hierarchy import instantiate
from ..isa.instructions import WEIGHTS
from ..isa.layouts import instruction_layout
from ..matrix.weight_fifo import fifo_row_layout
from ..primitives.stream_queue import StreamQueue
from .core_config import CoreConfig
from .errors import CoreError
from .tile_reader import TileReader
from .tile_transposer import TileTransposer
from .tile_walk import TileWalk

# Instructions, not those directly from the buffer, that request rows before they write any.
AHEAD = 4
_UNQUEUED = ("offset", "row_pitch", "tile_pitch", "group_pitch", "region", "tag")


class WeightsUnit(wiring.Component):
    """Read the tiles of WEIGHTS instructions, and write them to the weight FIFO.

    A tile takes N steps, one for each row, whether the row is read or not. A lane outside of the
    valid rows and columns becomes the zero point, so that its weight is zero; with `diagonal`, all
    lanes but one do, and one source row serves all rows of the tile. A place in the FIFO is
    reserved with the first step of a tile, so rows can never be refused. `finished` is high in the
    cycle in which the last row of an instruction is written.

    From the buffer: an instruction is taken in cycle 0, requests its first row in cycle 1, and
    writes it in cycle `latency`. Then a row per cycle, also from one instruction to the next that
    has been offered by then, for as long as the FIFO has room and no request waits for its bank.

    From the memory: an instruction is taken, and requests its rows, while up to AHEAD others wait
    for theirs. Its first request comes in cycle TileReader.request_latency. A row is written
    `memory_latency` cycles after its last beat; then a row per cycle, if the memory is as fast. If
    the instruction before is one from the buffer, the first step comes after all rows of that.

    Transposed, from the buffer: the same, from a TileTransposer. A row is written `turned_latency`
    cycles after the step of the last source row. The requests of other instructions come first.

    `error` is NONE until the first error, and then keeps its code until a reset. REGION: a row is
    not in its region, or that is not readable; it is not requested. RANGE: the buffer does not have
    a row, which is not requested, or the array does not have the valid rows or columns.
    READ_RESPONSE: the memory answered with an error. ILLEGAL_FIELD: `transpose` from the memory or
    with `diagonal`. No instruction is taken that has such a field, or after an error.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    instructions : stream of the layout of WEIGHTS
    buffer : read_port(...)
    regions : regions_layout(...) in; constant while there are instructions
    memory : read_channels(...), without ID
    has_room : 1 bit in, reserve : 1 bit out, rows : stream out. See WeightFifo.
    finished : 1 bit out. An instruction has finished.
    error : CoreError, out
    """

    # From the step to the write: the buffer, and the register of the row.
    write_latency = UnifiedBuffer.latency + 1
    latency = TileWalk.latency + write_latency
    memory_latency = TileReader.row_latency + 1
    turned_latency = TileTransposer.latency + 1

    def __init__(self, *, config: CoreConfig):
        self.config = config
        width, bus = config.lanes * config.operand_width, config.bus
        row = fifo_row_layout(config.matrix)
        memory = read_channels(address_width=bus.address_width, data_width=bus.data_width)
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(WEIGHTS))),
                "buffer": Out(read_port(rows=config.buffer.rows, width=width)),
                "regions": In(regions_layout(bus.address_width)),
                "memory": Out(memory),
                "has_room": In(1),
                "reserve": Out(1),
                "rows": Out(stream.Signature(row, always_ready=True)),
                "finished": Out(1),
                "error": Out(CoreError),
            }
        )

    def _write_layout(self) -> data.StructLayout:
        """Return the layout of what a step needs when its row is written.

        `ends`: it is the last one of its instruction.
        """
        lanes = self.config.lanes
        flags = {name: 1 for name in ("valid", "inside", "ends", "diagonal", "signed")}
        return data.StructLayout(
            {
                **flags,
                "row": range(lanes),
                "columns": range(lanes + 1),
                "zero_point": self.config.operand_width,
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        sizes = {"lanes": config.lanes, "operand_width": config.operand_width}
        walk = instantiate(m, "walk", platform, TileWalk, **sizes)
        reader = instantiate(
            m,
            "reader",
            platform,
            TileReader,
            **sizes,
            address_width=config.bus.address_width,
            data_width=config.bus.data_width,
        )
        m.d.comb += reader.regions.eq(self.regions)
        connect(m, reader.memory, flipped(self.memory))
        transposer = instantiate(
            m, "transposer", platform, TileTransposer, **sizes, buffer_rows=config.buffer.rows
        )
        misfit = self._take(
            m, platform, walk.instructions, reader.instructions, transposer.instructions
        )
        rows = stream.Signature(reader.rows.payload.shape()).create(path=("source",))
        with m.If(walk.steps.payload.transpose):
            _pass(m, transposer.rows, rows)
        with m.Else():
            _pass(m, reader.rows, rows)
        direct = self._share(m, platform, transposer.buffer)
        written, beyond = self._step(m, walk.steps, direct.requests, rows)
        delay = instantiate(
            m,
            "steps",
            platform,
            DelayLine,
            width=self._write_layout().size,
            cycles=UnifiedBuffer.latency,
            reset=True,
        )
        is_direct = _is_direct(walk.steps.payload)
        came = Signal(self._write_layout())
        m.d.comb += [
            delay.i.eq(Mux(is_direct, written.as_value(), 0)),
            came.eq(Mux(written.valid & ~is_direct, written.as_value(), delay.o)),
        ]
        self._write(m, came, direct.rows, rows)
        found = {
            CoreError.ILLEGAL_FIELD: self.instructions.valid
            & _is_illegal(self.instructions.payload),
            CoreError.RANGE: beyond | transposer.outside | misfit,
            CoreError.REGION: reader.outside,
            CoreError.READ_RESPONSE: reader.error,
        }
        with m.If(self.error == CoreError.NONE):
            for code, error in found.items():
                with m.If(error):
                    m.d.sync += self.error.eq(code)
        return m

    def _take(self, m: Module, platform, steps, reads, turns) -> Value:
        """Take instructions: those that are read directly when they can begin, others before that.

        `steps`: the stream to what writes the rows; `reads`, `turns`: those to what reads them from
        the memory, and what transposes them. Return whether an instruction has more valid rows or
        columns than a tile.
        """
        given = self.instructions
        names = [name for name in WEIGHTS.by_name if name not in _UNQUEUED]
        layout = instruction_layout(WEIGHTS)
        queued = data.StructLayout({name: layout[name].shape for name in names})
        queue = instantiate(m, "ahead", platform, StreamQueue, width=queued.size, depth=AHEAD)
        kept, out = data.View(queued, queue.i.payload), data.View(queued, queue.o.payload)
        # Free places minus one, so that the sign bit alone shows that there is none.
        spare = Signal(range(-1, AHEAD), init=AHEAD - 1)
        # Instructions in the queue and behind it.
        waiting = Signal(range(AHEAD + 2))
        misfit, may_take, direct, ahead = Signal(), Signal(), Signal(), Signal()
        fields = given.payload
        lanes = self.config.lanes
        m.d.comb += [
            misfit.eq((fields.valid_rows > lanes) | (fields.valid_columns > lanes)),
            may_take.eq(~_is_illegal(fields) & ~misfit & (self.error == CoreError.NONE)),
            direct.eq(given.valid & may_take & _is_direct(fields) & ~waiting.any()),
            *[other.payload.eq(fields) for other in (reads, turns)],
            reads.valid.eq(given.valid & may_take & ~fields.from_buffer & ~spare[-1]),
            turns.valid.eq(given.valid & may_take & fields.transpose & ~spare[-1]),
            ahead.eq((reads.valid & reads.ready) | (turns.valid & turns.ready)),
            given.ready.eq((direct & steps.ready) | ahead),
            queue.i.valid.eq(ahead),
            *[kept[name].eq(fields[name]) for name in names],
            queue.o.ready.eq(steps.ready),
            steps.valid.eq(queue.o.valid | direct),
            steps.payload.eq(fields),
        ]
        with m.If(queue.o.valid):
            m.d.comb += [steps.payload[name].eq(out[name]) for name in names]
        m.d.sync += [
            spare.eq(spare + queue.released - ahead),
            waiting.eq(waiting + ahead - (queue.o.valid & steps.ready)),
        ]
        return given.valid & misfit

    def _share(self, m: Module, platform, other):
        """Share the port of the buffer; return the one that comes first, before the `other`."""
        port, config = self.buffer, self.config
        width = config.lanes * config.operand_width
        first = read_port(rows=config.buffer.rows, width=width).create(path=("direct",))
        # Whether the row that comes is that of the first one.
        source = instantiate(
            m,
            "source",
            platform,
            DelayLine,
            width=1,
            cycles=UnifiedBuffer.latency,
            reset=True,
        )
        asks = first.requests.valid
        m.d.comb += [
            port.requests.valid.eq(asks | other.requests.valid),
            port.requests.payload.eq(Mux(asks, first.requests.payload, other.requests.payload)),
            first.requests.ready.eq(port.requests.ready),
            other.requests.ready.eq(port.requests.ready & ~asks),
            source.i.eq(asks),
            first.rows.valid.eq(port.rows.valid & source.o),
            other.rows.valid.eq(port.rows.valid & ~source.o),
            *[reader.rows.payload.eq(port.rows.payload) for reader in (first, other)],
        ]
        return first

    def _step(self, m: Module, steps, requests, read) -> tuple[data.View, Value]:
        """Get the row of each step: request it from the buffer, or take it from what is `read`.

        Return the step when it moves, and whether its row is not in the buffer.
        """
        step, is_direct = steps.payload, _is_direct(steps.payload)
        has_place, beyond, may_move, gets = Signal(), Signal(), Signal(), Signal()
        # Whether the step needs a row; every row of a transposed tile comes.
        needs = step.fetches | step.transpose
        # Cycles until all rows that were requested from the buffer have come.
        behind = Signal(range(UnifiedBuffer.latency + 1))
        written = Signal(self._write_layout())
        moves = written.valid
        m.d.comb += [
            has_place.eq(steps.valid & (~step.begins | self.has_room)),
            beyond.eq((step.place < 0) | (step.place >= self.config.buffer.rows)),
            may_move.eq(has_place & (is_direct | ~behind.any())),
            requests.valid.eq(has_place & step.fetches & is_direct & ~beyond),
            requests.payload.eq(step.place),
            read.ready.eq(may_move & needs & ~is_direct),
            gets.eq(Mux(is_direct, requests.ready & ~beyond, read.valid)),
            moves.eq(may_move & (~needs | gets)),
            steps.ready.eq(moves),
            self.reserve.eq(moves & step.begins),
            written.ends.eq(moves & step.ends),
            *[
                written[name].eq(step[name])
                for name, _ in written.shape()
                if name not in ("valid", "ends")
            ],
        ]
        with m.If(moves & is_direct):
            m.d.sync += behind.eq(UnifiedBuffer.latency)
        with m.Elif(behind.any()):
            m.d.sync += behind.eq(behind - 1)
        return written, steps.valid & is_direct & step.fetches & beyond

    def _write(self, m: Module, step: data.View, requested, read) -> None:
        """Register the row of a step, and write it with the zero point in all other lanes."""
        config, out = self.config, self.rows.payload
        kept = Signal(config.lanes, reset_less=True)
        lanes = Signal(out.lanes.shape(), reset_less=True)
        zero_point, signed = Signal(config.operand_width, reset_less=True), Signal(reset_less=True)
        # A row of a diagonal tile that was not requested uses the lanes of the first one.
        with m.If(requested.valid):
            m.d.sync += lanes.as_value().eq(requested.payload)
        with m.Elif(read.valid & read.ready):
            m.d.sync += lanes.as_value().eq(read.payload)
        m.d.sync += [
            self.rows.valid.eq(step.valid),
            self.finished.eq(step.ends),
            zero_point.eq(step.zero_point),
            signed.eq(step.signed),
            *[
                kept[lane].eq(
                    step.inside & (lane < step.columns) & (~step.diagonal | (step.row == lane))
                )
                for lane in range(config.lanes)
            ],
        ]
        m.d.comb += [
            *[
                out.lanes[lane].eq(Mux(kept[lane], lanes[lane], zero_point))
                for lane in range(config.lanes)
            ],
            out.signed.eq(signed),
            out.zero_point.eq(zero_point),
        ]


def _is_direct(fields: data.View) -> Value:
    """Return whether rows come from the buffer as they are."""
    return fields.from_buffer & ~fields.transpose


def _is_illegal(fields: data.View) -> Value:
    """Return whether a tile would be transposed that comes from the memory or is diagonal."""
    return fields.transpose & (~fields.from_buffer | fields.diagonal)


def _pass(m: Module, source, sink) -> None:
    """Connect a source of rows while it is chosen."""
    m.d.comb += [
        sink.valid.eq(source.valid),
        sink.payload.eq(source.payload),
        source.ready.eq(sink.ready),
    ]
