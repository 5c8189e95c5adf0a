"""Skew: a triangle of delay lines that delays lane r by r cycles."""

from amaranth.hdl import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate, largest_power_of_two_below
from .delay_line import DelayLine


class Skew(wiring.Component):
    """Delay lane r by r cycles. Never stalls.

    One delay line delays the far half of the lanes; then each half is skewed by itself. This takes
    the same registers as a triangle of single registers, but few distinct modules.

    Parameters
    ----------
    width : int
        Bits of one lane.
    lanes : int

    Members
    -------
    i, o : ArrayLayout(width, lanes)
    """

    def __init__(self, *, width: int, lanes: int):
        self.width = width
        self.lanes = lanes
        layout = data.ArrayLayout(width, lanes)
        super().__init__({"i": In(layout), "o": Out(layout)})

    def elaborate(self, platform):
        m = Module()
        if self.lanes == 1:
            m.d.comb += self.o.eq(self.i)
            return m
        cut = largest_power_of_two_below(self.lanes)
        rest = self.lanes - cut
        near = instantiate(m, "near", platform, Skew, width=self.width, lanes=cut)
        far = instantiate(m, "far", platform, Skew, width=self.width, lanes=rest)
        delay = instantiate(m, "delay", platform, DelayLine, width=self.width * rest, cycles=cut)
        m.d.comb += [
            near.i.eq(self.i[:cut]),
            delay.i.eq(self.i[cut:]),
            far.i.eq(delay.o),
            self.o.eq(Cat(near.o, far.o)),
        ]
        return m
