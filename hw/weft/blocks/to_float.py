"""ToFloat: round a fixed-point number to a floating-point number."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..float_format import FloatFormat

# Steps of the search for the leading one in one cycle; each halves the number of candidates.
STEPS_PER_STAGE = 2


class ToFloat(wiring.Component):
    """Convert integers, in units of 2**least_exponent, to the nearest float; ties go to even.

    Zero is +0. Widths and units are such that no result is subnormal or overflows.

    Latency `latency_of(width)` cycles in which `advance` is high; in others, nothing changes. No
    register is reset.

    Parameters
    ----------
    width : int
        Bits of the integers, at least 2.
    least_exponent : int
    number : FloatFormat

    Members
    -------
    i : signed(width) in
    advance : 1 bit in
    o : number.width out
    """

    def __init__(self, *, width: int, least_exponent: int, number: FloatFormat):
        assert 1 - number.bias <= least_exponent <= number.bias - (width - 1)
        self.width = width
        self.least_exponent = least_exponent
        self.number = number
        super().__init__({"i": In(signed(width)), "advance": In(1), "o": Out(number.width)})

    @staticmethod
    def latency_of(width: int) -> int:
        """Return the latency: for the magnitude, for the leading one, and for the rounding."""
        return 2 + -(-_steps(width) // STEPS_PER_STAGE)

    def elaborate(self, platform):
        m = Module()
        sign, magnitude = self.i[-1], Signal(self.width)
        m.d.comb += magnitude.eq(Mux(sign, -self.i, self.i))
        sign, magnitude, shift = self._kept(m, "magnitude", sign, magnitude, None)
        for first in range(0, _steps(self.width), STEPS_PER_STAGE):
            last = min(first + STEPS_PER_STAGE, _steps(self.width))
            for step in range(first, last):
                magnitude, shift = self._shifted(m, step, magnitude, shift)
            sign, magnitude, shift = self._kept(m, f"step_{last}", sign, magnitude, shift)
        rounded = self._rounded(m, sign, magnitude, shift)
        with m.If(self.advance):
            m.d.sync += self.o.eq(rounded)
        return m

    def _kept(self, m: Module, name: str, sign: Value, magnitude: Value, shift: Value | None):
        """Return values one cycle later."""
        kept = []
        for what, value in ("sign", sign), ("magnitude", magnitude), ("shift", shift):
            if value is None:
                kept.append(None)
                continue
            register = Signal(value.shape(), name=f"{what}_after_{name}", reset_less=True)
            with m.If(self.advance):
                m.d.sync += register.eq(value)
            kept.append(register)
        return kept

    def _shifted(self, m: Module, step: int, magnitude: Value, shift: Value | None):
        """Shift a magnitude left if its high bits are zero; return it, and all shifts so far.

        The steps shift by descending powers of two, so that the leading one ends up on top.
        """
        places = 1 << _steps(self.width) - 1 - step
        low = Signal(name=f"low_{places}")
        shifted = Signal(self.width, name=f"shifted_{places}")
        m.d.comb += [
            low.eq(~magnitude[-places:].any()),
            shifted.eq(Mux(low, magnitude << places, magnitude)),
        ]
        return shifted, low if shift is None else Cat(low, shift)

    def _rounded(self, m: Module, sign: Value, magnitude: Value, shift: Value) -> Value:
        """Return the float of a magnitude whose leading one is on top, or that is zero."""
        number = self.number
        # The bits below the leading one: the fraction, and those that decide how to round.
        missing = max(0, number.fraction + 2 - (self.width - 1))
        below = Cat(Const(0, missing), magnitude[:-1])
        fraction = below[-number.fraction :]
        guard = below[-number.fraction - 1]
        sticky = below[: -number.fraction - 1].any()
        top = self.width - 1 + self.least_exponent + number.bias
        exponent = Signal(number.exponent)
        truncated = Signal(number.width - 1)
        m.d.comb += [
            exponent.eq(top - shift),
            truncated.eq(Cat(fraction, exponent)),
        ]
        up = guard & (sticky | fraction[0])
        absolute = Signal(number.width - 1)
        m.d.comb += absolute.eq(truncated + up)
        return Mux(magnitude[-1], Cat(absolute, sign), 0)


def _steps(width: int) -> int:
    return (width - 1).bit_length()
