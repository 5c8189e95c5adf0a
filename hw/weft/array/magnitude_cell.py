"""MagnitudeCell: one multiply-accumulate of operands that are magnitudes with a sign."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, unsigned

from ..blocks.partial_sums import add_in_parts, delayed_parts
from ..blocks.registers import registered
from ..primitives.multiplier import multiply_by_stationary
from ..primitives.soft_multiplier import multiply_softly
from .cell import Cell
from .cell_kind import CellKind


class MagnitudeCell(Cell):
    """A Cell whose operands are SignMagnitude.

    It adds or subtracts the product of their magnitudes. The lowest bit of a partial sum is a flag:
    NaN was among the operands. It moves with the first part of the sum, which is above it.

    Timing and members as in Cell; activations and weights have the shape of a SignMagnitude.
    """

    def elaborate(self, platform):
        m = Module()
        arithmetic = self.arithmetic
        first, second = arithmetic.activation, arithmetic.weight
        activation, shadow = self._pass_on(m)

        # Of the weight in use; its magnitude may be in a hard multiplier.
        sign = self._weight_in_use(m, second.sign(shadow), "weight_sign")
        negative = first.sign(activation) ^ sign
        flags = self._flags(m, activation, shadow, negative)
        stages = range(1, arithmetic.multiplier_stages + 1)
        negative = registered(m, negative, stages=stages, name="negative")
        flags = registered(m, flags, stages=stages, name="flags")
        product = self._multiply(m, platform, activation, shadow)
        product = self._placed(m, product, activation, shadow)
        # A number is subtracted by adding its complement and a carry.
        addend = Signal(arithmetic.product_shape)
        m.d.comb += addend.eq(Mux(negative, ~Cat(product, 0), Cat(product, 0)).as_signed())
        parts = delayed_parts(m, arithmetic.sum_parts, addend, name="product")
        low = arithmetic.flags
        total = add_in_parts(m, arithmetic.sum_parts, self.sum_in[low:], parts, carry=negative)
        seen = Signal(low, reset_less=True)
        m.d.sync += seen.eq(self.sum_in[:low] | flags)
        m.d.comb += self.sum_out.eq(Cat(seen, total))
        return m

    def _flags(self, m: Module, activation: Signal, shadow: Signal, negative: Value) -> Value:
        """Return the flags of the product of the activation and the weight in use."""
        first, second = self.arithmetic.activation, self.arithmetic.weight
        return first.nan(activation) | self._weight_in_use(m, second.nan(shadow), "weight_nan")

    def _placed(self, m: Module, product: Value, activation: Signal, shadow: Signal) -> Value:
        """Return the magnitude of the product, given the product of the bits of magnitudes."""
        return product

    def _product_shape(self) -> Shape:
        """Return the shape of the product of two magnitudes."""
        arithmetic = self.arithmetic
        first, second = arithmetic.activation, arithmetic.weight
        return unsigned(first.magnitude_width + second.magnitude_width)

    def _multiply(self, m: Module, platform, activation: Signal, shadow: Signal) -> Value:
        """Return the product of the magnitudes, after its registers."""
        first, second = self.arithmetic.activation, self.arithmetic.weight
        shape = self._product_shape()
        product = multiply_by_stationary(
            m,
            platform,
            operand_in=first.magnitude(self.activation_in),
            operand=first.magnitude(activation),
            shadow=second.magnitude(shadow),
            switch=self.switch,
            any_switch=self.row_switches,
            shape=shape,
            stages=self.arithmetic.multiplier_stages,
        )
        return product[: shape.width]


class SoftMagnitudeCell(MagnitudeCell):
    """A MagnitudeCell with a SoftMultiplier."""

    def _multiply(self, m: Module, platform, activation: Signal, shadow: Signal) -> Value:
        first, second = self.arithmetic.activation, self.arithmetic.weight
        weight = self._weight_in_use(m, second.magnitude(shadow), "weight")
        return multiply_softly(
            m,
            platform,
            first.magnitude(activation),
            weight,
            stages=self.arithmetic.multiplier_stages,
        )[: self._product_shape().width]


MAGNITUDE = CellKind(hard=MagnitudeCell, soft=SoftMagnitudeCell, tile_rows=1)
