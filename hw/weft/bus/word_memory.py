"""WordMemory: a memory of words whose bytes are written one by one, in banks of block memory."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check
from ..hierarchy import instantiate
from ..primitives.block_memory import BlockMemory

BYTE = 8
# Words of the deepest bank. On ECP5, a block memory has as many bytes.
BANK_WORDS = 2048


def check_words(words: int) -> None:
    """Raise ValueError unless a memory can have so many words."""
    check(
        words > 1 and words.bit_count() == 1,
        f"the words of a memory must be a power of two from 2 on, not {words}",
    )


def write_layout(*, words: int, width: int) -> data.StructLayout:
    """Return the layout of a write: the bytes of `data` that `strobes` marks, to `word`."""
    return data.StructLayout(
        {"valid": 1, "word": range(words), "data": width, "strobes": width // BYTE}
    )


class WordMemory(wiring.Component):
    """Read one word and write the bytes of one word in every cycle.

    Each byte of a word has a block memory of its own, since not every block memory can write a part
    of a word.

    Latency `latency` cycles from `word` to `o`. A read returns what was written in earlier cycles;
    a byte that is written in the cycle of the read is undefined. Bytes are zero until written.

    Parameters
    ----------
    width : int
        Bits of a word, a multiple of 8.
    words : int
        A power of two, at least 2.

    Members
    -------
    word : range(words) in. Number of the word that is read.
    o : `width` bits out
    write : write_layout(...) in
    """

    # The register of the number, the memory, and the register behind the banks.
    latency = 1 + BlockMemory.latency + 1

    def __init__(self, *, width: int, words: int):
        check_words(words)
        self.width = width
        self.words = words
        super().__init__(
            {
                "word": In(range(words)),
                "o": Out(width),
                "write": In(write_layout(words=words, width=width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        depth = min(self.words, BANK_WORDS)
        low, lanes = (depth - 1).bit_length(), self.width // BYTE
        word = Signal.like(self.word)
        write = Signal.like(self.write)
        m.d.sync += [word.eq(self.word), write.eq(self.write)]
        outs = Signal(data.ArrayLayout(self.width, self.words // depth))
        for number in range(len(outs)):
            for lane in range(lanes):
                byte = slice(BYTE * lane, BYTE * (lane + 1))
                memory = instantiate(
                    m,
                    f"bank_{number}_byte_{lane}",
                    platform,
                    BlockMemory,
                    width=BYTE,
                    depth=depth,
                )
                m.d.comb += [
                    memory.read_row.eq(word[:low]),
                    memory.write.eq(
                        write.valid & write.strobes[lane] & (write.word[low:] == number)
                    ),
                    memory.write_row.eq(write.word[:low]),
                    memory.i.eq(write.data[byte]),
                    outs[number][byte].eq(memory.o),
                ]
        # The bank of the word that the memories show.
        bank = word[low:]
        for stage in range(BlockMemory.latency):
            later = Signal.like(bank, name=f"bank_{stage}", reset_less=True)
            m.d.sync += later.eq(bank)
            bank = later
        m.d.sync += self.o.eq(outs[bank])
        return m
