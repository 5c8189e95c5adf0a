"""SignMagnitude: an operand as a magnitude, a sign and a flag for NaN."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Mux, Shape, Value, signed, unsigned


@dataclass(frozen=True)
class SignMagnitude:
    """A number from -maximum to maximum, or NaN, as unsigned bits: magnitude, sign, NaN.

    Its magnitude takes one bit less than two's complement, so that 18 bits fit the multiplier of an
    FPGA. The magnitude and the sign of NaN are zero.

    Parameters
    ----------
    maximum : int
    """

    maximum: int

    # The numbers are signed, whatever their bits are.
    signed = True
    # Flags of a sum: 1, it is NaN.
    flags = 1

    def __str__(self) -> str:
        return f"sign and {self.magnitude_width} bits"

    @property
    def minimum(self) -> int:
        return -self.maximum

    @property
    def magnitude_width(self) -> int:
        return self.maximum.bit_length()

    @property
    def width(self) -> int:
        return self.magnitude_width + 2

    @property
    def shape(self) -> Shape:
        """Amaranth shape of the bits."""
        return unsigned(self.width)

    def pack(self, *, magnitude: Value, sign: Value, nan: Value) -> Value:
        """Return the bits of a number."""
        number = ~nan
        return Cat(Mux(number, magnitude[: self.magnitude_width], 0), sign & number, nan)

    def magnitude(self, bits: Value) -> Value:
        return bits[: self.magnitude_width]

    def sign(self, bits: Value) -> Value:
        return bits[self.magnitude_width]

    def nan(self, bits: Value) -> Value:
        return bits[self.magnitude_width + 1]

    @property
    def integer_shape(self) -> Shape:
        """Shape of a value in two's complement."""
        return signed(self.magnitude_width + 1)

    def integer(self, bits: Value) -> Value:
        """Return the number in two's complement; NaN is zero."""
        magnitude = self.magnitude(bits)
        return Mux(self.sign(bits), -magnitude, magnitude)
