"""MatrixFeeder: execute MATMUL instructions, from the buffer to the matrix unit."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..buffer.image_walk import ImageWalk
from ..buffer.unified_buffer import UnifiedBuffer, read_port
from ..hierarchy import instantiate
from ..isa.codes import Format
from ..isa.instructions import MATMUL
from ..isa.kind import ROW_BITS
from ..isa.layouts import instruction_layout
from ..matrix.layouts import activation_layout
from ..primitives.stream_queue import StreamQueue
from .core_config import CoreConfig


class MatrixFeeder(wiring.Component):
    """Walk over the rows of MATMUL instructions, and send them to the matrix unit with control.

    A row outside of the image is not read; its lanes are the zero point, so that its operands are
    zero. Zero points and signs go with each row, and the matrix unit subtracts. The first row of
    each tile carries `switch`; `first` and `last` are on all rows of the first and of the last tile
    of an instruction that has the flag, and `end` is on the last row of every instruction.

    Timing: an instruction is taken in cycle 0, requests its first row in cycle 2, and sends it in
    cycle `latency`. Then a row per cycle, also across tiles and to an instruction that has been
    offered by then, as long as no request waits for its bank and no row for the matrix unit. A row
    is only requested if the queue has a place for it, so rows can never be refused. `finished` is
    high in the cycle in which the last row of an instruction is transferred.

    `outside` is high from the cycle after the request of a row that the buffer does not have, until
    a reset. Rows are computed modulo 2**(ROW_BITS + 2), so a row that is millions of rows away can
    be taken for another one. A row whose accumulator does not exist names the first one that does
    not exist, which the matrix unit reports.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    instructions : stream of the layout of MATMUL
    buffer : read_port(...)
    activations : stream of activation_layout(config.matrix), out
    finished : 1 bit out. An instruction has finished.
    outside : 1 bit out. A row of the buffer does not exist.
    """

    latency = ImageWalk.latency + UnifiedBuffer.latency + StreamQueue.latency
    # A place is taken by the request, and free again one cycle after its row has left the queue.
    places = UnifiedBuffer.latency + StreamQueue.latency

    def __init__(self, *, config: CoreConfig):
        self.config = config
        width = config.lanes * config.operand_width
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(MATMUL))),
                "buffer": Out(read_port(rows=config.buffer.rows, width=width)),
                "activations": Out(stream.Signature(activation_layout(config.matrix))),
                "finished": Out(1),
                "outside": Out(1),
            }
        )

    def _tag_layout(self) -> data.StructLayout:
        """Return the layout of what every row needs of its instruction."""
        return data.StructLayout(
            {
                "first": 1,
                "last": 1,
                "signed": 1,
                "zero_point": self.config.operand_width,
                "accumulator": self.config.matrix.row_width,
            }
        )

    def elaborate(self, platform):
        m = Module()
        walk = self._walk(m, platform)
        layout = activation_layout(self.config.matrix)
        queue = instantiate(m, "queue", platform, StreamQueue, width=layout.size, depth=self.places)
        control = self._request(m, walk.steps, queue.released)
        delay = instantiate(
            m,
            "control",
            platform,
            DelayLine,
            width=control.shape().size,
            cycles=UnifiedBuffer.latency,
            reset=True,
        )
        m.d.comb += delay.i.eq(control.as_value())
        self._fill(m, queue, data.View(control.shape(), delay.o))
        activations = self.activations
        m.d.comb += [
            activations.valid.eq(queue.o.valid),
            activations.payload.as_value().eq(queue.o.payload),
            queue.o.ready.eq(activations.ready),
            self.finished.eq(activations.valid & activations.ready & activations.payload.end),
        ]
        return m

    def _walk(self, m: Module, platform):
        """Add the walk, which takes the instructions; its tag holds what the rows need of them."""
        fields, instruction = MATMUL.by_name, self.instructions.payload
        depth = self.config.matrix.accumulator_depth
        walk = instantiate(
            m,
            "walk",
            platform,
            ImageWalk,
            row_width=ROW_BITS + 2,
            count_width=fields["y_count"].width,
            kernel_width=fields["ky_count"].width,
            tag_width=self._tag_layout().size,
        )
        params = walk.walks.payload
        tag = data.View(self._tag_layout(), params.tag)
        m.d.comb += [
            walk.walks.valid.eq(self.instructions.valid),
            self.instructions.ready.eq(walk.walks.ready),
            *[params[name].eq(instruction[name]) for name, _ in params.shape() if name != "tag"],
            tag.first.eq(instruction.first),
            tag.last.eq(instruction.last),
            tag.signed.eq(instruction.format == Format.INT8),
            tag.zero_point.eq(instruction.zero_point),
            tag.accumulator.eq(
                Mux(instruction.accumulator < depth, instruction.accumulator, depth)
            ),
        ]
        return walk

    def _request(self, m: Module, steps, released: Value) -> data.View:
        """Request the row of a step if it is inside of the image; return its control."""
        step = steps.payload
        tag = data.View(self._tag_layout(), step.tag)
        fields = activation_layout(self.config.matrix).members
        control = Signal(
            data.StructLayout(
                {"valid": 1, **{name: fields[name] for name in fields if name != "lanes"}}
            )
        )
        # Free places minus one, so that the sign bit alone shows that there is none.
        spare = Signal(range(-1, self.places), init=self.places - 1)
        has_place, taken = Signal(), Signal()
        requests = self.buffer.requests
        # The accumulator of the next row of the tile.
        following = Signal(self.config.matrix.row_width)
        m.d.comb += [
            has_place.eq(~spare[-1]),
            requests.valid.eq(steps.valid & step.inside & has_place),
            requests.payload.eq(step.row),
            steps.ready.eq(has_place & (~step.inside | requests.ready)),
            taken.eq(steps.valid & steps.ready),
            control.valid.eq(taken),
            control.switch.eq(step.first_row),
            control.first.eq(step.first_tile & tag.first),
            control.last.eq(step.last_tile & tag.last),
            control.end.eq(step.last_row & step.last_tile),
            control.row.eq(Mux(step.first_row, tag.accumulator, following)),
            control.signed.eq(tag.signed),
            control.zero_point.eq(tag.zero_point),
        ]
        m.d.sync += spare.eq(spare + released - taken)
        with m.If(taken & (control.row != self.config.matrix.accumulator_depth)):
            m.d.sync += following.eq(control.row + 1)
        with m.If(steps.valid & step.inside & (step.row >= self.config.buffer.rows)):
            m.d.sync += self.outside.eq(1)
        return control

    def _fill(self, m: Module, queue, control: data.View) -> None:
        """Put a row into the queue: that of the buffer if it was requested, or the zero point."""
        row = Signal(activation_layout(self.config.matrix))
        m.d.comb += [
            *[row[name].eq(control[name]) for name, _ in control.shape() if name != "valid"],
            row.lanes.as_value().eq(
                Mux(
                    self.buffer.rows.valid,
                    self.buffer.rows.payload,
                    control.zero_point.replicate(self.config.lanes),
                )
            ),
            queue.i.valid.eq(control.valid),
            queue.i.payload.eq(row.as_value()),
        ]
