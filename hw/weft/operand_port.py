"""OperandPort: how the numbers of an operand cross the port of a unit and enter its array."""

from dataclasses import dataclass

from .checks import check
from .float_format import FloatFormat
from .formats import MULTIPLIER_BITS, IntegerFormat, NumberFormat, OperandFormats, width_for
from .normalized_float import NormalizedFloat
from .sign_magnitude import SignMagnitude
from .stepped_magnitude import SteppedMagnitude

# Most pieces of one number.
MAX_PIECES = 4


def magnitude_for(formats: OperandFormats) -> type[SignMagnitude] | None:
    """Return the magnitudes that an array must multiply for an operand; None if integers will do.

    An operand needs magnitudes if it is too wide for a multiplier unless that is unsigned.
    """
    number = formats.default
    if not isinstance(number, FloatFormat) or number.chains:
        return None
    if number.kind == "ieee":
        return SteppedMagnitude
    return SignMagnitude if number.largest_integer.bit_length() + 1 > MULTIPLIER_BITS else None


@dataclass(frozen=True, kw_only=True)
class OperandPort:
    """Lanes of an operand on the port of a unit, and what the array multiplies.

    A number that is wider than a lane crosses the port in pieces of the width of a lane, least
    significant first. All pieces but the last are unsigned; the last has the sign of the number.
    So x = sum of piece[p] * 2**(p * lane.width).

    Parameters
    ----------
    lane : IntegerFormat
        A lane on the port. If rows are signed or unsigned at run time, an unsigned format.
    operand : IntegerFormat, SignMagnitude or NormalizedFloat
        What a lane is in the array.
    signed_at_run_time : bool
        Each row has a bit that says whether its lanes are signed.
    zero_points : bool
        Each row has zero points, which are subtracted from its lanes; they are pieces of a number
        of the same format.
    float_format : FloatFormat, optional
        Format of the lanes, if they are no integers. The operand is the value, as a multiple of the
        smallest positive value unless it is a NormalizedFloat.
    """

    lane: IntegerFormat
    operand: IntegerFormat | SignMagnitude | NormalizedFloat
    signed_at_run_time: bool
    zero_points: bool
    float_format: FloatFormat | None = None

    @classmethod
    def of(
        cls,
        name: str,
        formats: OperandFormats,
        *,
        cell_width: int,
        zero_points: bool,
        magnitude: type[SignMagnitude] | None = None,
    ) -> "OperandPort":
        """Return the port of an operand.

        Parameters
        ----------
        name : str
            Of the operand, for messages.
        formats : OperandFormats
        cell_width : int
            Most bits of a lane; 0 if a lane has the width of the widest format.
        zero_points : bool
        magnitude : SignMagnitude or a subclass, optional
            What the array multiplies, if not integers; only floats can be magnitudes.

        Raises
        ------
        ValueError
            If a number would have more than MAX_PIECES pieces, or a float a zero point.
        """
        if isinstance(formats.default, FloatFormat):
            check(not zero_points, f"{name} {formats} cannot have zero points: it must be integers")
            number = formats.default
            check(
                cell_width in (0, number.width) or not number.chains,
                f"cell_width must be 0 or {number.width} for {name} {formats}, not {cell_width}: a "
                f"{number} does not pass in pieces",
            )
            return cls._of_float(number, magnitude)
        widest = max(number.width for number in formats)
        width = min(cell_width or widest, widest)
        check(
            widest <= MAX_PIECES * width,
            f"cell_width must be at least {-(-widest // MAX_PIECES)} for {name} {formats}, "
            f"not {cell_width}: a number passes in at most {MAX_PIECES} pieces",
        )
        whole = [number for number in formats if number.width <= width]
        last = [
            IntegerFormat(width, signed=number.signed) for number in formats if number.width > width
        ]
        others = [IntegerFormat(width, signed=False)] * bool(last)
        pieces = [*whole, *last, *others]
        low, high = min(p.minimum for p in pieces), max(p.maximum for p in pieces)
        signed = low < 0
        values = IntegerFormat(width_for(low, high) - (not signed), signed=signed)
        mixed = values.width > width
        return cls(
            lane=IntegerFormat(width, signed=signed and not mixed),
            operand=IntegerFormat(width + 1) if zero_points else values,
            signed_at_run_time=mixed,
            zero_points=zero_points,
        )

    @classmethod
    def _of_float(cls, number: FloatFormat, magnitude: type[SignMagnitude] | None) -> "OperandPort":
        return cls(
            lane=IntegerFormat(number.width, signed=False),
            operand=_operand_of(number, magnitude),
            signed_at_run_time=False,
            zero_points=False,
            float_format=number,
        )

    @property
    def least_exponent(self) -> int:
        """Exponent of the unit of the operand: 0 for integers."""
        return 0 if self.float_format is None else self.float_format.least_exponent

    @property
    def decodes(self) -> bool:
        """Whether a lane and the operand in the array differ."""
        return self.signed_at_run_time or self.zero_points or self.float_format is not None

    def pieces_of(self, number: NumberFormat) -> int:
        """Return how many pieces a number of a format has."""
        return -(-number.width // self.lane.width)


def _operand_of(
    number: FloatFormat, magnitude: type[SignMagnitude] | None
) -> IntegerFormat | SignMagnitude | NormalizedFloat:
    """Return what a number of a format is in the array."""
    if number.chains:
        return NormalizedFloat(number)
    largest = number.largest_integer
    if magnitude:
        return magnitude(largest)
    return IntegerFormat(width_for(-largest, largest))
