"""FloatEdge: turn floating-point lanes of a port into the integers that an array multiplies."""

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..float_format import FloatFormat
from ..operand_port import OperandPort
from ..sign_magnitude import SignMagnitude


class FloatEdge(wiring.Component):
    """Read lanes as floating-point numbers, as multiples of the smallest positive value.

    Latency 0. Exact for every code; a SignMagnitude operand is NaN if its code is.

    Parameters
    ----------
    port : OperandPort
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
        for index in range(self.count):
            m.d.comb += self.operands[index].eq(self._operand(self.lanes[index]))
        return m

    def _operand(self, code: Value) -> Value:
        """Return the operand that a code is in the array."""
        magnitude, sign = _fixed_point(self.port.float_format, code)
        if isinstance(self.port.operand, SignMagnitude):
            nan = _is_nan(self.port.float_format, code)
            return self.port.operand.pack(magnitude=magnitude, sign=sign, nan=nan)
        return Mux(sign, -magnitude, magnitude)


def _is_nan(number: FloatFormat, code: Value) -> Value:
    return code[:-1].all() if number.kind == "fn" else Const(0)


def _fixed_point(number: FloatFormat, code: Value) -> tuple[Value, Value]:
    """Return the magnitude of a number and its sign.

    Subnormal numbers and those of the smallest exponent have the same weight.
    """
    fraction = code[: number.fraction]
    exponent = code[number.fraction : -1]
    magnitude = Cat(fraction, exponent.any())
    places = Mux(exponent.any(), exponent - 1, 0)
    for step in range(number.exponent):
        magnitude = Mux(places[step], magnitude << (1 << step), magnitude)
    return magnitude, code[-1]
