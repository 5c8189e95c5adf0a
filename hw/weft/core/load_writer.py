"""LoadWriter: write the rows that LOAD has read to the memories of the core."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..buffer.unified_buffer import write_layout
from ..bus.row_aligner import BYTE, row_layout
from ..isa.codes import Target
from ..isa.fields import WORD_BITS
from ..isa.kind import ROW_BITS
from ..vector.beats import TABLE_WORDS
from ..vector.layouts import RECORD_WORDS, SCALAR_WORDS, constant_layout

WORD_BYTES = WORD_BITS // BYTE


def job_layout() -> data.StructLayout:
    """Return the layout of what the writer needs of a LOAD; see the fields of that."""
    return data.StructLayout({"target": 2, "row": ROW_BITS, "fill": BYTE})


class LoadWriter(wiring.Component):
    """Write the rows of each job to its target, one buffer row or one word of 32 bits per cycle.

    A row for the buffer is written in the cycle in which `buffer` takes it. Rows for other targets
    are cut into words. A line begins a new row of its target and completes its last one with the
    fill, also where that row is longer than those that are read.

    Timing: a job is taken in cycle 0, and its first row in cycle 1. A buffer row is written in that
    cycle, the first word of another row in the next one. The next job is taken with the last write
    of this one. `finished` is high in the cycle after the last write, so in the next cycle both
    kinds of writes can be read. Stalls while `buffer` waits.

    A row that the target does not have is not written: `outside` is high from then on, until a
    reset, and nothing more is written.

    Parameters
    ----------
    lanes, row_bytes : int
        Lanes of the core, and bytes of a buffer row.
    buffer_rows, parameter_rows, tables, row_scalars : int
        Rows of the targets.

    Members
    -------
    jobs : stream of job_layout()
    rows : stream of row_layout(tag_width=1); the tag marks the last line of its job
    buffer : stream of write_layout(...), out
    constants : stream of constant_layout(lanes), out, which cannot stall
    finished : 1 bit out. A job has finished.
    outside : 1 bit out
    """

    def __init__(
        self,
        *,
        lanes: int,
        row_bytes: int,
        buffer_rows: int,
        parameter_rows: int,
        tables: int,
        row_scalars: int,
    ):
        self.lanes = lanes
        self.row_bytes = row_bytes
        self.buffer_rows = buffer_rows
        self.parameter_rows = parameter_rows
        self.tables = tables
        self.row_scalars = row_scalars
        buffer = write_layout(rows=buffer_rows, width=BYTE * row_bytes)
        super().__init__(
            {
                "jobs": In(stream.Signature(job_layout())),
                "rows": In(stream.Signature(row_layout(row_bytes=row_bytes, tag_width=1))),
                "buffer": Out(stream.Signature(buffer)),
                "constants": Out(stream.Signature(constant_layout(lanes), always_ready=True)),
                "finished": Out(1),
                "outside": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        job = Signal(job_layout(), reset_less=True)
        active, inside, ends, row_ends = Signal(), Signal(), Signal(), Signal()
        to_buffer, rows = Signal(), self.rows
        written = self.buffer.payload
        word_ends, word_row_ends, takes_row = self._write_words(
            m, job, active & inside & ~to_buffer
        )
        buffer_row = Signal()
        m.d.comb += [
            to_buffer.eq(job.target == Target.BUFFER),
            inside.eq(job.row < self._chosen(job, self._rows_of)),
            self.outside.eq(active & ~inside),
            self.buffer.valid.eq(active & inside & to_buffer & rows.valid),
            written.row.eq(job.row),
            written.data.eq(rows.payload.data),
            buffer_row.eq(self.buffer.valid & self.buffer.ready),
            rows.ready.eq(Mux(to_buffer, active & inside & self.buffer.ready, takes_row)),
            row_ends.eq(buffer_row | word_row_ends),
            ends.eq((buffer_row & rows.payload.last & rows.payload.tag) | word_ends),
            self.jobs.ready.eq(~active | ends),
        ]
        m.d.sync += self.finished.eq(ends)
        with m.If(row_ends):
            m.d.sync += job.row.eq(job.row + 1)
        with m.If(self.jobs.ready):
            m.d.sync += [active.eq(self.jobs.valid), job.eq(self.jobs.payload)]
        return m

    @property
    def _rows_of(self) -> dict[Target, int]:
        return {
            Target.BUFFER: self.buffer_rows,
            Target.PARAMETERS: self.parameter_rows,
            Target.TABLES: self.tables,
            Target.SCALARS: self.row_scalars,
        }

    @property
    def _words_of(self) -> dict[Target, int]:
        return {
            Target.PARAMETERS: RECORD_WORDS * self.lanes,
            Target.TABLES: TABLE_WORDS,
            Target.SCALARS: SCALAR_WORDS,
        }

    def _chosen(self, job: data.View, numbers: dict[Target, int]) -> Value:
        """Return the number of the target of a job."""
        chosen = 0
        for target, number in numbers.items():
            chosen = Mux(job.target == target, number, chosen)
        return chosen

    def _write_words(self, m: Module, job: data.View, enable: Value) -> tuple[Signal, ...]:
        """Write the words of rows.

        Return whether the last word of the job is written, the last one of a row of its target, and
        whether the next row is taken.
        """
        row, word = self.rows.payload, self.constants.payload
        held = Signal(BYTE * self.row_bytes, reset_less=True)
        full, last, tag = Signal(), Signal(reset_less=True), Signal(reset_less=True)
        # Words of the row that hold bytes of the line, minus one.
        left = Signal(range(max(1, self.row_bytes // WORD_BYTES)), reset_less=True)
        number = Signal(word.word.shape())
        row_ends, done, ends, takes = (
            Signal(name=f"word_{name}") for name in ("row_ends", "done", "ends", "takes")
        )
        writes = self.constants.valid
        m.d.comb += [
            writes.eq(enable & full),
            row_ends.eq(writes & (number == self._chosen(job, self._words_of) - 1)),
            done.eq(writes & ~left.any() & (~last | row_ends)),
            ends.eq(done & last & tag),
            takes.eq(enable & (~full | (done & ~ends))),
            word.target.eq(job.target),
            word.row.eq(job.row),
            word.word.eq(number),
            word.data.eq(held[:WORD_BITS]),
        ]
        with m.If(writes):
            m.d.sync += [
                held.eq(Cat(held[WORD_BITS:], job.fill.replicate(WORD_BYTES))),
                left.eq(Mux(left.any(), left - 1, 0)),
                number.eq(Mux(row_ends, 0, number + 1)),
                full.eq(~done),
            ]
        with m.If(takes & self.rows.valid):
            m.d.sync += [
                full.eq(1),
                held.eq(row.data),
                left.eq((row.bytes - 1) >> (WORD_BYTES - 1).bit_length()),
                last.eq(row.last),
                tag.eq(row.tag),
            ]
        return ends, row_ends, takes
