"""FloatCell: one fused multiply-add of floating-point numbers with a stationary weight."""

from amaranth.hdl import Module, Signal, Value

from ..blocks.float_adder import FloatAdder
from ..blocks.registers import registered
from ..hierarchy import instantiate
from ..primitives.multiplier import multiply_by_stationary
from ..primitives.soft_multiplier import multiply_softly
from .cell import Cell
from .cell_kind import CellKind


class FloatCell(Cell):
    """A Cell whose operands are NormalizedFloat, and whose sums are codes of a FloatFormat.

    The product is exact, and its sum with `sum_in` is rounded once: see FloatAdder.

    Timing and members as in Cell; a row is `arithmetic.row_latency` cycles high.

    Parameters
    ----------
    arithmetic : ChainedArithmetic
    """

    def elaborate(self, platform):
        m = Module()
        arithmetic = self.arithmetic
        first, second = arithmetic.activation, arithmetic.weight
        activation, shadow = self._pass_on(m)

        weight = self._weight_in_use(m, shadow, "weight")
        exponent = first.exponent(activation) + second.exponent(weight) - arithmetic.product_bias
        zero = first.zero(activation) | second.zero(weight)
        infinite = first.infinite(activation) | second.infinite(weight)
        kinds = {
            "exponent": exponent.as_signed(),
            "sign": first.sign(activation) ^ second.sign(weight),
            "zero": zero,
            "infinite": infinite,
            "nan": first.nan(activation) | second.nan(weight) | (zero & infinite),
        }
        adder = instantiate(
            m,
            "adder",
            platform,
            FloatAdder,
            number=arithmetic.total,
            fraction=arithmetic.product_fraction,
        )
        stages = range(1, arithmetic.multiplier_stages + 1)
        addend = adder.addend
        m.d.comb += [
            addend.significand.eq(self._product(m, platform, activation, shadow, weight)),
            *[
                addend[name].eq(registered(m, value, stages=stages, name=name))
                for name, value in kinds.items()
            ],
            adder.total.eq(self.sum_in),
            self.sum_out.eq(adder.o),
        ]
        return m

    def _product(
        self, m: Module, platform, activation: Signal, shadow: Signal, weight: Signal
    ) -> Value:
        """Return the product of the significands, after its registers."""
        first, second = self.arithmetic.activation, self.arithmetic.weight
        shape = self.arithmetic.product_shape
        product = multiply_by_stationary(
            m,
            platform,
            operand_in=first.significand(self.activation_in),
            operand=first.significand(activation),
            shadow=second.significand(shadow),
            switch=self.switch,
            any_switch=self.row_switches,
            shape=shape,
            stages=self.arithmetic.multiplier_stages,
            held=second.significand(weight),
        )
        return product[: shape.width]


class SoftFloatCell(FloatCell):
    """A FloatCell with a SoftMultiplier."""

    def _product(
        self, m: Module, platform, activation: Signal, shadow: Signal, weight: Signal
    ) -> Value:
        first, second = self.arithmetic.activation, self.arithmetic.weight
        return multiply_softly(
            m,
            platform,
            first.significand(activation),
            second.significand(weight),
            stages=self.arithmetic.multiplier_stages,
        )[: self.arithmetic.product_shape.width]


CHAINED = CellKind(hard=FloatCell, soft=SoftFloatCell, tile_rows=1)
