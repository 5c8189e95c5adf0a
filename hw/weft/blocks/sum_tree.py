"""SumTree: all lanes added up, a register behind each level."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .registers import registered


class SumTree(wiring.Component):
    """Add lanes two by two until one is left, an odd one with two others. Nothing is reset.

    No register holds a lane as it came in: synthesis would make it one with another that does, and
    what is compared has to be apart. Never stalls.

    Latency `latency_of(lanes)` cycles, one for each level: n for 2**n lanes, or more but less than
    twice as many.

    Parameters
    ----------
    lane : Shape
    lanes : int, 2 or more
    width : int
        Bits of the sum, which wraps.

    Members
    -------
    i : ArrayLayout(lane, lanes) in
    o : `width` bits out
    """

    def __init__(self, *, lane: Shape, lanes: int, width: int):
        self.lane = lane
        self.lanes = lanes
        self.width = width
        super().__init__({"i": In(data.ArrayLayout(lane, lanes)), "o": Out(width)})

    @staticmethod
    def latency_of(lanes: int) -> int:
        """Cycles from `i` to `o`."""
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
