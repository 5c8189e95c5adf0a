"""NormalizingEdge: turn the floating-point lanes of a port into normalized operands."""

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..operand_port import OperandPort


class NormalizingEdge(wiring.Component):
    """Normalize the subnormal numbers among the lanes, so that the cells need not.

    Latency 0. Exact for every code. Infinities and NaN stay what they are.

    Parameters
    ----------
    port : OperandPort
        Its operand is a NormalizedFloat.
    lanes : int

    Members
    -------
    lanes : Lanes(port.lane.shape, lanes) in
    operands : Lanes(port.operand.shape, lanes) out
    """

    latency = 0

    def __init__(self, *, port: OperandPort, lanes: int):
        self.port = port
        self.count = lanes
        super().__init__(
            {
                "lanes": In(Lanes(port.lane.shape, lanes)),
                "operands": Out(Lanes(port.operand.shape, lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for lane, operand in zip(self.lanes, self.operands, strict=True):
            m.d.comb += operand.eq(self._normalized(lane))
        return m

    def _normalized(self, code: Value) -> Value:
        normalized = self.port.operand
        bits = normalized.number.fraction
        fraction, exponent = code[:bits], code[bits:-1]
        # Of a subnormal number: the place of its leading one, and the fraction below it on top.
        leading, below = Const(0, normalized.exponent_width), Const(0, bits)
        for place in range(bits):
            leading = Mux(fraction[place], place + 1, leading)
            below = Mux(fraction[place], Cat(Const(0, bits - place), fraction[:place]), below)
        # An exponent of the format is larger by as many as there are places in the fraction.
        highest = Mux(exponent.all(), (1 << normalized.exponent_width) - 1, exponent + bits)
        return normalized.pack(
            fraction=Mux(exponent.any(), fraction, below),
            exponent=Mux(exponent.any(), highest, leading),
            sign=code[-1],
        )
