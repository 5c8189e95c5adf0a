"""MemoryStreams: streams of a host link that write and read consecutive words of a memory."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, Mux, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.axi_memory import host_layout
from ..bus.word_memory import BYTE, WordMemory
from ..hierarchy import instantiate
from .beats import BeatAssembler, BeatSplitter
from .ports import byte_sink, byte_source


class MemoryStreams(wiring.Component):
    """Write the words that come, and fetch the words that will be read, each from `first` on.

    `seek` begins both streams at `first`, and forgets the word that was fetched ahead. So words are
    read as they are at that time or later.

    Parameters
    ----------
    words, width : int
        Of the memory: its number of words, and their bits, a multiple of 8.

    Members
    -------
    seek : 1 bit in. Not while a beat is moved. A request that waits may change.
    first : range(words) in, with `seek`
    written : byte_sink()
    read : byte_source()
    memory : stream of host_layout(...), out
    word : `width` bits in. What a request reads, WordMemory.latency cycles after it is taken.
    """

    def __init__(self, *, words: int, width: int):
        self.words = words
        self.width = width
        super().__init__(
            {
                "seek": In(1),
                "first": In(range(words)),
                "written": In(byte_sink()),
                "read": In(byte_source()),
                "memory": Out(stream.Signature(host_layout(words=words, width=width))),
                "word": In(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.domains.seek = ClockDomain("seek", local=True)
        m.d.comb += [
            ClockSignal("seek").eq(ClockSignal()),
            ResetSignal("seek").eq(ResetSignal() | self.seek),
        ]
        size = self.width // BYTE
        assembler = instantiate(m, "assembler", platform, BeatAssembler, size=size)
        splitter = instantiate(m, "splitter", platform, BeatSplitter, domain="seek", size=size)
        connect(m, flipped(self.written), assembler.bytes)
        connect(m, flipped(self.read), splitter.bytes)

        request = self.memory.payload
        write_at, read_at = Signal(range(self.words)), Signal(range(self.words))
        # A bit for each cycle since the request of the word that is awaited; a seek forgets it.
        since = Signal(WordMemory.latency)
        asks, taken, read_waits = Signal(), Signal(), Signal()
        m.d.comb += [
            asks.eq(splitter.i.ready & ~since.any()),
            taken.eq(self.memory.valid & self.memory.ready),
            self.memory.valid.eq(assembler.o.valid | asks),
            request.write.eq(assembler.o.valid & ~read_waits),
            request.word.eq(Mux(request.write, write_at, read_at)),
            request.data.eq(assembler.o.payload),
            assembler.o.ready.eq(self.memory.ready & request.write),
            splitter.i.valid.eq(since[-1]),
            splitter.i.payload.eq(self.word),
        ]
        m.d.sync += [
            read_waits.eq(asks & ~request.write & ~self.memory.ready),
            write_at.eq(write_at + (taken & request.write)),
            read_at.eq(read_at + (taken & ~request.write)),
            since.eq(Cat(taken & ~request.write, since)),
        ]
        with m.If(self.seek):
            m.d.sync += [write_at.eq(self.first), read_at.eq(self.first), since.eq(0)]
        return m
