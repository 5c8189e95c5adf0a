"""SumTree: all lanes added up, a register behind each level."""

from amaranth.hdl import Module, Shape, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .partial_sums import registered


class SumTree(wiring.Component):
    """Add lanes two by two until one is left. Never stalls; nothing is reset.

    Latency `latency` cycles, one for each level: that to 2**n lanes is n.

    Parameters
    ----------
    lane : Shape
    lanes : int
    width : int
        Bits of the sum, which wraps.

    Members
    -------
    i : ArrayLayout(lane, lanes)
    o : signed(width)
    """

    def __init__(self, lane: Shape, lanes: int, width: int):
        self.lanes = lanes
        self.width = width
        super().__init__({"i": In(data.ArrayLayout(lane, lanes)), "o": Out(signed(width))})

    @property
    def latency(self) -> int:
        return self.latency_of(self.lanes)

    @staticmethod
    def latency_of(lanes: int) -> int:
        return (lanes - 1).bit_length()

    def elaborate(self, platform):
        m = Module()
        level = list(self.i)
        for depth in range(self.latency):
            pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
            level = []
            for index, pair in enumerate(pairs):
                added = sum(pair[1:], start=pair[0])
                width = min(added.shape().width, self.width)
                total = Signal(Shape(width, added.shape().signed), name=f"sum_{depth}_{index}")
                m.d.comb += total.eq(added)
                level.append(registered(m, total, range(1), f"sum_{depth}_{index}"))
        m.d.comb += self.o.eq(level[0])
        return m
