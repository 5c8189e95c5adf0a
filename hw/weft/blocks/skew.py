"""The diagonal: delay lines, and the skew that makes lane r arrive r cycles late."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate, largest_power_of_two_below

# A line of more bits is made of two shorter ones, often the same module twice.
FLAT_BITS = 2048


class DelayLine(wiring.Component):
    """What comes in at `i` leaves at `o`, `cycles` cycles later. Never stalls.

    Parameters
    ----------
    width : int
        Bits.
    cycles : int, 0 or more
    reset : bool
        Whether a reset empties the line to zeros. Data need not be: what marks it valid is.

    Members
    -------
    i, o : `width` bits
    """

    def __init__(self, width: int, cycles: int, reset: bool):
        self.width = width
        self.cycles = cycles
        self.reset = reset
        super().__init__({"i": In(width), "o": Out(width)})

    @property
    def latency(self) -> int:
        return self.cycles

    def elaborate(self, platform):
        m = Module()
        if self.cycles == 0:
            m.d.comb += self.o.eq(self.i)
        elif self.cycles == 1 or self.cycles * self.width <= FLAT_BITS:
            line = Signal(self.width * self.cycles, reset_less=not self.reset)
            m.d.sync += line.eq(Cat(self.i, line))
            m.d.comb += self.o.eq(line[-self.width :])
        else:
            cut = largest_power_of_two_below(self.cycles)
            arguments = platform, DelayLine, self.width
            near = instantiate(m, "near", *arguments, cut, self.reset)
            far = instantiate(m, "far", *arguments, self.cycles - cut, self.reset)
            m.d.comb += [near.i.eq(self.i), far.i.eq(near.o), self.o.eq(far.o)]
        return m


class Skew(wiring.Component):
    """Delay lane r by r cycles. Never stalls.

    The far half of the lanes goes through one delay line, then both halves are skewed alike: the
    same registers as a triangle of single ones, in few distinct modules.

    Parameters
    ----------
    width : int
        Bits of one lane.
    lanes : int

    Members
    -------
    i, o : ArrayLayout(width, lanes)
    """

    def __init__(self, width: int, lanes: int):
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
        near = instantiate(m, "near", platform, Skew, self.width, cut)
        far = instantiate(m, "far", platform, Skew, self.width, rest)
        delay = instantiate(m, "delay", platform, DelayLine, self.width * rest, cut, False)
        m.d.comb += [
            near.i.eq(self.i[:cut]),
            delay.i.eq(self.i[cut:]),
            far.i.eq(delay.o),
            self.o.eq(Cat(near.o, far.o)),
        ]
        return m
