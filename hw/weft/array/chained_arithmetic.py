"""ChainedArithmetic: formats of the floating-point numbers in a cell."""

from dataclasses import dataclass

from amaranth import Shape, unsigned

from ..blocks.float_adder import FloatAdder
from ..float_format import FloatFormat
from ..normalized_float import NormalizedFloat
from .arithmetic import Arithmetic


@dataclass(frozen=True, kw_only=True)
class ChainedArithmetic:
    """Operands, partial sums and registers of the cells of one array; see Arithmetic.

    Parameters
    ----------
    activation, weight : NormalizedFloat
    total : FloatFormat
        Format of the partial sums.
    multiplier_stages : int, 0 or more
        Registers between the operand registers and the adder of a cell.
    """

    activation: NormalizedFloat
    weight: NormalizedFloat
    total: FloatFormat
    multiplier_stages: int

    row_latency = FloatAdder.latency
    # Infinities and NaN are codes of the sums.
    flags = 0

    @property
    def sum_parts(self) -> tuple[int, ...]:
        """Widths of the parts of a partial sum: one."""
        return (self.total.width,)

    @property
    def sum_width(self) -> int:
        """Bits of a partial sum."""
        return self.total.width

    @property
    def sum_shape(self) -> Shape:
        """Shape of the code of a partial sum."""
        return unsigned(self.total.width)

    @property
    def product_shape(self) -> Shape:
        """Shape of the product of two significands."""
        return unsigned(self.activation.significand_width + self.weight.significand_width)

    @property
    def product_fraction(self) -> int:
        """Bits of the fraction of such a product, which is below 4."""
        return self.activation.number.fraction + self.weight.number.fraction

    @property
    def product_bias(self) -> int:
        """Taken from the sum of two exponents, it leaves an exponent of the partial sums."""
        return self.activation.bias + self.weight.bias - self.total.bias


CellArithmetic = Arithmetic | ChainedArithmetic
