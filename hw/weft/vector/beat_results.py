"""BeatResults: from the results of the lanes to rows in the buffer and to row scalars."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..blocks.delay_line import DelayLine
from ..blocks.lanes import Lanes
from ..buffer.unified_buffer import row_shape, write_layout
from ..hierarchy import instantiate
from ..isa.codes import Reduce
from ..isa.fields import WORD_BITS
from ..isa.instructions import VECTOR
from ..isa.layouts import shape_of
from .lane_reduce import LaneReduce
from .layouts import outcome_layout
from .reduction import reduced
from .row_chunks import RowChunks
from .row_collector import RowCollector
from .row_reduce import RowReduce
from .row_scalars import RowScalars, scalar_write_layout

# The fields of a VECTOR that say what becomes of its results.
RESULT_FIELDS = ("write", "reduce", "accumulate", "valid_lanes", "destination_format")


def result_fields_layout() -> data.StructLayout:
    """Return the layout of RESULT_FIELDS."""
    return data.StructLayout({name: shape_of(VECTOR.by_name[name]) for name in RESULT_FIELDS})


class BeatResults(wiring.Component):
    """Reduce the results of beats, mask and write them.

    | Cycle | |
    | --- | --- |
    | 0 | the results of a beat, with its outcome |
    | 2 | they are reduced with the rows before, if its row is the last one of its window |
    | 3 | the buffer row that the beat completes is written, or the first one of several |
    | `scalar_latency` | the row scalar is written, if the beat is the last one of its window |

    One beat per cycle. Never stalls, and writes cannot be refused.

    Parameters
    ----------
    row_chunks : RowChunks
    buffer_rows, row_scalars : int

    Members
    -------
    results : stream of V x signed(32) in, which cannot stall
    outcome : outcome_layout(...) in. Of the results of this cycle.
    fields : result_fields_layout() in. Of the instruction; constant while its beats are here.
    reduce_row : out, the row scalar that a reduction continues
    reduce : signed(32) in. Its value, RowScalars.latency cycles later.
    writes : stream of write_layout(...) out, which cannot stall
    scalar_write : scalar_write_layout(...) out
    row_ends, scalar_ends : 1 bit out. The last write of an instruction, in this cycle.
    """

    write_latency = RowReduce.latency + RowCollector.latency

    def __init__(self, *, row_chunks: RowChunks, buffer_rows: int, row_scalars: int):
        self.row_chunks = row_chunks
        self.buffer_rows = buffer_rows
        self.row_scalars = row_scalars
        self._outcome = outcome_layout(
            chunks=row_chunks.chunks, buffer_rows=buffer_rows, row_scalars=row_scalars
        )
        lanes = Lanes(signed(WORD_BITS), row_chunks.chunk)
        writes = write_layout(rows=buffer_rows, width=row_chunks.row_width)
        super().__init__(
            {
                "results": In(stream.Signature(lanes, always_ready=True)),
                "outcome": In(self._outcome),
                "fields": In(result_fields_layout()),
                "reduce_row": Out(row_shape(row_scalars)),
                "reduce": In(signed(WORD_BITS)),
                "writes": Out(stream.Signature(writes, always_ready=True)),
                "scalar_write": Out(scalar_write_layout(row_scalars)),
                "row_ends": Out(1),
                "scalar_ends": Out(1),
            }
        )

    @staticmethod
    def scalar_latency_of(lanes: int) -> int:
        """Return the cycles from the results of the last beat of a window to its row scalar."""
        return LaneReduce.latency_of(lanes) + 1

    def elaborate(self, platform):
        m = Module()
        self._write_rows(m, platform)
        self._write_scalars(m, platform)
        return m

    def _valid_lanes(self, outcome: data.View) -> list[Value]:
        """Return which lanes are not masked."""
        size = self.row_chunks.chunk
        return [outcome.chunk * size + n < self.fields.valid_lanes for n in range(size)]

    def _write_rows(self, m: Module, platform) -> None:
        """Reduce the rows of windows, mask and collect them."""
        sizes, fields, outcome = self.row_chunks, self.fields, self.outcome
        reduce = instantiate(
            m, "row_reduce", platform, RowReduce, lanes=sizes.chunk, chunks=sizes.chunks
        )
        collector = instantiate(
            m,
            "collector",
            platform,
            RowCollector,
            row_chunks=sizes,
            buffer_rows=self.buffer_rows,
        )
        line = instantiate(
            m, "rows", platform, DelayLine, width=self._outcome.size, cycles=RowReduce.latency
        )
        reduced_outcome = data.View(self._outcome, line.o)
        beat, chunks = reduce.beats.payload, collector.chunks
        m.d.comb += [
            line.i.eq(outcome.as_value()),
            reduce.maximum.eq(fields.reduce == Reduce.ROWS_MAX),
            reduce.beats.valid.eq(self.results.valid & fields.write),
            *[beat[name].eq(outcome[name]) for name in ("first_row", "last_row", "chunk")],
            beat["values"].eq(self.results.payload),
            chunks.valid.eq(reduce.results.valid),
            *[
                chunks.payload.lanes[lane].eq(Mux(valid, reduce.results.payload[lane], 0))
                for lane, valid in enumerate(self._valid_lanes(reduced_outcome))
            ],
            chunks.payload.row.eq(reduced_outcome.destination),
            chunks.payload.first.eq(reduced_outcome.first_chunk),
            chunks.payload.last.eq(reduced_outcome.last),
            collector.format.eq(fields.destination_format),
            self.row_ends.eq(collector.ends),
        ]
        connect(m, collector.writes, flipped(self.writes))

    def _write_scalars(self, m: Module, platform) -> None:
        """Reduce the lanes of windows, and write or continue their row scalars."""
        fields, outcome, lanes = self.fields, self.outcome, self.row_chunks.chunk
        reduce = instantiate(m, "lane_reduce", platform, LaneReduce, lanes=lanes)
        maximum = fields.reduce == Reduce.LANES_MAX
        over_lanes = maximum | (fields.reduce == Reduce.LANES_SUM)
        beat = reduce.beats.payload
        m.d.comb += [
            reduce.maximum.eq(maximum),
            reduce.beats.valid.eq(self.results.valid & over_lanes),
            beat.first.eq(outcome.first_row & outcome.first_chunk),
            beat.last.eq(outcome.last_row & outcome.last_chunk),
            beat.valid.eq(Cat(*self._valid_lanes(outcome))),
            beat["values"].eq(self.results.payload),
        ]
        place = Cat(outcome.reduce, outcome.last)
        latency = LaneReduce.latency_of(lanes)
        reading = self._delayed(m, platform, "read", place, latency - RowScalars.latency)
        place = self._delayed(m, platform, "write", reading, RowScalars.latency)
        both = reduced(m, self.reduce, reduce.results.payload, maximum=maximum, name="both")
        write, ends = self.scalar_write, Signal()
        m.d.comb += [self.reduce_row.eq(reading[:-1]), self.scalar_ends.eq(write.valid & ends)]
        m.d.sync += [
            write.valid.eq(reduce.results.valid),
            write.row.eq(place[:-1]),
            ends.eq(place[-1]),
            write.value.eq(Mux(fields.accumulate, both, reduce.results.payload)),
        ]

    def _delayed(self, m: Module, platform, name: str, value: Value, cycles: int) -> Value:
        line = instantiate(m, name, platform, DelayLine, width=len(value), cycles=cycles)
        m.d.comb += line.i.eq(value)
        return line.o
