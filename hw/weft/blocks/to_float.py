"""ToFloat: round a fixed-point number to a floating-point number."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..float_format import FloatFormat

# Bits of the number of leading zeros that are found in one cycle.
BITS_PER_STAGE = 2


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
        """Return the latency: for the magnitude, for the leading one, and two for the rounding."""
        return 3 + -(-_shift_bits(width) // BITS_PER_STAGE)

    def elaborate(self, platform):
        m = Module()
        sign, magnitude = self.i[-1], Signal(self.width)
        m.d.comb += magnitude.eq(Mux(sign, -self.i, self.i))
        sign, magnitude, shift = self._kept(m, "magnitude", sign, magnitude, None)
        left = _shift_bits(self.width)
        while left:
            count = min(BITS_PER_STAGE, left)
            left -= count
            magnitude, shift = self._shifted(m, magnitude, shift, size=1 << left, count=count)
            sign, magnitude, shift = self._kept(m, f"shift_{1 << left}", sign, magnitude, shift)
        truncated, up = self._truncated(m, sign, magnitude, shift)
        with m.If(self.advance):
            # A carry out of the fraction goes into the exponent, as it must.
            m.d.sync += self.o.eq(truncated + up)
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

    def _shifted(self, m: Module, magnitude: Value, shift: Value | None, *, size: int, count: int):
        """Shift out the highest groups of `size` bits that are zero, at most 2**count - 1.

        Return the magnitude and all shifts so far. Sizes descend to 1, so that the leading one ends
        up on top.
        """
        zeros = Signal(count, name=f"zeros_{size}")
        last = (1 << count) - 1
        m.d.comb += zeros.eq(last)
        # All groups are examined at once, and the highest one that is not zero counts.
        for group in reversed(range(last)):
            top = self.width - size * group
            with m.If(magnitude[max(0, top - size) : max(0, top)].any()):
                m.d.comb += zeros.eq(group)
        shifted = magnitude
        for bit in range(count):
            shifted = Mux(zeros[bit], shifted << (size << bit), shifted)
        moved = Signal(self.width, name=f"shifted_{size}")
        m.d.comb += moved.eq(shifted)
        return moved, zeros if shift is None else Cat(zeros, shift)

    def _truncated(self, m: Module, sign: Value, magnitude: Value, shift: Value):
        """Return the float of a magnitude, without the bits that do not fit, and if they round up.

        The leading one is on top, or the magnitude is zero. One cycle later.
        """
        number = self.number
        # The bits below the leading one: the fraction, and those that decide how to round.
        missing = max(0, number.fraction + 2 - (self.width - 1))
        below = Cat(Const(0, missing), magnitude[:-1])
        fraction = below[-number.fraction :]
        guard = below[-number.fraction - 1]
        sticky = below[: -number.fraction - 1].any()
        top = self.width - 1 + self.least_exponent + number.bias
        exponent = Signal(number.exponent)
        m.d.comb += exponent.eq(top - shift)
        truncated = Signal(number.width, reset_less=True)
        up = Signal(reset_less=True)
        with m.If(self.advance):
            m.d.sync += [
                truncated.eq(Mux(magnitude[-1], Cat(fraction, exponent, sign), 0)),
                up.eq(guard & (sticky | fraction[0])),
            ]
        return truncated, up


def _shift_bits(width: int) -> int:
    return (width - 1).bit_length()
