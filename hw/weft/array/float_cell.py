"""FloatCell: one fused multiply-add of floating-point numbers with a stationary weight."""

from amaranth.hdl import Cat, Module, Value, signed

from ..blocks.float_adder import FloatAdder
from ..blocks.registers import registered
from ..hierarchy import instantiate
from ..primitives.multiplier import multiply
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
            addend.significand.eq(
                self._product(
                    m, platform, first.significand(activation), second.significand(weight)
                )
            ),
            *[
                addend[name].eq(registered(m, value, stages=stages, name=name))
                for name, value in kinds.items()
            ],
            adder.total.eq(self.sum_in),
            self.sum_out.eq(adder.o),
        ]
        return m

    def _product(self, m: Module, platform, first: Value, second: Value) -> Value:
        """Return the product of two significands, after its registers.

        Both are registers outside the multiplier: the switches of neighbouring rows come so far
        apart that the hard multipliers of an FPGA could not share their clock enables.
        """
        shape = self.arithmetic.product_shape
        return multiply(
            m,
            platform,
            Cat(first, 0).as_signed(),
            Cat(second, 0).as_signed(),
            shape=signed(shape.width + 1),
            stages=self.arithmetic.multiplier_stages,
        )[: shape.width]


class SoftFloatCell(FloatCell):
    """A FloatCell with a SoftMultiplier."""

    def _product(self, m: Module, platform, first: Value, second: Value) -> Value:
        stages = self.arithmetic.multiplier_stages
        return multiply_softly(m, platform, first, second, stages=stages)[
            : self.arithmetic.product_shape.width
        ]


CHAINED = CellKind(hard=FloatCell, soft=SoftFloatCell, tile_rows=1)
