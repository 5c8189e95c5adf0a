"""VectorUnit: execute VECTOR instructions."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..blocks.delay_line import DelayLine
from ..blocks.ready_register import connect_registered
from ..buffer.unified_buffer import read_port, write_layout
from ..hierarchy import instantiate
from ..isa.codes import Target
from ..isa.instructions import VECTOR
from ..isa.layouts import instruction_layout, shape_of
from ..matrix.layouts import result_layout
from ..vector.beat_issue import BeatIssue
from ..vector.beat_operands import SCALAR_READS, BeatOperands
from ..vector.beat_results import RESULT_FIELDS, BeatResults
from ..vector.beats import PASS_FIELDS
from ..vector.lanes import VectorLanes
from ..vector.layouts import OPERAND_FIELDS, constant_layout, outcome_layout
from ..vector.row_scalars import RowScalars
from ..vector.scalar_function import ScalarFunction
from ..vector.timing import VectorTiming
from ..vector.uses import uses_layout, uses_of
from ..vector.vector_check import VectorCheck
from ..vector.vector_walk import VectorWalk
from .core_config import CoreConfig
from .errors import CoreError

# The fields of an instruction that are needed until it has finished.
HELD_FIELDS = tuple(dict.fromkeys((*PASS_FIELDS, *OPERAND_FIELDS, *RESULT_FIELDS)))


class VectorUnit(wiring.Component):
    """Stream rows of x and y through the vector lanes, to rows in the buffer and to row scalars.

    Timing: an instruction is taken in cycle 0, and issues its first beat in cycle 2. Then a beat, a
    chunk of V elements of a row, per cycle; see BeatIssue for what takes several. Only BeatIssue
    waits: for the banks of its requests, and for results. `finished` is high in the cycle of the
    last write, `VectorTiming.write` or `VectorTiming.scalar` cycles after the last beat. The next
    instruction is taken one cycle later at the earliest.

    A write to the buffer cannot be refused, so `destination` must have the highest priority. A
    result row is only taken for an instruction that drains. A word of `constants` that is
    transferred in cycle n is visible to instructions that are taken in cycle n + 2 or later.

    Errors: ILLEGAL_FIELD, RANGE, MULTIPLIER and RECIPROCAL; see docs/vector.md. After the first one
    nothing is taken, issued, written or finished until reset. A reset leaves the memories as they
    are.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    instructions : stream of the layout of VECTOR
    x, y : read_port(...)
    destination : stream of write_layout(...) out
    results : stream of result_layout(config.matrix) in
    constants : stream of constant_layout(N) in, which cannot stall
    finished : 1 bit out. An instruction has finished.
    error : CoreError out
    waits_for_result : 1 bit out. The next row must come from `results`, which has none.
    """

    def __init__(self, *, config: CoreConfig):
        self.config = config
        sizes = {"rows": config.buffer.rows, "width": config.lanes * config.operand_width}
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(VECTOR))),
                "x": Out(read_port(**sizes)),
                "y": Out(read_port(**sizes)),
                "destination": Out(stream.Signature(write_layout(**sizes))),
                "results": In(stream.Signature(result_layout(config.matrix))),
                "constants": In(stream.Signature(constant_layout(config.lanes), always_ready=True)),
                "finished": Out(1),
                "error": Out(CoreError),
                "waits_for_result": Out(1),
            }
        )

    @property
    def _failed(self) -> Value:
        """Whether the unit has met an error; then it writes nothing more."""
        return self.error != CoreError.NONE

    def _places(self) -> dict[str, int]:
        """Return the sizes of the memories that the steps of a walk name."""
        config = self.config
        return {
            "buffer_rows": config.buffer.rows,
            "parameter_rows": config.vector.parameter_rows,
            "row_scalars": config.vector.row_scalars,
        }

    def elaborate(self, platform):
        m = Module()
        start = Signal()
        held, uses = self._hold(m, start)
        check, issue = self._begin(m, platform, start)
        m.d.comb += [
            issue.uses.eq(uses),
            self.waits_for_result.eq(issue.steps.valid & uses.x_results & ~self.results.valid),
            issue.x_format.eq(held.x_format),
            issue.y_format.eq(held.y_format),
            issue.destination_format.eq(held.destination_format),
        ]
        scalars = instantiate(
            m, "scalars", platform, RowScalars, row_scalars=self.config.vector.row_scalars
        )
        operands = self._operands(m, platform, issue, scalars, held)
        lanes = self._lanes(m, platform, operands, held)
        function = self._function(m, platform, operands, held)
        results = self._results(m, platform, issue, lanes, scalars, held)
        self._finish(m, results, function, scalars, start)
        outside = issue.steps.valid & issue.steps.payload.outside
        self._fail(
            m,
            {
                CoreError.ILLEGAL_FIELD: start & check.illegal,
                CoreError.RANGE: (start & check.outside) | outside,
                CoreError.MULTIPLIER: lanes.error,
                CoreError.RECIPROCAL: function.error,
            },
        )
        self._load(m, operands, lanes, scalars)
        return m

    def _hold(self, m: Module, start: Signal) -> tuple[Signal, Signal]:
        """Register the fields of an instruction, and what it uses."""
        instruction = self.instructions.payload
        fields = {name: shape_of(VECTOR.by_name[name]) for name in HELD_FIELDS}
        held = Signal(data.StructLayout(fields), reset_less=True)
        uses = Signal(uses_layout(), reset_less=True)
        with m.If(start):
            m.d.sync += [held[name].eq(instruction[name]) for name in HELD_FIELDS]
            m.d.sync += [uses[name].eq(value) for name, value in uses_of(instruction).items()]
        return held, uses

    def _fail(self, m: Module, errors: dict[CoreError, Value]) -> None:
        """Keep the first error."""
        for error, found in reversed(errors.items()):
            with m.If((self.error == CoreError.NONE) & found):
                m.d.sync += self.error.eq(error)

    def _begin(self, m: Module, platform, start: Signal):
        """Check an instruction, walk over its steps and issue their beats."""
        config = self.config
        check = instantiate(
            m,
            "check",
            platform,
            VectorCheck,
            lanes=config.lanes,
            operand_width=config.operand_width,
            tables=config.vector.tables,
        )
        walk = instantiate(
            m,
            "walk",
            platform,
            VectorWalk,
            operand_width=config.operand_width,
            **self._places(),
        )
        issue = instantiate(
            m,
            "issue",
            platform,
            BeatIssue,
            row_chunks=self.config.row_chunks,
            function_slots=ScalarFunction.latency,
            **self._places(),
        )
        busy = Signal()
        instructions = self.instructions
        m.d.comb += [
            instructions.ready.eq(~busy & ~self._failed),
            start.eq(instructions.valid & instructions.ready),
            check.instruction.eq(instructions.payload),
            walk.instructions.valid.eq(start & ~check.illegal & ~check.outside),
            walk.instructions.payload.eq(instructions.payload),
        ]
        with m.If(start):
            m.d.sync += busy.eq(1)
        with m.Elif(self.finished):
            m.d.sync += busy.eq(0)
        connect_registered(m, platform, "steps", walk.steps, issue.steps)
        for name in ("x", "y"):
            connect(m, getattr(issue, name), flipped(getattr(self, name).requests))
        m.d.comb += [
            issue.result_waits.eq(self.results.valid),
            self.results.ready.eq(issue.takes_result),
            issue.stop.eq(self._failed),
        ]
        return check, issue

    def _operands(self, m: Module, platform, issue, scalars, held: Signal):
        operands = instantiate(
            m,
            "operands",
            platform,
            BeatOperands,
            row_chunks=self.config.row_chunks,
            **self._places(),
        )
        connect(m, issue.beats, operands.control)
        for name in ("x", "y"):
            connect(m, flipped(getattr(self, name).rows), getattr(operands, f"{name}_rows"))
        m.d.comb += [
            *[operands.fields[name].eq(held[name]) for name in OPERAND_FIELDS],
            operands.result.eq(self.results.payload.lanes),
            *[getattr(scalars, f"{n}_row").eq(operands.scalar_rows[n]) for n in SCALAR_READS],
            *[operands.scalars[name].eq(getattr(scalars, name)) for name in SCALAR_READS],
            operands.scalars.scale_shift.eq(scalars.scale_shift),
        ]
        return operands

    def _lanes(self, m: Module, platform, operands, held: Signal):
        vector = self.config.vector
        lanes = instantiate(
            m, "lanes", platform, VectorLanes, lanes=vector.lanes, tables=vector.tables
        )
        connect(m, operands.beats, lanes.beats)
        m.d.comb += [lanes.constants[name].eq(held[name]) for name in PASS_FIELDS]
        return lanes

    def _results(self, m: Module, platform, issue, lanes, scalars, held: Signal):
        """Reduce and write the results of the lanes, with the control of their beats."""
        places = {name: self._places()[name] for name in ("buffer_rows", "row_scalars")}
        outcome = outcome_layout(chunks=self.config.row_chunks.chunks, **places)
        line = instantiate(
            m,
            "outcomes",
            platform,
            DelayLine,
            width=outcome.size,
            cycles=VectorTiming().lanes,
        )
        results = instantiate(
            m, "beat_results", platform, BeatResults, row_chunks=self.config.row_chunks, **places
        )
        beat = issue.beats.payload
        m.d.comb += line.i.eq(Cat(*[beat[name] for name in outcome.members]))
        connect(m, lanes.results, results.results)
        m.d.comb += [
            results.outcome.as_value().eq(line.o),
            *[results.fields[name].eq(held[name]) for name in RESULT_FIELDS],
            scalars.reduce_row.eq(results.reduce_row),
            results.reduce.eq(scalars.reduce),
            self.destination.valid.eq(results.writes.valid & ~self._failed),
            self.destination.payload.eq(results.writes.payload),
        ]
        return results

    def _function(self, m: Module, platform, operands, held: Signal):
        """Compute the functions of row scalars."""
        function = instantiate(
            m,
            "function",
            platform,
            ScalarFunction,
            row_scalars=self.config.vector.row_scalars,
        )
        connect(m, operands.functions, function.operands)
        m.d.comb += function.shift.eq(held.shift)
        return function

    def _finish(self, m: Module, results, function, scalars, start: Signal) -> None:
        """Write row scalars, and finish an instruction with its last write."""
        rows_left, scalars_left = Signal(), Signal()
        rows_end, scalars_end = results.row_ends, results.scalar_ends | function.ends
        starting = uses_of(self.instructions.payload)
        rows_done, scalars_done = ~rows_left | rows_end, ~scalars_left | scalars_end
        m.d.comb += self.finished.eq((rows_end | scalars_end) & rows_done & scalars_done)
        with m.If(self._failed):
            m.d.comb += [scalars.write.valid.eq(0), self.finished.eq(0)]
        with m.Elif(function.write.valid):
            m.d.comb += scalars.write.eq(function.write)
        with m.Else():
            m.d.comb += scalars.write.eq(results.scalar_write)
        with m.If(start):
            m.d.sync += [
                rows_left.eq(starting["destination"]),
                scalars_left.eq(starting["reduce"]),
            ]
        with m.If(rows_end):
            m.d.sync += rows_left.eq(0)
        with m.If(scalars_end):
            m.d.sync += scalars_left.eq(0)

    def _load(self, m: Module, operands, lanes, scalars) -> None:
        """Write what LOAD sends for parameters, tables and row scalars."""
        constants, word = self.constants, self.constants.payload
        ports = {
            Target.PARAMETERS: operands.parameter_write,
            Target.TABLES: lanes.table_write,
            Target.SCALARS: scalars.load,
        }
        for target, port in ports.items():
            m.d.comb += [
                port.valid.eq(constants.valid & (word.target == target)),
                port.data.eq(word.data),
            ]
        m.d.comb += [
            operands.parameter_write.row.eq(word.row),
            operands.parameter_write.word.eq(word.word),
            lanes.table_write.table.eq(word.row),
            lanes.table_write.entry.eq(word.word),
            scalars.load.row.eq(word.row),
            scalars.load.word.eq(word.word),
        ]
