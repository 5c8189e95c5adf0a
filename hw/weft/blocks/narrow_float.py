"""NarrowFloat: round a floating-point number to fewer bits of fraction."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..float_format import FloatFormat


class NarrowFloat(wiring.Component):
    """Round to the nearest number of another format; ties go to even, and overflow to infinity.

    Latency `latency` cycles in which `advance` is high; in others, nothing changes. No register is
    reset.

    Parameters
    ----------
    wide, number : FloatFormat
        IEEE formats with exponents of equal width.

    Members
    -------
    i : wide.width in
    advance : 1 bit in
    o : number.width out. NaN has the code `number.nan_code`.
    """

    latency = 1

    def __init__(self, *, wide: FloatFormat, number: FloatFormat):
        assert wide.exponent == number.exponent and wide.fraction > number.fraction + 1
        self.wide = wide
        self.number = number
        super().__init__({"i": In(wide.width), "advance": In(1), "o": Out(number.width)})

    def elaborate(self, platform):
        m = Module()
        dropped = self.wide.fraction - self.number.fraction
        kept = self.i[dropped:]
        fraction, exponent = self.i[: self.wide.fraction], self.i[self.wide.fraction : -1]
        nan = exponent.all() & fraction.any()
        # A carry out of the fraction leads to the next exponent, and to infinity in the end.
        up = self.i[dropped - 1] & (self.i[: dropped - 1].any() | kept[0])
        rounded = Signal(self.number.width)
        m.d.comb += rounded.eq(kept + up)
        with m.If(self.advance):
            m.d.sync += self.o.eq(Mux(nan, self.number.nan_code, rounded))
        return m
