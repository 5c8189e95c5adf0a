"""PackedCell: two rows of one column with one multiplier, whose operands hold two numbers each."""

from amaranth.hdl import Cat, Module, Shape, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.partial_sums import add_in_parts, delayed_parts
from ..formats import MULTIPLIER_BITS, IntegerFormat, width_for
from ..primitives.multiplier import multiply_by_stationary, stationary
from ..primitives.soft_multiplier import multiply_softly
from .arithmetic import Arithmetic
from .cell_kind import CellKind


def spacing_of(arithmetic: Arithmetic) -> int:
    """Return the distance in bits between two packed numbers.

    The sum of two products fits in it, and so does that sum less one. For int4 it is 9, and a
    packed operand has 14 bits.
    """
    first, second = arithmetic.activation, arithmetic.weight
    products = [
        one * other
        for one in (first.minimum, first.maximum)
        for other in (second.minimum, second.maximum)
    ]
    return width_for(2 * min(*products, 0) - 1, 2 * max(products))


def packed_layout(number: IntegerFormat) -> data.StructLayout:
    """Return the layout of a packed operand, high * 2**spacing + low.

    `high` is the number itself, or one less if `low` is negative: extended by its sign, `low` then
    fills the bits between both.
    """
    return data.StructLayout({"low": number.shape, "high": high_shape(number)})


def high_shape(number: IntegerFormat) -> Shape:
    """Return the shape of the upper half of a packed operand."""
    return signed(number.width + 1)


def operand_shapes(arithmetic: Arithmetic) -> tuple[Shape, Shape]:
    """Return the shapes of the packed activations and of the packed weights, as one number each."""
    first, second = (
        signed(spacing_of(arithmetic) + high_shape(number).width)
        for number in (arithmetic.activation, arithmetic.weight)
    )
    return first, second


def can_pack(arithmetic: Arithmetic) -> bool:
    """Return whether both packed operands fit one hard multiplier."""
    return all(shape.width <= MULTIPLIER_BITS for shape in operand_shapes(arithmetic))


class PackedCell(wiring.Component):
    """Add two products to a partial sum: a0 w0 + a1 w1, with one multiplication.

    One operand is a1 * 2**s + a0, the other w0 * 2**s + w1, so their product is

        a1 w0 * 4**s + (a0 w0 + a1 w1) * 2**s + a0 w1

    and its middle field is the sum, less one if a0 w1 is negative. A carry into the adder corrects
    that. The edges of the array pack the operands, once for all cells.

    A cell has two shadow registers, consecutive links of one chain, the upper row first. The weight
    of the lower row, w1, passes as it is, and that of the upper row as the `high` of both.

    Timing as in Cell; both weights of a pair take two loads.

    Parameters
    ----------
    arithmetic : Arithmetic

    Members
    -------
    activation_in, activation_out : packed_layout(arithmetic.activation)
    weight_in, weight_out : high_shape(arithmetic.weight). The shadow chain, north to south.
    all others : as in Cell
    """

    def __init__(self, *, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        super().__init__(self.members_of(arithmetic))

    @staticmethod
    def members_of(arithmetic: Arithmetic) -> dict[str, wiring.Member]:
        """Return the members by name."""
        activation, weight = packed_layout(arithmetic.activation), high_shape(arithmetic.weight)
        return {
            "activation_in": In(activation),
            "activation_out": Out(activation),
            "switch": In(1),
            "load": In(1),
            "row_switches": In(1),
            "row_loads": In(1),
            "weight_in": In(weight),
            "weight_out": Out(weight),
            "sum_in": In(arithmetic.sum_shape),
            "sum_out": Out(arithmetic.sum_shape),
        }

    def elaborate(self, platform):
        m = Module()
        arithmetic, spacing = self.arithmetic, spacing_of(self.arithmetic)
        activation = Signal(packed_layout(arithmetic.activation), reset_less=True)
        m.d.sync += activation.eq(self.activation_in)
        m.d.comb += self.activation_out.eq(activation)

        upper = Signal(high_shape(arithmetic.weight), name="upper_shadow", reset_less=True)
        lower = Signal(high_shape(arithmetic.weight), name="lower_shadow", reset_less=True)
        with m.If(self.row_loads & self.load):
            m.d.sync += [upper.eq(self.weight_in), lower.eq(upper)]
        m.d.comb += self.weight_out.eq(lower)

        product = self._multiply(m, platform, activation, self._spaced(m, "shadow", lower, upper))
        middle, borrow = product[spacing : 2 * spacing].as_signed(), product[spacing - 1]
        parts = delayed_parts(m, arithmetic.sum_parts, middle, name="product")
        total = add_in_parts(m, arithmetic.sum_parts, self.sum_in, parts, carry=borrow)
        m.d.comb += self.sum_out.eq(total)
        return m

    def _multiply(self, m: Module, platform, activation: data.View, shadow: Signal) -> Value:
        """Return the product of the packed operands, after its registers."""
        return multiply_by_stationary(
            m,
            platform,
            operand_in=self._spaced(
                m, "operand_in", self.activation_in.low, self.activation_in.high
            ),
            operand=self._spaced(m, "operand", activation.low, activation.high),
            shadow=shadow,
            switch=self.switch,
            any_switch=self.row_switches,
            shape=signed(2 * spacing_of(self.arithmetic)),
            stages=self.arithmetic.multiplier_stages,
        )

    def _spaced(self, m: Module, name: str, low: Value, high: Value) -> Signal:
        """Return a packed operand as one number."""
        between = Signal(signed(spacing_of(self.arithmetic)), name=f"{name}_low")
        number = Signal(signed(len(between) + len(high)), name=name)
        m.d.comb += [between.eq(low), number.eq(Cat(between, high))]
        return number


class SoftPackedCell(PackedCell):
    """A PackedCell with a SoftMultiplier."""

    def _multiply(self, m: Module, platform, activation: data.View, shadow: Signal) -> Value:
        """Return the product of the packed operands, after its registers."""
        weight = stationary(
            m,
            shadow=shadow,
            switch=self.switch,
            any_switch=self.row_switches,
            name="weight",
        )
        operand = self._spaced(m, "operand", activation.low, activation.high)
        return multiply_softly(
            m, platform, operand, weight, stages=self.arithmetic.multiplier_stages
        )


PACKED = CellKind(hard=PackedCell, soft=SoftPackedCell, tile_rows=2)
