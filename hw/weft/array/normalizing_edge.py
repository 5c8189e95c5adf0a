"""NormalizingEdge: turn the floating-point lanes of a port into normalized operands."""

from amaranth.hdl import Cat, Const, Mux, Value

from .float_edge import FloatEdge


class NormalizingEdge(FloatEdge):
    """A FloatEdge that normalizes subnormal numbers, so that the cells need not.

    Latency 0. Exact for every code. Infinities and NaN stay what they are.

    Parameters
    ----------
    port : OperandPort
        Its operand is a NormalizedFloat.
    lanes : int
    """

    def _operand(self, code: Value) -> Value:
        """Return the operand that a code is in the array."""
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
