"""SteppedMagnitude: a wide operand as a short magnitude at one of two places, and infinities."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Mux, Shape, Value, signed
from amaranth.lib import enum

from .formats import MULTIPLIER_BITS
from .sign_magnitude import SignMagnitude

STEP = 16


class Kind(enum.Enum, shape=2):
    """What an operand is. The upper bit tells numbers from the rest."""

    FINITE = 0
    ZERO = 1
    INFINITE = 2
    NAN = 3


@dataclass(frozen=True)
class SteppedMagnitude(SignMagnitude):
    """A SignMagnitude that can be infinite, and whose magnitude can be 2**STEP times larger.

    Its bits are magnitude, sign, kind, step. The number is magnitude * 2**(STEP * step), so that
    its magnitude fits the multiplier of an FPGA if a number has few significant bits. There is no
    step if all magnitudes fit. The magnitude is zero unless the kind is FINITE.

    Parameters
    ----------
    maximum : int
        The largest finite number. Multiples of 2**STEP that do not fit have at most
        MULTIPLIER_BITS - STEP + 1 significant bits.
    """

    # Of a sum: it has +infinity, it has -infinity. With both, it is NaN.
    flags = 2

    @property
    def steps(self) -> int:
        """Bits of the step."""
        return int(self.maximum.bit_length() > MULTIPLIER_BITS)

    @property
    def magnitude_width(self) -> int:
        return min(self.maximum.bit_length(), MULTIPLIER_BITS)

    @property
    def width(self) -> int:
        return self.magnitude_width + 1 + Kind.as_shape().width + self.steps

    def pack(self, *, magnitude: Value, sign: Value, kind: Value, step: Value) -> Value:
        """Return the bits of an operand."""
        kept = Mux(kind == Kind.FINITE, magnitude[: self.magnitude_width], 0)
        return Cat(kept, sign, kind, step[: self.steps])

    def kind(self, bits: Value) -> Value:
        low = self.magnitude_width + 1
        return bits[low : low + Kind.as_shape().width]

    def nan(self, bits: Value) -> Value:
        return self.kind(bits) == Kind.NAN

    def step(self, bits: Value) -> Value:
        return bits[-1] if self.steps else Const(0)

    @property
    def integer_shape(self) -> Shape:
        return signed(self.maximum.bit_length() + 1)

    def integer(self, bits: Value) -> Value:
        """Return the number in two's complement; what is no number is zero."""
        magnitude = self.magnitude(bits)
        placed = Mux(self.step(bits), magnitude << STEP, magnitude) if self.steps else magnitude
        return Mux(self.sign(bits), -placed, placed)
