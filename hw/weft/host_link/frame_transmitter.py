"""FrameTransmitter: wrap bytes into a frame with escapes, check sequence and flags."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from .frame_check import FrameCheck
from .protocol import CHECK_BYTES, ESCAPE, ESCAPE_BIT, FLAG


def item_layout() -> data.StructLayout:
    """Return the layout of an item: a byte of content, or with `end` the end of the frame."""
    return data.StructLayout({"byte": 8, "end": 1})


class FrameTransmitter(wiring.Component):
    """Send flag, content, check sequence, flag; escape flags and escapes in between.

    Latency 1 cycle from `i` to `o`, up to 9 more while the check of the previous byte is running.

    Members
    -------
    i : stream of item_layout()
    o : stream of bytes, out
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(item_layout())), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        check = instantiate(m, "check", platform, FrameCheck)
        byte = Signal(8)
        check_left = Signal(range(CHECK_BYTES + 1))
        special = Signal()
        in_content = Signal()
        m.d.comb += [
            special.eq((byte == FLAG) | (byte == ESCAPE)),
            in_content.eq(check_left == CHECK_BYTES),
            check.data.eq(Mux(in_content, byte, ~byte)),
        ]
        m.d.sync += check.update.eq(0)
        with m.FSM():
            with m.State("OPEN"):
                m.d.comb += [
                    self.o.valid.eq(self.i.valid),
                    self.o.payload.eq(FLAG),
                    check.clear.eq(1),
                ]
                with m.If(self.i.valid & self.o.ready):
                    m.next = "CONTENT"
            with m.State("CONTENT"), m.If(~check.busy):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [byte.eq(self.i.payload.byte), check_left.eq(CHECK_BYTES)]
                with m.If(self.i.valid & self.i.payload.end):
                    m.next = "CHECK"
                with m.Elif(self.i.valid):
                    m.d.sync += check.update.eq(1)
                    m.next = "BYTE"
            with m.State("BYTE"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(byte)]
                with m.If(special):
                    m.d.comb += self.o.payload.eq(ESCAPE)
                with m.If(self.o.ready):
                    with m.If(special):
                        m.next = "ESCAPED"
                    with m.Elif(in_content):
                        m.next = "CONTENT"
                    with m.Else():
                        m.next = "CHECK"
            with m.State("ESCAPED"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(byte ^ (1 << ESCAPE_BIT))]
                with m.If(self.o.ready):
                    with m.If(in_content):
                        m.next = "CONTENT"
                    with m.Else():
                        m.next = "CHECK"
            with m.State("CHECK"), m.If(~check.busy):
                m.d.sync += byte.eq(~check.low)
                with m.If(check_left == 0):
                    m.next = "CLOSE"
                with m.Else():
                    m.d.sync += [check.update.eq(1), check_left.eq(check_left - 1)]
                    m.next = "BYTE"
            with m.State("CLOSE"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(FLAG)]
                with m.If(self.o.ready):
                    m.next = "OPEN"
        return m
