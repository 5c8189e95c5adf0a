"""StreamQueue: a queue whose sender counts the free places."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .lut_memory import Read, Write, add_lut_memory


class StreamQueue(wiring.Component):
    """A queue of `depth` words, behind a sender that cannot stall.

    The sender must count the free places with `released`. A word waits in the queue until it moves
    to `o`, which is a place more.

    Latency 2 cycles from `i` to `o`. With at least 2 places, a word passes in every cycle.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int

    Members
    -------
    i : stream of words, which cannot stall
    o : stream of words, out
    released : 1 bit out. A place becomes free.
    """

    latency = 2

    def __init__(self, *, width: int, depth: int):
        self.width = width
        self.depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(width), always_ready=True)),
                "o": Out(stream.Signature(unsigned(width))),
                "released": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        write_slot, read_slot = Signal(range(self.depth)), Signal(range(self.depth))
        # Words minus one, so that the sign bit alone shows that there is none.
        behind = Signal(range(-1, self.depth), init=-1)
        fetch = Signal()
        m.d.comb += [
            fetch.eq(~behind[-1] & (~self.o.valid | self.o.ready)),
            self.released.eq(fetch),
            self.o.payload.eq(
                add_lut_memory(
                    m,
                    platform,
                    shape=unsigned(self.width),
                    depth=self.depth,
                    write=Write(enable=self.i.valid, row=write_slot, data=self.i.payload),
                    read=Read(enable=fetch, row=read_slot),
                )
            ),
        ]
        m.d.sync += behind.eq(behind + self.i.valid - fetch)
        with m.If(self.i.valid):
            m.d.sync += write_slot.eq(self._after(write_slot))
        with m.If(fetch):
            m.d.sync += read_slot.eq(self._after(read_slot))
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += self.o.valid.eq(fetch)
        return m

    def _after(self, slot: Signal):
        return Mux(slot == self.depth - 1, 0, slot + 1)
