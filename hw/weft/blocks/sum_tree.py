"""SumTree: the sum of all lanes, with a register behind each level of adders."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .lanes import Lanes
from .registers import registered


class SumTree(wiring.Component):
    """Add the lanes in pairs until one sum is left; an odd lane joins the last pair.

    No register holds an unmodified lane. Synthesis would merge it with another register that holds
    the same value, and a checker must stay independent of the values that it checks.

    Latency `latency_of(lanes)` cycles, one per level: floor(log2(lanes)). Never stalls; no register
    is reset.

    Parameters
    ----------
    lane : Shape
    lanes : int, 2 or more
    width : int
        Bits of the sum, which is taken modulo 2**width.

    Members
    -------
    i : Lanes(lane, lanes) in
    o : `width` bits out
    """

    def __init__(self, *, lane: Shape, lanes: int, width: int):
        self.lane = lane
        self.lanes = lanes
        self.width = width
        super().__init__({"i": In(Lanes(lane, lanes)), "o": Out(width)})

    @staticmethod
    def latency_of(lanes: int) -> int:
        """Return the cycles from `i` to `o`."""
        return lanes.bit_length() - 1

    def elaborate(self, platform):
        m = Module()
        level = list(self.i)
        for depth in range(self.latency_of(self.lanes)):
            groups = [level[at : at + 2] for at in range(0, len(level) - 1, 2)]
            groups[-1] += level[2 * len(groups) :]
            level = []
            for index, (first, *others) in enumerate(groups):
                added = sum(others, start=first)
                width = min(added.shape().width, self.width)
                total = Signal(Shape(width, added.shape().signed), name=f"sum_{depth}_{index}")
                m.d.comb += total.eq(added)
                level.append(registered(m, total, stages=range(1), name=f"sum_{depth}_{index}"))
        m.d.comb += self.o.eq(level[0])
        return m
