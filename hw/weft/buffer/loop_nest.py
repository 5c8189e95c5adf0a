"""LoopNest: count the steps of nested loops."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out


class LoopNest(wiring.Component):
    """Count the iterations of nested loops, one iteration of the innermost loop per step.

    `start` takes the counts, of at least 1; the first iteration of all loops is that of the next
    cycle. Each `step` goes to the next iteration: `advances` names the loop that goes on, and all
    loops inside of it begin again. In the last iteration of all loops, `advances` is zero. All
    outputs are functions of registers.

    Parameters
    ----------
    widths : tuple of int
        Bits of the count of each loop, the outermost first.

    Members
    -------
    start : 1 bit in. Begin with `counts`; `step` then has no effect.
    counts : a struct in, with a member for each loop, named by its number
    step : 1 bit in
    lasts : 1 bit out per loop. The loop is in its last iteration.
    advances : 1 bit out per loop, of which at most one is high
    """

    def __init__(self, *, widths: tuple[int, ...]):
        self.widths = widths
        loops = len(widths)
        counts = data.StructLayout({str(loop): width for loop, width in enumerate(widths)})
        super().__init__(
            {
                "start": In(1),
                "counts": In(counts),
                "step": In(1),
                "lasts": Out(loops),
                "advances": Out(loops),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for loop, width in enumerate(self.widths):
            # Iterations left minus two, so that the sign bit alone shows that this is the last one.
            left = Signal(signed(width + 1), name=f"left_{loop}")
            whole = Signal(signed(width + 1), name=f"whole_{loop}")
            turns = Signal(name=f"turns_{loop}")
            m.d.comb += [
                turns.eq(self.lasts[loop + 1 :].all()),
                self.lasts[loop].eq(left[-1]),
                self.advances[loop].eq(turns & ~left[-1]),
            ]
            with m.If(self.start):
                m.d.sync += [register.eq(self.counts[str(loop)] - 2) for register in (left, whole)]
            with m.Elif(self.step & turns):
                m.d.sync += left.eq(Mux(left[-1], whole, left - 1))
        return m
