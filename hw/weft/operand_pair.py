"""OperandPair: the formats of both operands of a unit, and what follows from them together."""

import math
from dataclasses import dataclass

from .checks import check
from .float_format import BFLOAT16, FloatFormat
from .formats import MAX_OPERAND_WIDTH, MAX_PORT_WIDTH, MAX_WIDTH, OperandFormats
from .operand_port import OperandPort, magnitude_for
from .sign_magnitude import SignMagnitude
from .stepped_magnitude import SteppedMagnitude

LEAST_SUM_WIDTH = 8
# Products of floats whose sum must not overflow.
FLOAT_SUM = 1 << 17


@dataclass(frozen=True, kw_only=True)
class OperandPair:
    """Formats of activations and weights; parameters as in MatrixUnitConfig."""

    activation: OperandFormats
    weight: OperandFormats
    cell_width: int
    zero_points: bool

    def check(self) -> None:
        """Raise ValueError unless a unit can multiply numbers of these formats."""
        for name in ("activation", "weight"):
            for number in getattr(self, name):
                check(
                    isinstance(number, FloatFormat) or number.width <= MAX_OPERAND_WIDTH,
                    f"{name} format must be 1 to {MAX_OPERAND_WIDTH} bits wide, not {number}",
                )
        for name, other in ("activation", "weight"), ("weight", "activation"):
            formats, others = getattr(self, name), getattr(self, other)
            check(
                isinstance(formats.default, FloatFormat) or not magnitude_for(others),
                f"{name} must be a float beside {others}, not {formats}",
            )
            check(
                _chains(formats) or not _chains(others),
                f"{name} must be {BFLOAT16} beside {others}, not {formats}",
            )
            self.port(name)

    def port(self, name: str) -> OperandPort:
        """Return how an operand, "activation" or "weight", enters the array."""
        return OperandPort.of(
            name,
            getattr(self, name),
            cell_width=self.cell_width,
            zero_points=self.zero_points,
            magnitude=self.magnitude,
        )

    @property
    def chained(self) -> bool:
        """Whether sums are floating-point numbers, rounded at each step; else they are exact."""
        return _chains(self.activation)

    @property
    def has_floats(self) -> bool:
        return any(
            isinstance(formats.default, FloatFormat) for formats in (self.activation, self.weight)
        )

    @property
    def magnitude(self) -> type[SignMagnitude] | None:
        """What both operands are in the array, if they are too wide for integers."""
        needed = magnitude_for(self.activation), magnitude_for(self.weight)
        return SteppedMagnitude if SteppedMagnitude in needed else needed[0] or needed[1]

    @property
    def can_be_infinite(self) -> bool:
        """Whether an exact sum can be infinite."""
        return self.magnitude is SteppedMagnitude

    @property
    def least_sum_width(self) -> int:
        """Fewest bits of an exact sum; FLOAT_SUM products of floats must not overflow."""
        if not self.has_floats:
            return LEAST_SUM_WIDTH
        return 1 + (FLOAT_SUM * self.largest_product).bit_length()

    @property
    def most_sum_width(self) -> int:
        """Most bits of an exact sum; one that can be infinite is never an integer at a port."""
        return MAX_WIDTH if self.can_be_infinite else MAX_PORT_WIDTH

    @property
    def largest_product(self) -> int:
        """Largest magnitude of a product, in units of an exact sum."""
        return math.prod(
            max(number.largest_integer for number in formats)
            for formats in (self.activation, self.weight)
        )

    @property
    def highest_shift(self) -> int:
        """Cell widths by which the sum of the most significant pieces is shifted."""
        return sum(
            max(map(self.port(name).pieces_of, getattr(self, name))) - 1
            for name in ("activation", "weight")
        )


def _chains(formats: OperandFormats) -> bool:
    return isinstance(formats.default, FloatFormat) and formats.default.chains
