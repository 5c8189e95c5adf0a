"""BeatOperands: from the control of a beat to the operands of the lanes."""

from amaranth.hdl import Cat, Module, Mux, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..blocks.lanes import Lanes
from ..blocks.parts import part_of
from ..buffer.unified_buffer import UnifiedBuffer, row_shape
from ..hierarchy import instantiate
from ..isa.codes import Function, ScaleSource, Subtrahend, XSource, YSource
from ..isa.fields import WORD_BITS
from .beats import beat_layout
from .layouts import control_layout, operand_fields_layout
from .parameter_memory import ParameterMemory, parameter_write_layout
from .rounding_shift import SHIFT_BITS
from .row_chunks import RowChunks
from .row_register import RowRegister
from .scalar_function import function_layout

SCALAR_READS = ("x", "y", "subtract", "scale")


def scalar_values_layout() -> data.StructLayout:
    """Return the layout of the row scalars of a beat: their values, and the shift of the scale."""
    values = dict.fromkeys(SCALAR_READS, signed(WORD_BITS))
    return data.StructLayout({**values, "scale_shift": unsigned(SHIFT_BITS)})


class BeatOperands(wiring.Component):
    """Choose x, y, what is subtracted, bias and scale of each lane of a beat.

    | Cycle | |
    | --- | --- |
    | 0 | the control of the beat; its last buffer rows have been requested, its result is there |
    | 3 | parameters and row scalars are read |
    | 4 | the buffer rows arrive |
    | 5 | all operands are there; that of a function is on `functions` |
    | 6 | the beat |

    Latency `latency` cycles, one beat per cycle. Never stalls.

    Parameters
    ----------
    row_chunks : RowChunks
    buffer_rows, parameter_rows, row_scalars : int

    Members
    -------
    control : stream of control_layout(...) in, which cannot stall
    fields : operand_fields_layout() in. Of the instruction; constant while its beats are here.
    result : N x signed(32) in. The result row of a beat that uses it, with its control.
    x_rows, y_rows : streams of buffer rows in, which cannot stall
    scalar_rows : the row scalars that are read, out
    scalars : scalar_values_layout() in, 2 cycles later
    parameter_write : parameter_write_layout(N) in
    beats : stream of beat_layout(V) out, which cannot stall
    functions : stream of function_layout(row_scalars) out, which cannot stall
    """

    # From the control to the operands, which are registered once more.
    read_latency = UnifiedBuffer.latency + 1
    latency = read_latency + 1

    def __init__(
        self, *, row_chunks: RowChunks, buffer_rows: int, parameter_rows: int, row_scalars: int
    ):
        self.row_chunks = row_chunks
        self.buffer_rows = buffer_rows
        self.parameter_rows = parameter_rows
        self.row_scalars = row_scalars
        self._control = control_layout(
            chunks=row_chunks.chunks,
            buffer_rows=buffer_rows,
            parameter_rows=parameter_rows,
            row_scalars=row_scalars,
        )
        rows = stream.Signature(unsigned(row_chunks.row_width), always_ready=True)
        scalar_rows = data.StructLayout(dict.fromkeys(SCALAR_READS, row_shape(row_scalars)))
        super().__init__(
            {
                "control": In(stream.Signature(self._control, always_ready=True)),
                "fields": In(operand_fields_layout()),
                "result": In(Lanes(signed(WORD_BITS), row_chunks.lanes)),
                "x_rows": In(rows),
                "y_rows": In(rows),
                "scalar_rows": Out(scalar_rows),
                "scalars": In(scalar_values_layout()),
                "parameter_write": In(parameter_write_layout(row_chunks.lanes)),
                "beats": Out(stream.Signature(beat_layout(row_chunks.chunk), always_ready=True)),
                "functions": Out(stream.Signature(function_layout(row_scalars), always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        memory_latency = ParameterMemory.latency
        reading = self._delayed(
            m,
            platform,
            "control",
            Cat(self.control.payload, self.control.valid),
            self.read_latency - memory_latency,
        )
        beat = data.View(self._control, reading[:-1])
        records = self._records(m, platform, beat)
        m.d.comb += [self.scalar_rows[name].eq(beat[name]) for name in SCALAR_READS]
        names = ("chunk", "x_begins", "y_begins", "reduce", "last")
        layout = data.StructLayout({**{n: beat.shape().members[n] for n in names}, "valid": 1})
        used = self._delayed(
            m,
            platform,
            "used",
            Cat(*[beat[name] for name in names], reading[-1]),
            memory_latency,
        )
        used = data.View(layout, used)
        x_begins, y_begins, valid = used.x_begins, used.y_begins, used.valid
        x = self._elements(m, platform, "x", begins=x_begins, advance=valid)
        y = self._elements(m, platform, "y", begins=y_begins, advance=valid)
        result = self._result(m, platform)
        out = self.beats.payload
        m.d.sync += [self.beats.valid.eq(valid), out.valid.eq(self._valid_lanes(used.chunk))]
        self._function(m, used)
        self._choose(m, x=x, y=y, result=result, records=records)
        return m

    def _function(self, m: Module, used: data.View) -> None:
        """Send the row scalar of x to a function."""
        functions = self.functions
        m.d.comb += [
            functions.valid.eq(used.valid & (self.fields.function != Function.NONE)),
            functions.payload.x.eq(self.scalars.x),
            functions.payload.row.eq(used.reduce),
            functions.payload.last.eq(used.last),
        ]

    def _delayed(self, m: Module, platform, name: str, value: Value, cycles: int) -> Value:
        """Return a value some cycles later; only its most significant bit, `valid`, matters."""
        line = instantiate(
            m, f"{name}_line", platform, DelayLine, width=len(value), cycles=cycles, reset=True
        )
        m.d.comb += line.i.eq(value)
        return line.o

    def _records(self, m: Module, platform, beat: data.View) -> Value:
        memory = instantiate(
            m,
            "parameters",
            platform,
            ParameterMemory,
            row_chunks=self.row_chunks,
            rows=self.parameter_rows,
        )
        m.d.comb += [
            memory.row.eq(beat.parameters),
            memory.chunk.eq(beat.chunk),
            memory.write.eq(self.parameter_write),
        ]
        return memory.records

    def _elements(self, m: Module, platform, name: str, *, begins: Value, advance: Value) -> Value:
        """Return the elements of the buffer rows of x or y."""
        register = instantiate(
            m, f"{name}_register", platform, RowRegister, row_chunks=self.row_chunks
        )
        wiring.connect(m, wiring.flipped(getattr(self, f"{name}_rows")), register.rows)
        m.d.comb += [
            register.format.eq(self.fields[f"{name}_format"]),
            register.begins.eq(begins),
            register.advance.eq(advance),
        ]
        return register.elements

    def _result(self, m: Module, platform) -> data.View:
        """Return the chunk of the result row, delayed like the others."""
        bits = self.row_chunks.chunk * WORD_BITS
        chunk = part_of(self.result.as_value(), self.control.payload.chunk, bits)
        line = instantiate(
            m, "result_line", platform, DelayLine, width=bits, cycles=self.read_latency
        )
        m.d.comb += line.i.eq(chunk)
        return data.View(Lanes(signed(WORD_BITS), self.row_chunks.chunk), line.o)

    def _valid_lanes(self, chunk: Value) -> Value:
        """Return which lanes of a chunk are not masked."""
        size = self.row_chunks.chunk
        valid = Cat(*[chunk * size + lane < self.fields.valid_lanes for lane in range(size)])
        # A function does not use the lanes.
        return Mux(self.fields.function == Function.NONE, valid, 0)

    def _choose(self, m: Module, *, x: Value, y: Value, result: data.View, records: Value) -> None:
        """Register the operands of every lane from their sources."""
        fields, scalars, out = self.fields, self.scalars, self.beats.payload
        by_scalar = fields.subtrahend == Subtrahend.SCALAR
        m.d.sync += out.subtract.eq(Mux(by_scalar, scalars.subtract, fields.x_zero_point))
        for lane in range(self.row_chunks.chunk):
            record = records[lane]
            m.d.sync += out.bias[lane].eq(record.bias)
            with m.Switch(fields.x_source):
                with m.Case(XSource.RESULTS):
                    m.d.sync += out.x[lane].eq(result[lane])
                with m.Case(XSource.SCALARS):
                    m.d.sync += out.x[lane].eq(scalars.x)
                with m.Default():
                    m.d.sync += out.x[lane].eq(x[lane])
            with m.Switch(fields.y_source):
                with m.Case(YSource.PARAMETERS):
                    m.d.sync += out.y[lane].eq(record.operand)
                with m.Case(YSource.SCALARS):
                    m.d.sync += out.y[lane].eq(scalars.y)
                with m.Case(YSource.IMMEDIATE):
                    m.d.sync += out.y[lane].eq(fields.immediate)
                with m.Default():
                    m.d.sync += out.y[lane].eq(y[lane])
            multiplier, shift = out.multiplier[lane], out.shift[lane]
            with m.Switch(fields.scale_source):
                with m.Case(ScaleSource.CHANNEL):
                    m.d.sync += [multiplier.eq(record.multiplier), shift.eq(record.shift)]
                with m.Case(ScaleSource.SCALAR):
                    m.d.sync += [multiplier.eq(scalars.scale), shift.eq(scalars.scale_shift)]
                with m.Default():
                    m.d.sync += [multiplier.eq(fields.multiplier), shift.eq(fields.shift)]
