"""Sums of floats: the exact sum is rounded once, and rows of one sum keep their distance."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed

from weft.array.normalizing_edge import NormalizingEdge
from weft.blocks.float_adder import FloatAdder
from weft.blocks.narrow_float import NarrowFloat
from weft.float_format import FloatFormat
from weft.formats import OperandFormats
from weft.matrix.row_spacing import RowSpacing
from weft.operand_port import OperandPort

from .harness import Harness


class SumsAreRoundedOnce(Harness):
    """The sum of a float and an addend, `latency` cycles later, for every code of a small format.

    Addends are those that FloatAdder allows: at least 1, or exact in the smallest exponent, or
    zero. The specification adds integers, multiples of the smallest value of all, and has one case
    for each position of the leading one.
    """

    def __init__(self, *, number: FloatFormat, fraction: int, exponents: range):
        super().__init__()
        self.number = number
        self.fraction = fraction
        self.exponents = exponents
        # Bits of the integers below the smallest value of the format.
        self.below = max(0, self.fraction - number.fraction + 1 - exponents[0])
        highest = max(exponents[-1], (1 << number.exponent) - 2)
        self.width = self.below + highest + number.fraction + 3

    def describe(self, m: Module) -> None:
        number = self.number
        m.submodules.adder = adder = FloatAdder(number=number, fraction=self.fraction)
        total = self.anything(number.width, "total")
        addend = self.anything(adder.addend.shape(), "addend")
        m.d.comb += [adder.total.eq(total), adder.addend.eq(addend)]
        special = addend.infinite | addend.nan
        legal = Signal(name="legal")
        least, most = self.exponents[0], self.exponents[-1]
        normal = addend.significand >= 1 << self.fraction
        m.d.comb += legal.eq(
            Mux(
                addend.zero,
                addend.significand == 0,
                special
                | (addend.exponent >= least)
                & (addend.exponent <= most)
                & (normal | (addend.exponent == 1)),
            )
        )
        self.assume(legal)
        expected, known = self._sum(m, total, addend), Const(1)
        for cycle in range(FloatAdder.latency):
            later = Signal.like(expected, name=f"expected_{cycle}", reset_less=True)
            known_later = Signal(name=f"known_{cycle}")
            m.d.sync += [later.eq(expected), known_later.eq(known)]
            expected, known = later, known_later
        self.prove("sum", ~known | (adder.o == expected))
        infinity = ((1 << number.exponent) - 1) << number.fraction
        for name, code in (("infinite", infinity), ("nan", number.nan_code), ("subnormal", 1)):
            self.reach(name, known & (adder.o == code))
        self.reach("minus_zero", known & (adder.o == 1 << number.width - 1))

    def _sum(self, m: Module, total: Signal, addend) -> Signal:
        """Return the code of the sum."""
        number, width = self.number, self.width
        fraction, field = total[: number.fraction], total[number.fraction : -1]
        first, second = (Signal(width, name=name) for name in ("total_value", "addend_value"))
        with m.Switch(field):
            for exponent in range((1 << number.exponent) - 1):
                with m.Case(exponent):
                    leading = 1 << number.fraction if exponent else 0
                    places = self.below + max(0, exponent - 1)
                    m.d.comb += first.eq((fraction + leading) << places)
        with m.Switch(addend.exponent):
            for exponent in self.exponents:
                with m.Case(exponent):
                    places = self.below + exponent - 1 + number.fraction - self.fraction
                    m.d.comb += second.eq(addend.significand << places)
        exact = Signal(signed(width + 2), name="exact")
        m.d.comb += exact.eq(Mux(total[-1], -first, first) + Mux(addend.sign, -second, second))
        absolute = self._rounded(m, exact)
        infinity = ((1 << number.exponent) - 1) << number.fraction
        infinite, nan = field.all() & ~fraction.any(), field.all() & fraction.any()
        opposite = infinite & addend.infinite & (total[-1] ^ addend.sign)
        sign = Mux(
            infinite | addend.infinite,
            Mux(infinite, total[-1], addend.sign),
            Mux(exact == 0, total[-1] & addend.sign, exact < 0),
        )
        code = Signal(number.width, name="code")
        m.d.comb += code.eq(
            Mux(
                nan | addend.nan | opposite,
                number.nan_code,
                Cat(Mux(infinite | addend.infinite, infinity, absolute)[: number.width - 1], sign),
            )
        )
        return code

    def _rounded(self, m: Module, exact: Signal) -> Signal:
        """Return the code of a magnitude without its sign."""
        number = self.number
        magnitude = Signal(self.width + 1, name="magnitude")
        m.d.comb += magnitude.eq(Mux(exact < 0, -exact, exact))
        absolute = Signal(number.width - 1, name="absolute")
        infinity = ((1 << number.exponent) - 1) << number.fraction
        for top in range(len(magnitude)):
            dropped = max(top - number.fraction, self.below)
            # The leading one of a normal number adds one to its exponent.
            exponent = max(0, top - number.fraction - self.below)
            with m.If(magnitude >> top == 1):
                kept, rest = magnitude[dropped:], magnitude[:dropped]
                half = 1 << dropped - 1 if dropped else 1
                up = (rest > half) | ((rest == half) & kept[0])
                code = Signal(len(magnitude) + number.width, name=f"code_{top}")
                m.d.comb += [
                    code.eq((exponent << number.fraction) + kept + up),
                    absolute.eq(Mux(code > infinity, infinity, code)),
                ]
        return absolute


class NumbersAreNormalized(Harness):
    """An operand has the value of its code: one case for each position of the leading one."""

    def __init__(self, number: FloatFormat):
        super().__init__()
        self.number = number

    def describe(self, m: Module) -> None:
        number = self.number
        port = OperandPort.of("A", OperandFormats((number,)), cell_width=0, zero_points=False)
        m.submodules.edge = edge = NormalizingEdge(port=port, lanes=1)
        code, bits = self.anything(number.width, "code"), number.fraction
        m.d.comb += edge.lanes[0].eq(code)
        fraction, field = code[:bits], code[bits:-1]
        highest = (1 << port.operand.exponent_width) - 1
        expected = Signal(port.operand.width, name="expected")
        exponent = Signal(port.operand.exponent_width, name="exponent")
        below = Signal(bits, name="below")
        m.d.comb += expected.eq(Cat(below, exponent, code[-1]))
        with m.If(field.all()):
            m.d.comb += [exponent.eq(highest), below.eq(fraction)]
        with m.Elif(field.any()):
            m.d.comb += [exponent.eq(field + bits), below.eq(fraction)]
        for top in range(bits):
            with m.If((field == 0) & (fraction >> top == 1)):
                m.d.comb += [exponent.eq(top + 1), below.eq(fraction << bits - top)]
        self.prove("operand", edge.operands[0] == expected)
        self.reach("subnormal", (exponent == 1) & code[-1])
        self.reach("nan", port.operand.nan(edge.operands[0]))


class FloatsAreNarrowed(Harness):
    """A float of fewer bits is the nearest one, an advancing cycle later."""

    def __init__(self, *, wide: FloatFormat, number: FloatFormat):
        super().__init__()
        self.wide = wide
        self.number = number

    def describe(self, m: Module) -> None:
        wide, number = self.wide, self.number
        m.submodules.narrow = narrow = NarrowFloat(wide=wide, number=number)
        code, advance = self.anything(wide.width, "code"), self.anything(1, "advance")
        m.d.comb += [narrow.i.eq(code), narrow.advance.eq(advance)]
        dropped = wide.fraction - number.fraction
        rest, half = code[:dropped], 1 << dropped - 1
        special, fraction = code[wide.fraction : -1].all(), code[: wide.fraction]
        below, above = code[dropped:], Signal(number.width, name="above")
        nearest = Signal(number.width, name="nearest")
        m.d.comb += above.eq(below + 1)
        with m.If(special & (fraction != 0)):
            m.d.comb += nearest.eq(number.nan_code)
        with m.Elif((rest > half) | ((rest == half) & below[0])):
            m.d.comb += nearest.eq(above)
        with m.Else():
            m.d.comb += nearest.eq(below)
        expected, known = Signal.like(nearest, name="expected"), Signal(name="known")
        with m.If(advance):
            m.d.sync += [expected.eq(nearest), known.eq(1)]
        self.prove("float", ~known | (narrow.o == expected))
        self.reach("infinite", known & narrow.o[number.fraction : -1].all())


class RowsKeepTheirDistance(Harness):
    """A row waits exactly as long as an earlier row of its sum has not been in long enough.

    Rows come and enter at arbitrary times, as Admission lets them. The specification has an age for
    each row number: the cycles since such a row entered and left its sum in the accumulators.
    """

    def __init__(self, *, cycles: int, row_width: int):
        super().__init__()
        self.cycles = cycles
        self.row_width = row_width

    def describe(self, m: Module) -> None:
        m.submodules.spacing = spacing = RowSpacing(cycles=self.cycles, row_width=self.row_width)
        offered, adds = self.anything(self.row_width, "offered"), self.anything(1, "adds")
        valid, stays = self.anything(1, "valid"), self.anything(1, "stays")
        willing = self.anything(1, "willing")
        waiting, gate_adds = Signal(name="waiting"), Signal(name="gate_adds")
        gate = Signal(self.row_width, name="gate")
        advance, taken = Signal(name="advance"), Signal(name="taken")
        number = self.some_constant(m, self.row_width, "number")
        age = Signal(range(self.cycles + 1), init=self.cycles, name="age")
        m.d.comb += [
            advance.eq(waiting & willing & ~spacing.too_soon),
            taken.eq(~waiting | advance),
            spacing.taken.eq(taken),
            spacing.row.eq(offered),
            spacing.adds.eq(adds),
            spacing.advance.eq(advance),
            spacing.advancing_row.eq(gate),
            spacing.stays.eq(stays),
        ]
        with m.If(taken):
            m.d.sync += [waiting.eq(valid), gate.eq(offered), gate_adds.eq(adds)]
        with m.If(advance & stays & (gate == number)):
            m.d.sync += age.eq(1)
        with m.Elif(age < self.cycles):
            m.d.sync += age.eq(age + 1)
        own = waiting & (gate == number)
        self.prove("waits", ~(own & gate_adds & (age < self.cycles)) | spacing.too_soon)
        self.prove("no_longer", ~(own & (~gate_adds | (age == self.cycles))) | ~spacing.too_soon)
        self.reach("waited", own & gate_adds & advance & (age == self.cycles))
        self.reach("held", own & spacing.too_soon)
