"""ReadyRegister: a stream whose `ready` is a register, which ends long paths of `ready`."""

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate


class ReadyRegister(wiring.Component):
    """Pass a stream on, and hold one word that came when `o` was not ready.

    Latency 0, and a word in every cycle: `o` has each word in the cycle in which it has it without
    this register. The sender sees a stall one cycle late, and so does it see its end.

    Parameters
    ----------
    width : int
        Bits of a word.

    Members
    -------
    i : stream of words
    o : stream of words, out
    """

    def __init__(self, *, width: int):
        self.width = width
        word = stream.Signature(unsigned(width))
        super().__init__({"i": In(word), "o": Out(word)})

    def elaborate(self, platform):
        m = Module()
        full, held = Signal(), Signal(self.width, reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~full),
            self.o.valid.eq(full | self.i.valid),
            self.o.payload.eq(Mux(full, held, self.i.payload)),
        ]
        m.d.sync += full.eq(self.o.valid & ~self.o.ready)
        with m.If(~full):
            m.d.sync += held.eq(self.i.payload)
        return m


def connect_registered(m: Module, platform, name: str, source, sink, *, domain: str = "sync"):
    """Connect two streams of the same payload through a ReadyRegister `name`."""
    payload = Value.cast(source.payload)
    register = instantiate(m, name, platform, ReadyRegister, domain=domain, width=len(payload))
    m.d.comb += [
        register.i.valid.eq(source.valid),
        register.i.payload.eq(payload),
        source.ready.eq(register.i.ready),
        sink.valid.eq(register.o.valid),
        Value.cast(sink.payload).eq(register.o.payload),
        register.o.ready.eq(sink.ready),
    ]
