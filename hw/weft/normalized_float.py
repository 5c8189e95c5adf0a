"""NormalizedFloat: a floating-point operand whose subnormal numbers have been normalized."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Shape, Value, unsigned

from .float_format import FloatFormat


@dataclass(frozen=True)
class NormalizedFloat:
    """A number of a format as unsigned bits: fraction, exponent, sign, from the lowest.

    The exponent has one bit more than that of the format, so every number but zero has a leading
    one above its fraction. A number is significand * 2**(exponent - bias - fraction bits). The
    exponent 0 stands for zero, and the largest one, all ones, for infinity, or for NaN if the
    fraction is not zero.

    Parameters
    ----------
    number : FloatFormat
        An IEEE format.
    """

    number: FloatFormat

    def __str__(self) -> str:
        return f"normalized {self.number}"

    @property
    def exponent_width(self) -> int:
        return self.number.exponent + 1

    @property
    def bias(self) -> int:
        return self.number.bias + self.number.fraction

    @property
    def width(self) -> int:
        return 1 + self.exponent_width + self.number.fraction

    @property
    def shape(self) -> Shape:
        """Amaranth shape of the bits."""
        return unsigned(self.width)

    @property
    def significand_width(self) -> int:
        """Bits of a significand: the fraction and the leading one."""
        return self.number.fraction + 1

    def pack(self, *, fraction: Value, exponent: Value, sign: Value) -> Value:
        """Return the bits of a number."""
        return Cat(fraction[: self.number.fraction], (exponent | 0)[: self.exponent_width], sign)

    def fraction(self, bits: Value) -> Value:
        return bits[: self.number.fraction]

    def exponent(self, bits: Value) -> Value:
        return bits[self.number.fraction : -1]

    def sign(self, bits: Value) -> Value:
        return bits[self.width - 1]

    def zero(self, bits: Value) -> Value:
        return ~self.exponent(bits).any()

    def infinite(self, bits: Value) -> Value:
        return self.exponent(bits).all() & ~self.fraction(bits).any()

    def nan(self, bits: Value) -> Value:
        return self.exponent(bits).all() & self.fraction(bits).any()

    def significand(self, bits: Value) -> Value:
        """Return the fraction below its leading one; zero for zero."""
        return Cat(self.fraction(bits), self.exponent(bits).any())
