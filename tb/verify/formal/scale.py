"""Scales: an integer times a multiplier, divided by a power of two, in every mode of rounding."""

from amaranth.hdl import Module, Mux, Signal, Value, signed

from weft.isa.codes import Rounding
from weft.vector.rounding_shift import SHIFT_BITS
from weft.vector.scale import Scale

from .harness import Harness, delayed


class NumbersAreScaled(Harness):
    """The output is the definition of the mode, `latency` cycles after arbitrary operands.

    The definition of F32 works on signs and magnitudes. It has one case for each position of the
    leading one, and quotients have one for each shift, so there is no search and no mask as in the
    hardware.
    """

    def __init__(self, *, width: int, digits: int):
        super().__init__()
        self.width, self.digits = width, digits

    def describe(self, m: Module) -> None:
        width, digits = self.width, self.digits
        m.submodules.scale = scale = Scale(width=width, digits=digits)
        x, multiplier = (self.anything(signed(width), name) for name in ("x", "multiplier"))
        shift = self.anything(SHIFT_BITS, "shift")
        rounding = self.some_constant(m, 3, "rounding")
        f32, double = rounding == Rounding.F32, rounding == Rounding.DOUBLE
        m.d.comb += [
            scale.x.eq(x),
            scale.multiplier.eq(multiplier),
            scale.shift.eq(shift),
            scale.rounding.eq(rounding),
        ]
        most = 1 << digits
        exact = (multiplier <= most) & (multiplier >= -most)
        self.assume(~f32 | exact, rounding <= Rounding.F32)

        product = Signal(signed(2 * width), name="plain_product")
        nudge = Mux(x < 0, -(1 << (width - 2)), 1 << (width - 2))
        m.d.comb += product.eq(x * multiplier + Mux(double & (shift >= width), nudge, 0))
        float_product = self._rounded(m, self._rounded(m, x, "float_x") * multiplier, "product")
        scaled = Mux(
            f32,
            self._quotient(m, float_product, shift, to_even=True),
            self._quotient(m, product, shift, to_even=False),
        )
        limit = 1 << width
        expected = Signal(signed(width + 2), name="expected")
        limited = Mux(scaled > limit, limit, Mux(scaled < -limit, -limit, scaled))
        m.d.comb += expected.eq(Mux(rounding == Rounding.NONE, x, limited))
        given = Signal(name="given")
        m.d.comb += given.eq(1)
        known = delayed(m, given, Scale.latency, "known")
        wanted = delayed(m, expected, Scale.latency, "wanted")
        for mode in Rounding:
            applies = known & (rounding == mode)
            self.prove(mode.name.lower(), ~applies | (scale.o == wanted))
            self.reach(f"{mode.name.lower()}_of_a_negative", applies & (scale.o == -3))

    def _rounded(self, m: Module, number: Value, name: str) -> Signal:
        """Return a number with `digits` significant bits, ties to even."""
        width = number.shape().width
        magnitude, kept = (
            Signal(width, name=f"{name}_magnitude"),
            Signal(width, name=f"{name}_kept"),
        )
        m.d.comb += [magnitude.eq(Mux(number < 0, -number, number)), kept.eq(magnitude)]
        for top in range(self.digits, width):
            low = top + 1 - self.digits
            with m.If(magnitude >> top == 1):
                m.d.comb += kept.eq(_nearest(magnitude, low, to_even=True) << low)
        rounded = Signal(signed(width + 1), name=f"{name}_rounded")
        m.d.comb += rounded.eq(Mux(number < 0, -kept, kept))
        return rounded

    def _quotient(self, m: Module, number: Signal, shift: Value, *, to_even: bool) -> Signal:
        """Return number / 2**shift, with halves rounded to even, or up."""
        quotient = Signal(signed(len(number) + 1), name=f"quotient_{number.name}")
        # With a greater shift, the quotient is at least -1/2 and less than 1/2.
        with m.Switch(shift):
            for case in range(len(number)):
                with m.Case(case):
                    m.d.comb += quotient.eq(_nearest(number, case, to_even=to_even))
        return quotient


def _nearest(number: Value, low: int, *, to_even: bool) -> Value:
    """Return number / 2**low, rounded: the quotient is rounded down, and one added or not."""
    if low == 0:
        return number
    kept, rest, half = number >> low, number[:low], 1 << (low - 1)
    tie = kept[0] if to_even else 1
    return kept + ((rest > half) | ((rest == half) & tie))
