"""Rounding: a sum becomes the nearest float, and ties go to even."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed

from weft.array.float_edge import FloatEdge
from weft.blocks.to_float import ToFloat
from weft.float_format import FloatFormat
from weft.formats import OperandFormats
from weft.operand_port import OperandPort, magnitude_for
from weft.sign_magnitude import SignMagnitude
from weft.stepped_magnitude import Kind, SteppedMagnitude

from .harness import Harness


class SumsAreRounded(Harness):
    """The output is the nearest float of the sum of `latency` advancing cycles ago.

    Sums are arbitrary, and so are the cycles that advance. The specification has one case for each
    position of the leading one, without a search or a shift.
    """

    def __init__(self, *, width: int, least_exponent: int, number: FloatFormat):
        super().__init__()
        self.parameters = {"width": width, "least_exponent": least_exponent, "number": number}

    def describe(self, m: Module) -> None:
        width, number = self.parameters["width"], self.parameters["number"]
        m.submodules.to_float = to_float = ToFloat(**self.parameters)
        total = self.anything(signed(width), "total")
        advance = self.anything(1, "advance")
        m.d.comb += [to_float.i.eq(total), to_float.advance.eq(advance)]
        expected, known = self._rounded(m, total), Signal(name="given")
        m.d.comb += known.eq(1)
        for cycle in range(ToFloat.latency_of(width)):
            later = Signal.like(expected, name=f"expected_{cycle}", reset_less=True)
            known_later = Signal(name=f"known_{cycle}")
            with m.If(advance):
                m.d.sync += [later.eq(expected), known_later.eq(known)]
            expected, known = later, known_later
        self.prove("float", ~known | (to_float.o == expected))
        self.reach("negative", known & to_float.o[-1])
        self.reach("zero", known & (to_float.o == 0))
        self.reach("with_a_fraction", known & to_float.o[number.fraction - 1])

    def _rounded(self, m: Module, total: Value) -> Signal:
        """Return the float of a sum."""
        width, number = self.parameters["width"], self.parameters["number"]
        fraction, least = number.fraction, self.parameters["least_exponent"]
        magnitude = Signal(width, name="magnitude")
        m.d.comb += magnitude.eq(Mux(total < 0, -total, total))
        absolute = Signal(number.width - 1, name="absolute")
        for top in range(width):
            # The exponent and the fraction, as one number, so that a carry counts.
            base = (top + least + number.bias) << fraction
            with m.If(magnitude >> top == 1):
                below = magnitude[:top]
                if top <= fraction:
                    m.d.comb += absolute.eq(base + (below << fraction - top))
                else:
                    dropped = top - fraction
                    half, rest = 1 << dropped - 1, below[:dropped]
                    kept = below[dropped:]
                    up = (rest > half) | ((rest == half) & kept[0])
                    m.d.comb += absolute.eq(base + kept + up)
        rounded = Signal(number.width, name="rounded")
        m.d.comb += rounded.eq(absolute | (total < 0) << number.width - 1)
        return rounded


class FloatsAreRead(Harness):
    """An operand of the array is the value of its lane, or infinite or NaN, for every code."""

    def __init__(self, number: FloatFormat):
        super().__init__()
        self.number = number

    def describe(self, m: Module) -> None:
        number = self.number
        formats = OperandFormats((number,))
        magnitude_kind = magnitude_for(formats)
        port = OperandPort.of(
            "A", formats, cell_width=0, zero_points=False, magnitude=magnitude_kind
        )
        m.submodules.edge = edge = FloatEdge(port=port, lanes=1)
        code = self.anything(number.width, "code")
        m.d.comb += edge.lanes[0].eq(code)
        bits = operand = edge.operands[0]
        special, marked = Const(0), Const(1)
        if magnitude_kind:
            operand = port.operand.integer(bits)
            special, marked = self._kind(port.operand, code, bits)
        width = number.largest_integer.bit_length() + 1
        value = Signal(signed(width), name="value")
        magnitude = Signal(width, name="magnitude")
        fraction = code[: number.fraction]
        # One case for each exponent; the first two have the same weight.
        with m.Switch(code[number.fraction : -1]):
            for exponent in range(1 << number.exponent):
                with m.Case(exponent):
                    significand = fraction + (1 << number.fraction if exponent else 0)
                    m.d.comb += magnitude.eq(significand << max(0, exponent - 1))
        m.d.comb += value.eq(Mux(special, 0, Mux(code[-1], -magnitude, magnitude)))
        self.prove("value", (operand == value) & marked)
        self.reach("largest", operand == -number.largest_integer)
        self.reach("smallest", operand == 1)

    def _kind(self, operand: SignMagnitude, code: Value, bits: Value) -> tuple[Value, Value]:
        """Return whether a code is no number, and whether its operand says what it is."""
        if not isinstance(operand, SteppedMagnitude):
            nan = code[:-1].all()
            self.reach("nan", nan)
            return nan, operand.nan(bits) == nan
        above, infinity = code[:-1], self.number.infinity_code
        nan, special = above > infinity, above >= infinity
        number = Mux(above == 0, Kind.ZERO, Kind.FINITE)
        kind = Mux(nan, Kind.NAN, Mux(special, Kind.INFINITE, number))
        self.reach("nan", nan)
        self.reach("infinity", special & ~nan)
        return special, (operand.kind(bits) == kind) & (operand.sign(bits) == code[-1])
