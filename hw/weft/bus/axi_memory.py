"""AxiMemory: block memory behind AXI4, with a port for a host."""

from amaranth.hdl import Module, Mux
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..hierarchy import instantiate
from .axi4 import read_channels, read_data_layout
from .axi4_write import write_channels
from .burst_beats import BurstBeats
from .word_memory import BYTE, WordMemory


def host_layout(*, words: int, width: int) -> data.StructLayout:
    """Return the layout of a request of the host: read `word`, or write `data` to it."""
    return data.StructLayout({"word": range(words), "write": 1, "data": width})


class AxiMemory(wiring.Component):
    """Words of block memory from address 0 on, read and written by bursts, and by a host.

    Reads and writes are independent, and each moves one beat per cycle, also from one burst to the
    next. The host waits in cycles in which a burst uses the memory in the same direction.

    | Cycle | Read | Write |
    | --- | --- | --- |
    | 0 | transfer on `ar` | transfer on `aw` |
    | 1 | | beat 0 can be taken on `w` |
    | `read_latency` + n | beat n on `r` | |

    The answer to a write is on `b` in the cycle after its last beat. A read whose address comes in
    the cycle of a beat on `w` or later returns what this beat has written; a word that is written
    while a burst reads it is undefined.

    A word comes on `words` exactly WordMemory.latency cycles after its request is taken from
    `host`. It has what beats of earlier cycles and earlier requests have written.

    A beat outside of the memory is answered with DECERR, and any burst that is not INCR of full
    width with SLVERR; neither writes anything.

    Parameters
    ----------
    address_width, data_width, id_width : int
        Of the bus; only reads have an ID.
    words : int
        Words of `data_width` bits; a power of two.

    Members
    -------
    reads : read_channels(...), seen from the memory
    writes : write_channels(...), seen from the memory
    host : stream of host_layout(...) in
    words_read : stream of `data_width` bits out, which cannot stall
    """

    read_latency = BurstBeats.latency + WordMemory.latency

    def __init__(self, *, address_width: int, data_width: int, id_width: int = 0, words: int):
        self.address_width = address_width
        self.data_width = data_width
        self.id_width = id_width
        self.words = words
        bus = {"address_width": address_width, "data_width": data_width}
        super().__init__(
            {
                "reads": In(read_channels(**bus, id_width=id_width)),
                "writes": In(write_channels(**bus)),
                "host": In(stream.Signature(host_layout(words=words, width=data_width))),
                "words_read": Out(stream.Signature(data_width, always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        memory = instantiate(
            m, "memory", platform, WordMemory, width=self.data_width, words=self.words
        )
        read = self._add_beats(m, platform, "read_beats", self.reads.ar, id_width=self.id_width)
        write = self._add_beats(m, platform, "write_beats", self.writes.aw, id_width=0)
        self._read(m, platform, memory, read.beats)
        self._write(m, memory, write.beats)
        host = self.host
        m.d.comb += host.ready.eq(Mux(host.payload.write, ~self.writes.w.ready, ~read.beats.valid))
        return m

    def _add_beats(self, m: Module, platform, name: str, bursts, *, id_width: int):
        """Add the counter of the beats of a channel of addresses; return it."""
        counter = instantiate(
            m,
            name,
            platform,
            BurstBeats,
            address_width=self.address_width,
            data_width=self.data_width,
            id_width=id_width,
            words=self.words,
        )
        m.d.comb += [
            counter.bursts.valid.eq(bursts.valid),
            bursts.ready.eq(counter.bursts.ready),
            *[counter.bursts.payload[name].eq(field) for name, field in _fields(bursts.payload)],
        ]
        return counter

    def _read(self, m: Module, platform, memory, beats) -> None:
        """Read the word of a beat, otherwise that of the host; what it belongs to comes along."""
        host, beat = self.host, beats.payload
        along = data.StructLayout(
            {
                "host": 1,
                "valid": 1,
                "beat": read_data_layout(data_width=0, id_width=self.id_width),
            }
        )
        delay = instantiate(
            m,
            "read_delay",
            platform,
            DelayLine,
            width=along.size,
            cycles=WordMemory.latency,
            reset=True,
        )
        sent, comes = data.View(along, delay.i), data.View(along, delay.o)
        m.d.comb += [
            beats.ready.eq(1),
            memory.word.eq(Mux(beats.valid, beat.word, host.payload.word)),
            sent.host.eq(host.valid & host.ready & ~host.payload.write),
            sent.valid.eq(beats.valid),
            *[sent.beat[name].eq(beat[name]) for name in ("id", "resp", "last")],
            self.words_read.valid.eq(comes.host),
            self.words_read.payload.eq(memory.o),
            self.reads.r.valid.eq(comes.valid),
            self.reads.r.payload.data.eq(memory.o),
            *[self.reads.r.payload[name].eq(comes.beat[name]) for name in ("id", "resp", "last")],
        ]

    def _write(self, m: Module, memory, beats) -> None:
        """Write a beat, otherwise a word of the host; answer the last beat of a burst."""
        host, beat, answer = self.host, self.writes.w, self.writes.b
        strobes = self.data_width // BYTE
        m.d.comb += [
            beat.ready.eq(beats.valid),
            beats.ready.eq(beat.valid),
            memory.write.valid.eq(host.valid & host.payload.write),
            memory.write.word.eq(host.payload.word),
            memory.write.data.eq(host.payload.data),
            memory.write.strobes.eq((1 << strobes) - 1),
        ]
        with m.If(beats.valid):
            m.d.comb += [
                memory.write.valid.eq(beat.valid & beats.payload.allowed),
                memory.write.word.eq(beats.payload.word),
                memory.write.data.eq(beat.payload.data),
                memory.write.strobes.eq(beat.payload.strb),
            ]
        m.d.sync += [
            answer.valid.eq(beats.valid & beat.valid & beats.payload.last),
            answer.payload.resp.eq(beats.payload.resp),
        ]


def _fields(payload):
    """Yield the fields of a structure by name."""
    return [(name, payload[name]) for name, _ in payload.shape()]
