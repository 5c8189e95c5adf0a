"""FloatEdge: turn floating-point lanes of a port into the numbers that an array multiplies."""

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..float_format import FloatFormat
from ..operand_port import OperandPort
from ..sign_magnitude import SignMagnitude
from ..stepped_magnitude import STEP, Kind, SteppedMagnitude


class FloatEdge(wiring.Component):
    """Read lanes as floating-point numbers, as multiples of the smallest positive value.

    Latency 0. Exact for every code; a SignMagnitude operand is NaN, or infinite, if its code is.

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
        number, operand, sign = self.port.float_format, self.port.operand, code[-1]
        significand, places = _parts(number, code)
        if isinstance(operand, SteppedMagnitude):
            low = STEP.bit_length() - 1 if operand.steps else len(places)
            return operand.pack(
                magnitude=_shifted(significand, places[:low]),
                sign=sign,
                kind=_kind(number, code),
                step=places[low:],
            )
        magnitude = _shifted(significand, places)
        if isinstance(operand, SignMagnitude):
            return operand.pack(magnitude=magnitude, sign=sign, nan=_is_nan(number, code))
        return Mux(sign, -magnitude, magnitude)


def _parts(number: FloatFormat, code: Value) -> tuple[Value, Value]:
    """Return the significand of a number, and by how many bits it is shifted left.

    Subnormal numbers and those of the smallest exponent have the same weight.
    """
    exponent = code[number.fraction : -1]
    significand = Cat(code[: number.fraction], exponent.any())
    return significand, Mux(exponent.any(), exponent - 1, 0)[: number.exponent]


def _shifted(magnitude: Value, places: Value) -> Value:
    for step in range(len(places)):
        magnitude = Mux(places[step], magnitude << (1 << step), magnitude)
    return magnitude


def _is_nan(number: FloatFormat, code: Value) -> Value:
    if number.kind == "ieee":
        return code[number.fraction : -1].all() & code[: number.fraction].any()
    return code[:-1].all() if number.kind == "fn" else Const(0)


def _kind(number: FloatFormat, code: Value) -> Value:
    finite = Mux(code[:-1].any(), Kind.FINITE, Kind.ZERO)
    if number.kind == "ieee":
        finite = Mux(code[number.fraction : -1].all(), Kind.INFINITE, finite)
    return Mux(_is_nan(number, code), Kind.NAN, finite)
