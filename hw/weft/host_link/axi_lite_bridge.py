"""AxiLiteBridge: registers of 32 bits behind AXI4-Lite, byte by byte for a host link."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.axi4 import Response
from ..bus.axi_lite import WORD_BITS, WORD_BYTES, axi_lite_port
from .ports import BYTE_ADDRESS_WIDTH, REGISTER_BYTES, register_bus

assert REGISTER_BYTES == WORD_BYTES


class AxiLiteBridge(wiring.Component):
    """Read and write whole words for a host link, which moves one byte at a time.

    A read of the lowest byte reads the word; the other bytes come from the same access, so a word
    is never mixed of two values. A write of the highest byte writes the word, of which the other
    bytes must come before. Register n of the link is at address 4 n of the port.

    Latency from `bus.read` to `bus.done`: 1 cycle, and for the lowest byte the cycles of the access
    in addition. A read waits for the write before it. A write must be answered before the next word
    of the link is complete, which takes 16 cycles.

    Parameters
    ----------
    address_width : int
        Of the port; at least that of the link.

    Members
    -------
    bus : register_bus()
    port : axi_lite_port(...), out
    refused : 1 bit out, for a cycle. An access was answered with an error.
    """

    def __init__(self, *, address_width: int = BYTE_ADDRESS_WIDTH):
        self.address_width = address_width
        super().__init__(
            {
                "bus": In(register_bus()),
                "port": Out(axi_lite_port(address_width=address_width)),
                "refused": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, port = self.bus, self.port
        place = bus.address[: (WORD_BYTES - 1).bit_length()]
        number = bus.address[len(place) :]
        writing = self._write(m, place, number)
        self._read(m, place, number, writing)
        refused = [
            channel.valid & channel.ready & (channel.payload.resp != Response.OKAY)
            for channel in (port.b, port.r)
        ]
        m.d.sync += self.refused.eq(refused[0] | refused[1])
        return m

    def _write(self, m: Module, place, number) -> Signal:
        """Collect the bytes of a word and write it; return whether a write is not answered yet."""
        bus, port = self.bus, self.port
        word, writing = Signal(WORD_BITS, name="written"), Signal()
        with m.If(bus.write):
            m.d.sync += word.word_select(place, 8).eq(bus.write_data)
        for channel in (port.aw, port.w):
            with m.If(channel.ready):
                m.d.sync += channel.valid.eq(0)
        with m.If(port.b.valid):
            m.d.sync += writing.eq(0)
        with m.If(bus.write & place.all()):
            m.d.sync += [
                port.aw.valid.eq(1),
                port.w.valid.eq(1),
                port.aw.payload.addr.eq(number << len(place)),
                writing.eq(1),
            ]
        m.d.comb += [
            port.w.payload.data.eq(word),
            port.w.payload.strb.eq((1 << WORD_BYTES) - 1),
            port.b.ready.eq(writing),
        ]
        return writing

    def _read(self, m: Module, place, number, writing: Signal) -> None:
        """Read a word at its lowest byte, and return a byte of the latest word."""
        bus, port = self.bus, self.port
        word, asked = Signal(WORD_BITS, name="read"), Signal()
        m.d.comb += [
            port.ar.payload.addr.eq(number << len(place)),
            port.r.ready.eq(asked),
            bus.read_data.eq(word.word_select(place, 8)),
        ]
        with m.If(port.ar.ready):
            m.d.sync += port.ar.valid.eq(0)
        begins = bus.read & ~bus.done & ~asked & ~writing & ~place.any()
        with m.If(begins):
            m.d.sync += [port.ar.valid.eq(1), asked.eq(1)]
        with m.If(port.r.valid):
            m.d.sync += [word.eq(port.r.payload.data), asked.eq(0)]
        m.d.sync += bus.done.eq(bus.read & ~bus.done & Mux(place.any(), 1, asked & port.r.valid))
