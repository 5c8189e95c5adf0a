"""FastCell: two rows of one column with one multiplier, and PairCell, one without."""

from amaranth.hdl import Module, Shape, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.partial_sums import add_in_parts, delayed_parts
from ..matrix.config import MatrixUnitConfig
from ..primitives.soft_multiplier import multiply_softly
from .pairs import difference_shape, multiply, pair_layout, product_shape


class PairCell(wiring.Component):
    """What rides east in place of two activations, and the differences of weights added to it.

    In place of two activations a0 and a1 their sums with the weights of the column to the west
    come in: a0 + w1 and a1 + w0, w0 being the upper row's weight. This cell holds by how much its
    own weights are greater, adds that to both, and passes the new sums on.

    The two differences in use stay; beside them are two shadows for the next tile, links of one
    chain, the upper row's first. A `switch` comes one cycle before the sums that are the first to
    meet the new tile: they need the differences at the adder, not behind it.

    Timing: `activation_out` is one register behind its input. Nothing stalls, nothing is reset.

    Parameters
    ----------
    config : MatrixUnitConfig

    Members
    -------
    activation_in, activation_out : pair_layout(config)
    switch : 1 bit in. Take both shadows, for the sums of the next cycle.
    load : 1 bit in. Take `weight_in` into the upper shadow, and that into the lower.
    row_switches, row_loads : 1 bit in. As in Cell.
    weight_in, weight_out : difference_shape(config). The shadow chain, north to south.
    """

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(self.members_of(config))

    @classmethod
    def members_of(cls, config: MatrixUnitConfig) -> dict[str, wiring.Member]:
        """The members by name."""
        return {
            "activation_in": In(cls.activation_shape_of(config)),
            "activation_out": Out(cls.activation_shape_of(config)),
            "switch": In(1),
            "load": In(1),
            "row_switches": In(1),
            "row_loads": In(1),
            "weight_in": In(cls.weight_shape_of(config)),
            "weight_out": Out(cls.weight_shape_of(config)),
        }

    @staticmethod
    def activation_shape_of(config: MatrixUnitConfig) -> data.ArrayLayout:
        """What moves east."""
        return pair_layout(config)

    @staticmethod
    def weight_shape_of(config: MatrixUnitConfig) -> Shape:
        """What the shadow chain holds."""
        return difference_shape(config)

    def elaborate(self, platform):
        m = Module()
        self._add_differences(m)
        return m

    def _add_differences(self, m: Module) -> data.View:
        """The new sums, behind their register."""
        config = self.config
        shape = difference_shape(config)

        upper_shadow = Signal(shape, reset_less=True)
        lower_shadow = Signal(shape, reset_less=True)
        with m.If(self.row_loads & self.load):
            m.d.sync += [upper_shadow.eq(self.weight_in), lower_shadow.eq(upper_shadow)]
        m.d.comb += self.weight_out.eq(lower_shadow)

        upper_weight = Signal(shape, reset_less=True)
        lower_weight = Signal(shape, reset_less=True)
        with m.If(self.row_switches & self.switch):
            m.d.sync += [upper_weight.eq(upper_shadow), lower_weight.eq(lower_shadow)]

        pair = Signal(pair_layout(config), reset_less=True)
        m.d.sync += [
            pair[0].eq(self.activation_in[0] + lower_weight),
            pair[1].eq(self.activation_in[1] + upper_weight),
        ]
        m.d.comb += self.activation_out.eq(pair)
        return pair


class FastCell(PairCell):
    """The products of an upper and a lower row of a tile, by the fast inner product.

    A PairCell that multiplies its new sums.

    Timing: the product of the sums that came in cycle t meets the `sum_in` of cycle
    t + 1 + multiplier_stages; otherwise as Cell, whose ports it has.

    Members
    -------
    sum_in, sum_out : signed(config.sum_width)
    all others : as PairCell
    """

    @classmethod
    def members_of(cls, config: MatrixUnitConfig) -> dict[str, wiring.Member]:
        """The members by name."""
        shape = signed(config.sum_width)
        return {**super().members_of(config), "sum_in": In(shape), "sum_out": Out(shape)}

    def elaborate(self, platform):
        m = Module()
        config = self.config
        pair = self._add_differences(m)
        product = self._multiply(m, platform, pair)
        added = add_in_parts(m, config, self.sum_in, delayed_parts(m, config, product))
        m.d.comb += self.sum_out.eq(added)
        return m

    def _multiply(self, m: Module, platform, pair: data.View) -> Value:
        """The product of the registered sums, behind its registers."""
        return multiply(m, platform, self.config, pair[0], pair[1])


class SoftFastCell(FastCell):
    """A FastCell that multiplies with adders."""

    def _multiply(self, m: Module, platform, pair: data.View) -> Value:
        product = multiply_softly(m, platform, *pair, self.config.multiplier_stages)
        return product[: product_shape(self.config).width].as_signed()
