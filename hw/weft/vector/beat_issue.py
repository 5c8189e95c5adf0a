"""BeatIssue: request the rows of x and y of a step, and send its beats down the pipeline."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..buffer.unified_buffer import row_shape
from ..isa.fields import WORD_BITS
from .layouts import control_layout, step_layout
from .row_chunks import RowChunks
from .uses import WIDTHS, by_width, uses_layout

OPERANDS = ("x", "y")
# What a beat takes from its step.
OF_STEP = (
    *("x", "y", "destination", "subtract", "scale", "reduce", "parameters"),
    *("first_row", "last_row"),
)
# A row scalar is written in every second cycle at most.
SCALAR_SLOTS = 2


class BeatIssue(wiring.Component):
    """Issue one beat for each chunk of each step, as soon as the rows that it needs are on the way.

    This is the only place where the vector unit waits; behind it, everything has a fixed latency. A
    beat takes one slot, or several: as many as its chunk has buffer rows of x, y or the
    destination, two if each beat may write a row scalar, and `function_slots` with a function. In
    slot i, row i of the chunk of x and of y is requested, if the chunk begins a buffer row or has
    several. A slot lasts until both requests are taken and, if x comes from the results, a result
    is there; otherwise 1 cycle. The beat is issued in its last slot, and the rows that it uses
    arrive UnifiedBuffer.latency cycles later at the latest. The next ones arrive later than that.

    Latency 0 cycles from a step to its first request and its first beat.

    With a function, a step has one beat, and no operand but a row scalar.

    Parameters
    ----------
    row_chunks : RowChunks
    buffer_rows, parameter_rows, row_scalars : int
    function_slots : int
        Cycles from one operand of a function to the next.

    Members
    -------
    steps : stream of step_layout(...) in. Taken with its last beat, unless it is `outside`.
    uses : uses_layout() in; x_format, y_format, destination_format : Format in. Those of the
        instruction of the step.
    stop : 1 bit in. Issue nothing in this cycle.
    x, y : streams of numbers of buffer rows, out
    result_waits : 1 bit in. A result row is there.
    takes_result : 1 bit out. The result row is taken, with the last beat of its step.
    beats : stream of control_layout(...) out, which cannot stall
    """

    def __init__(
        self,
        *,
        row_chunks: RowChunks,
        buffer_rows: int,
        parameter_rows: int,
        row_scalars: int,
        function_slots: int,
    ):
        self.row_chunks = row_chunks
        self.buffer_rows = buffer_rows
        self.parameter_rows = parameter_rows
        self.row_scalars = row_scalars
        self.function_slots = function_slots
        sizes = {
            "buffer_rows": buffer_rows,
            "parameter_rows": parameter_rows,
            "row_scalars": row_scalars,
        }
        beats = control_layout(chunks=row_chunks.chunks, **sizes)
        super().__init__(
            {
                "steps": In(stream.Signature(step_layout(**sizes))),
                "uses": In(uses_layout()),
                **{f"{name}_format": In(4) for name in (*OPERANDS, "destination")},
                "stop": In(1),
                **{name: Out(stream.Signature(row_shape(buffer_rows))) for name in OPERANDS},
                "result_waits": In(1),
                "takes_result": Out(1),
                "beats": Out(stream.Signature(beats, always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        steps, beat = self.steps, self.beats.payload
        chunks = self.row_chunks.chunks
        # The number of the slot in its beat.
        slot = Signal(range(self._most_slots))
        chunk = Signal(range(chunks))
        goes, issues, last_chunk = Signal(), Signal(), Signal()
        exists = steps.valid & ~steps.payload.outside
        waits = [
            self._request(m, name, goes, exists=exists, slot=slot, chunk=chunk) for name in OPERANDS
        ]
        waits.append(self.uses.x_results & ~self.result_waits)
        m.d.comb += [
            goes.eq(exists & ~self.stop & ~Cat(*waits).any()),
            issues.eq(goes & (slot == self._last_slot(m))),
            last_chunk.eq(self.uses.function | (chunk == chunks - 1)),
            steps.ready.eq(issues & last_chunk),
            self.takes_result.eq(steps.ready & self.uses.x_results),
            self.beats.valid.eq(issues),
            *[beat[name].eq(steps.payload[name]) for name in OF_STEP],
            beat.chunk.eq(chunk),
            beat.first_chunk.eq(chunk == 0),
            beat.last_chunk.eq(last_chunk),
            beat.last.eq(steps.payload.last & last_chunk),
        ]
        with m.If(goes):
            m.d.sync += slot.eq(slot + 1)
        with m.If(issues):
            m.d.sync += [slot.eq(0), chunk.eq(chunk + 1)]
        with m.If(steps.ready):
            m.d.sync += chunk.eq(0)
        return m

    @property
    def _most_slots(self) -> int:
        return max(SCALAR_SLOTS, self.row_chunks.most_rows, self.function_slots)

    def _last_slot(self, m: Module) -> Value:
        """Return the number of the last slot of a beat."""
        sizes, uses = self.row_chunks, self.uses
        rows = {width: sizes.rows_per_chunk(width) - 1 for width in WIDTHS}
        reduces_alone = uses.lanes if sizes.chunks == 1 else 0
        last = Signal(range(self._most_slots))
        # All but that of a function, which uses nothing else, are powers of two minus one, so that
        # the OR of some is the largest of them.
        needed = [
            Mux(uses.function, self.function_slots - 1, 0),
            Mux(reduces_alone, SCALAR_SLOTS - 1, 0),
            *[
                by_width(getattr(self, f"{name}_format"), rows)
                & uses[use].replicate((sizes.most_rows - 1).bit_length())
                for name, use in (("x", "x_buffer"), ("y", "y_buffer"), ("destination",) * 2)
            ],
        ]
        total = needed[0]
        for slots in needed[1:]:
            total = total | slots
        m.d.comb += last.eq(total)
        return last

    def _request(
        self, m: Module, name: str, goes: Value, *, exists: Value, slot: Value, chunk: Value
    ) -> Value:
        """Request the rows of an operand; return whether this slot must wait for its row."""
        sizes, step = self.row_chunks, self.steps.payload
        requests, number = getattr(self, name), getattr(self, f"{name}_format")
        begins, fetches = Signal(name=f"{name}_begins"), Signal(name=f"{name}_fetches")
        # The row of this slot has been requested.
        requested = Signal(name=f"{name}_requested")
        # Rows of this step before that of this slot.
        rows = Signal(range(WORD_BITS // sizes.operand_width), name=f"{name}_rows")
        starts = {
            width: Cat(
                *[chunk == one for one in range(0, sizes.chunks, sizes.chunks_per_row(width))]
            ).any()
            for width in WIDTHS
        }
        lasts = {width: sizes.rows_per_chunk(width) - 1 for width in WIDTHS}
        m.d.comb += [
            begins.eq(by_width(number, starts)),
            fetches.eq(self.uses[f"{name}_buffer"] & begins & (slot <= by_width(number, lasts))),
            requests.valid.eq(exists & fetches & ~requested),
            requests.payload.eq(step[name] + rows),
            self.beats.payload[f"{name}_begins"].eq(begins),
        ]
        with m.If(goes):
            m.d.sync += [requested.eq(0), rows.eq(rows + fetches)]
        with m.Elif(requests.valid & requests.ready):
            m.d.sync += requested.eq(1)
        with m.If(self.steps.ready):
            m.d.sync += rows.eq(0)
        return fetches & ~requested & ~requests.ready
