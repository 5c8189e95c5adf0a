"""FrameReceiver: extract frames from a byte stream that may contain any errors."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from .frame_check import FrameCheck
from .protocol import ESCAPE, ESCAPE_BIT, FLAG


class FrameReceiver(wiring.Component):
    """Remove escapes, and report at every flag whether a good frame has ended.

    A frame is good if its check sequence is correct, the line had no error, and it does not end in
    an escape. A flag always starts a new frame.

    Latency 1 cycle from `i` to `o` and `flag`. Bytes must come at least 10 cycles apart, because
    the check of a byte is complete 10 cycles after `i`. Cannot stall.

    Members
    -------
    i : stream of bytes, always ready
    line_error : 1 bit in. A byte was lost here.
    o : stream of bytes, always ready, out. The content, including its check sequence.
    flag : 1 bit out. This byte is a flag.
    begun : 1 bit out. With `flag`: there was a byte or an error since the last flag.
    good : 1 bit out. With `flag`: the bytes since the last flag are a good frame.
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
        begun = Signal()
        escaped = Signal()
        broken = Signal()
        is_flag = Signal()
        is_escape = Signal()
        byte = self.i.payload
        m.d.comb += [
            is_flag.eq(byte == FLAG),
            is_escape.eq((byte == ESCAPE) & ~escaped),
            check.clear.eq(self.flag),
            check.data.eq(self.o.payload),
            check.update.eq(self.o.valid),
        ]
        m.d.sync += [
            self.flag.eq(self.i.valid & is_flag),
            self.o.valid.eq(self.i.valid & ~is_flag & ~is_escape),
            self.o.payload.eq(byte ^ (escaped << ESCAPE_BIT)),
            self.begun.eq(begun),
            self.good.eq(check.match & ~escaped & ~broken),
        ]
        with m.If(self.i.valid):
            m.d.sync += [begun.eq(~is_flag), escaped.eq(is_escape)]
            with m.If(is_flag):
                m.d.sync += broken.eq(0)
        with m.If(self.line_error):
            m.d.sync += [begun.eq(1), broken.eq(1)]
        return m
