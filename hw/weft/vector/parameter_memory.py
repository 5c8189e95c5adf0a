"""ParameterMemory: the parameter records of the channels, a chunk of them per cycle."""

from amaranth.hdl import Cat, Module, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate, numbers_below
from ..isa.fields import WORD_BITS
from ..isa.kind import INDEX_BITS
from ..primitives.block_memory import BlockMemory
from .layouts import RECORD_WORDS
from .rounding_shift import SHIFT_BITS
from .row_chunks import RowChunks

OPERAND_BITS = 16


def record_layout() -> data.StructLayout:
    """Return the layout of the parameter record of a lane."""
    return data.StructLayout(
        {
            "bias": signed(WORD_BITS),
            "multiplier": signed(WORD_BITS),
            "shift": unsigned(SHIFT_BITS),
            "operand": signed(OPERAND_BITS),
        }
    )


def parameter_write_layout(lanes: int) -> data.StructLayout:
    """Return the layout of a write of a word: if `valid`, in this cycle. See constant_layout."""
    return data.StructLayout(
        {
            "valid": 1,
            "row": INDEX_BITS,
            "word": range(RECORD_WORDS * lanes),
            "data": WORD_BITS,
        }
    )


class ParameterMemory(wiring.Component):
    """Rows of N records of 96 bits; reads V records and writes one word in every cycle.

    Latency 2 cycles from `row` and `chunk` to `records`. A word that is written in cycle n is read
    by chunks of cycle n + 2 and later. Every word of a record of a chunk is a memory of its own.

    Parameters
    ----------
    row_chunks : RowChunks
    rows : int

    Members
    -------
    row, chunk : in, the number of a row, and of a chunk of V lanes
    records : V times record_layout(), out
    write : parameter_write_layout(N) in
    """

    latency = BlockMemory.latency

    def __init__(self, *, row_chunks: RowChunks, rows: int):
        self.row_chunks = row_chunks
        self.rows = rows
        super().__init__(
            {
                "row": In(range(max(2, rows))),
                "chunk": In(range(row_chunks.chunks)),
                "records": Out(data.ArrayLayout(record_layout(), row_chunks.chunk)),
                "write": In(parameter_write_layout(row_chunks.lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sizes, write = self.row_chunks, self.write
        # A row takes a power of two of places, so that its number beside that of a chunk is one.
        chunk_bits = (sizes.chunks - 1).bit_length()
        chunk_words = RECORD_WORDS * sizes.chunk
        chunk = quotient(write.word, chunk_words)
        # The word of its chunk, the place of the chunk, and the data of a write.
        number = Signal(range(chunk_words), reset_less=True)
        place = Signal(range(max(2, self.rows << chunk_bits)), reset_less=True)
        word, writes = Signal(WORD_BITS, reset_less=True), Signal()
        m.d.sync += [
            writes.eq(write.valid),
            number.eq(write.word - chunk * chunk_words),
            place.eq(Cat(chunk[:chunk_bits], write.row)),
            word.eq(write.data),
        ]
        kept = (word, word, Cat(word[:SHIFT_BITS], word[-OPERAND_BITS:]))
        for own, name in enumerate(numbers_below(chunk_words)):
            lane, part = divmod(own, RECORD_WORDS)
            words = instantiate(
                m,
                f"words_{name}",
                platform,
                BlockMemory,
                width=len(kept[part]),
                depth=self.rows << chunk_bits,
            )
            record = self.records[lane]
            fields = (record.bias, record.multiplier, Cat(record.shift, record.operand))
            m.d.comb += [
                words.read_row.eq(Cat(self.chunk[:chunk_bits], self.row)),
                words.write.eq(writes & (number == own)),
                words.write_row.eq(place),
                words.i.eq(kept[part]),
                fields[part].eq(words.o),
            ]
        return m


def quotient(number: Value, divisor: int) -> Value:
    """Return an unsigned number divided by a constant, rounded down, by a multiplication.

    The reciprocal is rounded up, with so many bits that the error stays below 1 / divisor.
    """
    bits = len(number) + (divisor - 1).bit_length()
    return (number * -(-(1 << bits) // divisor)) >> bits
