"""DelayLine: a line of registers."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate, largest_power_of_two_below

# Bits of the longest flat line; a longer one is split into two, often the same module twice.
FLAT_BITS = 2048


class DelayLine(wiring.Component):
    """Delay `i` by `cycles` cycles to `o`. Never stalls.

    Parameters
    ----------
    width : int
        Bits of `i` and `o`.
    cycles : int, 0 or more
    reset : bool
        Whether a reset clears the line. Data needs no reset if its valid bit has one.

    Members
    -------
    i, o : `width` bits
    """

    def __init__(self, *, width: int, cycles: int, reset: bool = False):
        self.width = width
        self.cycles = cycles
        self.reset = reset
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        if self.cycles == 0:
            m.d.comb += self.o.eq(self.i)
        elif self.cycles == 1 or self.cycles * self.width <= FLAT_BITS:
            line = Signal(self.width * self.cycles, reset_less=not self.reset)
            m.d.sync += line.eq(Cat(self.i, line))
            m.d.comb += self.o.eq(line[-self.width :])
        else:
            self._halve(m, platform)
        return m

    def _halve(self, m: Module, platform) -> None:
        cut = largest_power_of_two_below(self.cycles)
        near, far = (
            instantiate(
                m, name, platform, DelayLine, width=self.width, cycles=cycles, reset=self.reset
            )
            for name, cycles in (("near", cut), ("far", self.cycles - cut))
        )
        m.d.comb += [near.i.eq(self.i), far.i.eq(near.o), self.o.eq(far.o)]
