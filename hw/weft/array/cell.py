"""Cell: one multiply-accumulate with a stationary weight."""

from amaranth.hdl import Module, Shape, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.partial_sums import add_in_parts, delayed_parts, registered
from ..hierarchy import family_of, instantiate
from ..matrix.config import MatrixUnitConfig
from ..primitives import ecp5
from ..primitives.soft_multiplier import multiply_softly


class Cell(wiring.Component):
    """One multiply-accumulate of the array.

    Activations move east and partial sums move south; the weight in use stays, and beside it a
    shadow register takes the next tile's weight. An activation and its `switch` arrive in the
    same cycle: the shadow is copied as the activation is registered, so that this activation is
    the first to meet the new weight.

    Timing: `activation_out` is one register behind its input. The product of the activation that
    came in cycle t meets the `sum_in` of cycle t + 1 + multiplier_stages, and their sum is on
    `sum_out` one cycle later. With adder stages, part p of a sum (least significant first) comes p
    cycles after part 0. Nothing stalls, nothing is reset: what was in the array before a reset
    stays ahead of what comes after it.

    Parameters
    ----------
    config : MatrixUnitConfig
    multiplies : bool
        Whether the multiplier is inside. A cell without one shows the `weight` in use and takes
        the `product` of `activation_out` and `weight`, made in multiplier_stages cycles.

    Members
    -------
    activation_in, activation_out : activation format
    switch : 1 bit in. Take the shadow weight with this activation.
    load : 1 bit in. Take `weight_in` into the shadow.
    row_switches, row_loads : 1 bit in. High whenever `switch` or `load` of any cell of the row
        is, so that a simulator passes over the weights of a row at rest in one step.
    weight_in, weight_out : weight format. The shadow chain, north to south.
    sum_in, sum_out : signed(config.sum_width)
    weight : weight format out, product : signed(config.product_width) in
        Only of a cell that does not multiply.
    """

    def __init__(self, config: MatrixUnitConfig, multiplies: bool = True):
        self.config = config
        self.multiplies = multiplies
        outside = {
            "weight": Out(config.weight.shape),
            "product": In(signed(config.product_width)),
        }
        super().__init__(
            {
                "activation_in": In(config.activation.shape),
                "activation_out": Out(config.activation.shape),
                "switch": In(1),
                "load": In(1),
                "row_switches": In(1),
                "row_loads": In(1),
                "weight_in": In(config.weight.shape),
                "weight_out": Out(config.weight.shape),
                "sum_in": In(signed(config.sum_width)),
                "sum_out": Out(signed(config.sum_width)),
                **({} if multiplies else outside),
            }
        )

    @staticmethod
    def activation_shape_of(config: MatrixUnitConfig) -> Shape:
        """What moves east."""
        return config.activation.shape

    @staticmethod
    def weight_shape_of(config: MatrixUnitConfig) -> Shape:
        """What the shadow chain holds."""
        return config.weight.shape

    def elaborate(self, platform):
        m = Module()
        config = self.config

        activation = Signal(config.activation.shape, reset_less=True)
        m.d.sync += activation.eq(self.activation_in)
        m.d.comb += self.activation_out.eq(activation)

        shadow = Signal(config.weight.shape, reset_less=True)
        with m.If(self.row_loads & self.load):
            m.d.sync += shadow.eq(self.weight_in)
        m.d.comb += self.weight_out.eq(shadow)

        if not self.multiplies:
            m.d.comb += self.weight.eq(self._weight_in_use(m, shadow))
            product = self.product
        else:
            product = self._multiply(m, platform, activation, shadow)
        added = add_in_parts(m, config, self.sum_in, delayed_parts(m, config, product))
        m.d.comb += self.sum_out.eq(added)
        return m

    def _weight_in_use(self, m: Module, shadow: Signal) -> Signal:
        name = "weight" if self.multiplies else "weight_in_use"
        weight = Signal(self.config.weight.shape, name=name, reset_less=True)
        with m.If(self.row_switches & self.switch):
            m.d.sync += weight.eq(shadow)
        return weight

    def _multiply(self, m: Module, platform, activation: Signal, shadow: Signal) -> Value:
        """The product of the weight in use, behind its registers."""
        config = self.config
        if family_of(platform) == ecp5.FAMILY:
            multiplier = instantiate(m, "multiplier", platform, ecp5.Ecp5Multiplier, config)
            m.d.comb += [
                multiplier.activation_in.eq(self.activation_in),
                multiplier.shadow.eq(shadow),
                multiplier.switch.eq(self.switch),
            ]
            return multiplier.product
        weight = self._weight_in_use(m, shadow)
        product = Signal(signed(config.product_width))
        m.d.comb += product.eq(activation * weight)
        return registered(m, product, range(1, config.multiplier_stages + 1), "product")


class SoftCell(Cell):
    """A Cell that multiplies with adders."""

    def _multiply(self, m: Module, platform, activation: Signal, shadow: Signal) -> Value:
        weight = self._weight_in_use(m, shadow)
        return multiply_softly(m, platform, activation, weight, self.config.multiplier_stages)
