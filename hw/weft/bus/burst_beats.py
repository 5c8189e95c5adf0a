"""BurstBeats: the words of a memory that the beats of a burst access."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .axi4 import Burst, Response, check_data_width, offset_bits, read_address_layout


def access_layout(*, words: int, id_width: int) -> data.StructLayout:
    """Return the layout of a beat: the word, and what its burst is answered with.

    `allowed`: the word exists, and the burst is one that this memory has.
    """
    return data.StructLayout(
        {"id": id_width, "word": range(words), "allowed": 1, "resp": Response, "last": 1}
    )


class BurstBeats(wiring.Component):
    """Count through the words of bursts with the type INCR and full width.

    `resp` is DECERR for a beat outside of the memory and those after it, and SLVERR for all beats
    of a burst of another type or width.

    Latency 1 cycle from a burst to its first beat; then one beat per cycle, also from one burst to
    the next.

    Parameters
    ----------
    address_width, data_width, id_width : int
        Of the bus.
    words : int
        Of the memory, which begins at address 0; a power of two.

    Members
    -------
    bursts : stream of read_address_layout(...), which has the fields of the address of a write
    beats : stream of access_layout(...), out
    """

    latency = 1

    def __init__(self, *, address_width: int, data_width: int, id_width: int, words: int):
        check_data_width(data_width)
        self.address_width = address_width
        self.data_width = data_width
        self.id_width = id_width
        self.words = words
        bursts = read_address_layout(address_width=address_width, id_width=id_width)
        super().__init__(
            {
                "bursts": In(stream.Signature(bursts)),
                "beats": Out(stream.Signature(access_layout(words=words, id_width=id_width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        burst, beat = self.bursts.payload, self.beats.payload
        low = offset_bits(self.data_width)
        # The word, with a bit above that counts into the space behind the memory.
        word = Signal(len(beat.word) + 1, reset_less=True)
        far, odd = Signal(reset_less=True), Signal(reset_less=True)
        left = Signal.like(burst.len, reset_less=True)
        outside = far | word[-1]
        m.d.comb += [
            beat.word.eq(word),
            beat.allowed.eq(~(outside | odd)),
            beat.resp.eq(Mux(odd, Response.SLVERR, Mux(outside, Response.DECERR, Response.OKAY))),
            beat.last.eq(left == 0),
            self.bursts.ready.eq(~self.beats.valid | (self.beats.ready & beat.last)),
        ]
        with m.If(self.beats.valid & self.beats.ready):
            m.d.sync += [word.eq(word + 1), far.eq(outside), left.eq(left - 1)]
        with m.If(self.bursts.ready):
            m.d.sync += [
                self.beats.valid.eq(self.bursts.valid),
                beat.id.eq(burst.id),
                word.eq(burst.addr[low:][: len(beat.word)]),
                far.eq(burst.addr[low + len(beat.word) :].any()),
                odd.eq((burst.burst != Burst.INCR) | (burst.size != low)),
                left.eq(burst.len),
            ]
        return m
