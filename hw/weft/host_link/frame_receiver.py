"""FrameReceiver: frames out of a string of bytes in which anything may have happened."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from .frame_check import FrameCheck
from .protocol import ESCAPE, ESCAPE_BIT, FLAG


class FrameReceiver(wiring.Component):
    """Take escapes out, and say at every flag what stood before it.

    What came since the last flag was a whole frame if its check sequence is right, the line had no
    error, and it did not end in an escape. A flag begins the next frame in any case.

    Latency 0 cycles from `i` to `o` and `flag`. Bytes come at least 9 cycles apart, since
    the check takes 8 for each. Cannot stall.

    Members
    -------
    i : stream of bytes, always ready
    line_error : 1 bit in. A byte was lost here.
    o : stream of bytes, always ready, out: the content, its check sequence included
    flag : 1 bit out. A flag comes.
    begun : 1 bit out. Something came since the last flag.
    good : 1 bit out. What came since the last flag is a frame.
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(8, always_ready=True)),
                "line_error": In(1),
                "o": Out(stream.Signature(8, always_ready=True)),
                "flag": Out(1),
                "begun": Out(1),
                "good": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        check = instantiate(m, "check", platform, FrameCheck)
        escaped = Signal()
        broken = Signal()
        byte = self.i.payload
        m.d.comb += [
            self.flag.eq(self.i.valid & (byte == FLAG)),
            self.o.payload.eq(byte ^ (escaped << ESCAPE_BIT)),
            self.good.eq(check.match & ~escaped & ~broken),
            check.clear.eq(self.flag),
            check.data.eq(self.o.payload),
            check.update.eq(self.o.valid),
        ]
        with m.If(self.flag):
            m.d.sync += [self.begun.eq(0), escaped.eq(0), broken.eq(0)]
        with m.Elif(self.i.valid):
            m.d.sync += self.begun.eq(1)
            with m.If((byte == ESCAPE) & ~escaped):
                m.d.sync += escaped.eq(1)
            with m.Else():
                m.d.comb += self.o.valid.eq(1)
                m.d.sync += escaped.eq(0)
        with m.If(self.line_error):
            m.d.sync += [self.begun.eq(1), broken.eq(1)]
        return m
