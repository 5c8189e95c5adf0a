"""FastCell: two rows of one column with one multiplier; PairCell: the same without multiplier."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.partial_sums import add_in_parts, delayed_parts
from ..primitives.soft_multiplier import multiply_softly
from .arithmetic import Arithmetic
from .cell_kind import CellKind
from .pairs import difference_shape, multiply_pair, pair_layout, product_shape


class PairCell(wiring.Component):
    """Turn the sums of activations and weights of one column into those of the next column.

    The inputs are not the activations a0 and a1, but their sums with the weights of the column to
    the west: a0 + w1 and a1 + w0, where w0 is the weight of the upper row. This cell holds the
    differences between its own weights and those of the column to the west, adds them to the two
    sums, and passes the new sums on.

    The two differences in use stay in the cell. Two shadow registers take the differences of the
    next tile; they are consecutive links of one chain, the upper row first. A `switch` comes one
    cycle before the first sums of the new tile, which need the differences at the adder in front of
    their register.

    Timing: `activation_out` is one cycle after `activation_in`. Never stalls; no register is reset.

    Parameters
    ----------
    arithmetic : Arithmetic

    Members
    -------
    activation_in, activation_out : pair_layout(arithmetic)
    switch : 1 bit in. Use both shadows from the sums of the next cycle on.
    load : 1 bit in. Load `weight_in` into the upper shadow, and the upper shadow into the lower.
    row_switches, row_loads : 1 bit in. As in Cell.
    weight_in, weight_out : difference_shape(arithmetic). The shadow chain, north to south.
    """

    def __init__(self, *, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        super().__init__(self.members_of(arithmetic))

    @staticmethod
    def members_of(arithmetic: Arithmetic) -> dict[str, wiring.Member]:
        """Return the members by name."""
        pair, difference = pair_layout(arithmetic), difference_shape(arithmetic)
        return {
            "activation_in": In(pair),
            "activation_out": Out(pair),
            "switch": In(1),
            "load": In(1),
            "row_switches": In(1),
            "row_loads": In(1),
            "weight_in": In(difference),
            "weight_out": Out(difference),
        }

    def elaborate(self, platform):
        m = Module()
        self._add_differences(m)
        return m

    def _add_differences(self, m: Module) -> data.View:
        """Return the new sums, after their register."""
        shape = difference_shape(self.arithmetic)

        upper_shadow = Signal(shape, reset_less=True)
        lower_shadow = Signal(shape, reset_less=True)
        with m.If(self.row_loads & self.load):
            m.d.sync += [upper_shadow.eq(self.weight_in), lower_shadow.eq(upper_shadow)]
        m.d.comb += self.weight_out.eq(lower_shadow)

        upper_weight = Signal(shape, reset_less=True)
        lower_weight = Signal(shape, reset_less=True)
        with m.If(self.row_switches & self.switch):
            m.d.sync += [upper_weight.eq(upper_shadow), lower_weight.eq(lower_shadow)]

        pair = Signal(pair_layout(self.arithmetic), reset_less=True)
        m.d.sync += [
            pair[0].eq(self.activation_in[0] + lower_weight),
            pair[1].eq(self.activation_in[1] + upper_weight),
        ]
        m.d.comb += self.activation_out.eq(pair)
        return pair


class FastCell(PairCell):
    """A PairCell that multiplies its two new sums: the fast inner product of two rows of a tile.

    Timing: the product of the sums of cycle t is added to `sum_in` of cycle
    t + 1 + multiplier_stages; otherwise as in Cell. The ports have the names of those of Cell.

    Members
    -------
    sum_in, sum_out : arithmetic.sum_shape
    all others : as in PairCell
    """

    @staticmethod
    def members_of(arithmetic: Arithmetic) -> dict[str, wiring.Member]:
        """Return the members by name."""
        shape = arithmetic.sum_shape
        return {**PairCell.members_of(arithmetic), "sum_in": In(shape), "sum_out": Out(shape)}

    def elaborate(self, platform):
        m = Module()
        widths = self.arithmetic.sum_parts
        pair = self._add_differences(m)
        product = delayed_parts(m, widths, self._multiply(m, platform, pair), name="product")
        m.d.comb += self.sum_out.eq(add_in_parts(m, widths, self.sum_in, product))
        return m

    def _multiply(self, m: Module, platform, pair: data.View) -> Value:
        """Return the product of the registered sums, after its registers."""
        return multiply_pair(m, platform, self.arithmetic, pair)


class SoftFastCell(FastCell):
    """A FastCell with a SoftMultiplier."""

    def _multiply(self, m: Module, platform, pair: data.View) -> Value:
        stages = self.arithmetic.multiplier_stages
        product = multiply_softly(m, platform, pair[0], pair[1], stages=stages)
        return product[: product_shape(self.arithmetic).width].as_signed()


FAST = CellKind(hard=FastCell, soft=SoftFastCell, tile_rows=2)
