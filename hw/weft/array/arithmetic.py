"""Arithmetic: formats and widths of the integers in a cell."""

from dataclasses import dataclass

from amaranth import Shape, signed

from ..formats import IntegerFormat, products_width


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """Operands, partial sums and registers of the cells of one array.

    Parameters
    ----------
    activation, weight : IntegerFormat
    sum_parts : tuple of int
        Widths of the parts of a partial sum, least significant first; part p comes p cycles after
        part 0.
    multiplier_stages : int, 0 or more
        Registers between the operand registers and the adder of a cell.
    """

    activation: IntegerFormat
    weight: IntegerFormat
    sum_parts: tuple[int, ...]
    multiplier_stages: int

    @property
    def sum_width(self) -> int:
        """Bits of a partial sum."""
        return sum(self.sum_parts)

    @property
    def sum_shape(self) -> Shape:
        """Shape of a partial sum."""
        return signed(self.sum_width)

    @property
    def product_shape(self) -> Shape:
        """Shape of one exact product."""
        return signed(products_width(self.activation, self.weight, 1))
