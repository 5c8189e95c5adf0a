"""DelayLine: a line of registers."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import cut, instantiate, numbers_below

# Bits of the longest flat line; a longer one is built of shorter ones of few distinct lengths.
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
            self._join(m, platform)
        return m

    def _join(self, m: Module, platform) -> None:
        """Build the line of shorter lines."""
        delayed = self.i
        for part in cut(self.cycles):
            line = instantiate(
                m,
                f"cycles_{numbers_below(self.cycles)[part.start]}",
                platform,
                DelayLine,
                width=self.width,
                cycles=len(part),
                reset=self.reset,
            )
            m.d.comb += line.i.eq(delayed)
            delayed = line.o
        m.d.comb += self.o.eq(delayed)
