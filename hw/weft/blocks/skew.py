"""Skew: a triangle of delay lines that delays each lane longer than the one before."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from .delay_line import DelayLine
from .lanes import Lanes


class Skew(wiring.Component):
    """Delay lane r by r * step cycles. Never stalls.

    One delay line delays the far half of the lanes; then each half is skewed by itself. This takes
    the same registers as a triangle of single registers, but few distinct modules.

    Parameters
    ----------
    width : int
        Bits of one lane.
    lanes : int
    step : int

    Members
    -------
    i, o : Lanes(width, lanes)
    """

    def __init__(self, *, width: int, lanes: int, step: int = 1):
        self.width = width
        self.lanes = lanes
        self.step = step
        layout = Lanes(width, lanes)
        super().__init__({"i": In(layout), "o": Out(layout)})

    def elaborate(self, platform):
        m = Module()
        if self.lanes == 1:
            m.d.comb += self.o.eq(self.i)
            return m
        # With a power of two of near lanes, few distinct sizes result.
        cut = 1 << ((self.lanes - 1).bit_length() - 1)
        rest = self.lanes - cut
        size = {"width": self.width, "step": self.step}
        near = instantiate(m, "near", platform, Skew, **size, lanes=cut)
        far = instantiate(m, "far", platform, Skew, **size, lanes=rest)
        cycles = cut * self.step
        delay = instantiate(m, "delay", platform, DelayLine, width=self.width * rest, cycles=cycles)
        m.d.comb += [
            near.i.eq(self.i[:cut]),
            delay.i.eq(self.i[cut:]),
            far.i.eq(delay.o),
            self.o.eq(Cat(near.o, far.o)),
        ]
        return m
