"""BeatAssembler and BeatSplitter: convert between bytes of the link and beats of a stream."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .ports import byte_sink, byte_source


class BeatAssembler(wiring.Component):
    """Assemble bytes into a beat. A complete beat stays on `o` until it is taken.

    Latency 1 cycle from the last byte to `o.valid`.

    Parameters
    ----------
    size : int
        Bytes of a beat.

    Members
    -------
    bytes : byte_sink()
    o : stream of 8 * size bits, out
    """

    def __init__(self, *, size: int):
        self.size = size
        super().__init__({"bytes": In(byte_sink()), "o": Out(stream.Signature(8 * size))})

    def elaborate(self, platform):
        m = Module()
        beat = Signal(8 * self.size)
        full = Signal()
        m.d.comb += [
            self.bytes.room.eq(~full),
            self.o.valid.eq(full),
            self.o.payload.eq(beat),
        ]
        with m.If(self.bytes.write):
            m.d.sync += [beat.eq(Cat(beat, self.bytes.byte) >> 8), full.eq(self.bytes.last)]
        with m.Elif(self.o.ready):
            m.d.sync += full.eq(0)
        return m


class BeatSplitter(wiring.Component):
    """Split a beat into bytes. The next beat is taken after the last byte has left.

    Latency 1 cycle from a transfer on `i` to `bytes.available`.

    Parameters
    ----------
    size : int
        Bytes of a beat.

    Members
    -------
    i : stream of 8 * size bits
    bytes : byte_source()
    """

    def __init__(self, *, size: int):
        self.size = size
        super().__init__({"i": In(stream.Signature(8 * size)), "bytes": In(byte_source())})

    def elaborate(self, platform):
        m = Module()
        beat = Signal(8 * self.size)
        full = Signal()
        m.d.comb += [
            self.i.ready.eq(~full),
            self.bytes.available.eq(full),
            self.bytes.byte.eq(beat[:8]),
        ]
        with m.If(self.bytes.take):
            m.d.sync += [beat.eq(beat >> 8), full.eq(~self.bytes.last)]
        with m.Elif(~full):
            m.d.sync += [beat.eq(self.i.payload), full.eq(self.i.valid)]
        return m
