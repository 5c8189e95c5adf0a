"""Arithmetic: formats and widths of the integers in a cell."""

from dataclasses import dataclass

from amaranth import Shape, signed

from ..formats import IntegerFormat, products_width
from ..sign_magnitude import SignMagnitude


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """Operands, partial sums and registers of the cells of one array.

    Parameters
    ----------
    activation, weight : IntegerFormat, or both SignMagnitude
    sum_parts : tuple of int
        Widths of the parts of a partial sum, least significant first; part p comes p cycles after
        part 0.
    multiplier_stages : int, 0 or more
        Registers between the operand registers and the adder of a cell.
    """

    activation: IntegerFormat | SignMagnitude
    weight: IntegerFormat | SignMagnitude
    sum_parts: tuple[int, ...]
    multiplier_stages: int

    # Cycles that a partial sum takes from one row to the next.
    row_latency = 1

    @property
    def sum_width(self) -> int:
        """Bits of a partial sum, without its flags."""
        return sum(self.sum_parts)

    @property
    def flags(self) -> int:
        """Flags below the bits of a partial sum, if the operands can be other than numbers."""
        return self.activation.flags if isinstance(self.activation, SignMagnitude) else 0

    @property
    def sum_shape(self) -> Shape:
        """Shape of a partial sum with its flags."""
        return signed(self.sum_width + self.flags)

    @property
    def product_shape(self) -> Shape:
        """Shape of one exact product."""
        return signed(products_width(self.activation, self.weight, 1))


def equal_parts(width: int, parts: int) -> tuple[int, ...]:
    """Return the widths of parts of nearly equal width; there are fewer if there are fewer bits."""
    parts = min(parts, width)
    return tuple((width + index) // parts for index in range(parts))
