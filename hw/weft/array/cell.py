"""Cell: one multiply-accumulate with a stationary weight."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.partial_sums import add_in_parts, delayed_parts
from ..blocks.registers import registered
from ..primitives.multiplier import multiply_by_stationary, stationary
from ..primitives.soft_multiplier import multiply_softly
from .arithmetic import Arithmetic
from .cell_kind import CellKind


class Cell(wiring.Component):
    """One multiply-accumulate of the array.

    Activations move east and partial sums move south. The weight in use stays in the cell; a shadow
    register takes the weight of the next tile. An activation and its `switch` arrive in the same
    cycle: the cell copies the shadow at the clock edge that registers the activation, so this
    activation is the first to meet the new weight.

    Timing: `activation_out` is `activation_in` one cycle later. The product of the activation of
    cycle t is added to `sum_in` of cycle t + 1 + multiplier_stages, and the result is on `sum_out`
    one cycle later. If a sum has several parts, part p (least significant first) comes p cycles
    after part 0. If a row is L cycles high (`arithmetic.row_latency`), a sum takes L cycles instead
    of one, and `weight_out` is the shadow L - 1 cycles later, so that both stay in step. Never
    stalls. No register is reset: data from before a reset stays ahead of data from after it.

    Parameters
    ----------
    arithmetic : Arithmetic

    Members
    -------
    activation_in, activation_out : activation format
    switch : 1 bit in. Use the shadow weight from this activation on.
    load : 1 bit in. Load `weight_in` into the shadow.
    row_switches, row_loads : 1 bit in. High whenever the `switch` or `load` of any cell of the row
        is high, so that a simulator skips all weights of an idle row in one step.
    weight_in, weight_out : weight format. The shadow chain, north to south.
    sum_in, sum_out : arithmetic.sum_shape
    """

    def __init__(self, *, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        super().__init__(self.members_of(arithmetic))

    @staticmethod
    def members_of(arithmetic: Arithmetic) -> dict[str, wiring.Member]:
        """Return the members by name."""
        return {
            "activation_in": In(arithmetic.activation.shape),
            "activation_out": Out(arithmetic.activation.shape),
            "switch": In(1),
            "load": In(1),
            "row_switches": In(1),
            "row_loads": In(1),
            "weight_in": In(arithmetic.weight.shape),
            "weight_out": Out(arithmetic.weight.shape),
            "sum_in": In(arithmetic.sum_shape),
            "sum_out": Out(arithmetic.sum_shape),
        }

    def elaborate(self, platform):
        m = Module()
        arithmetic = self.arithmetic
        activation, shadow = self._pass_on(m)
        product = delayed_parts(
            m,
            arithmetic.sum_parts,
            self._multiply(m, platform, activation, shadow),
            name="product",
        )
        m.d.comb += self.sum_out.eq(add_in_parts(m, arithmetic.sum_parts, self.sum_in, product))
        return m

    def _pass_on(self, m: Module) -> tuple[Signal, Signal]:
        """Pass activations and weights on; return the registers that hold them."""
        activation = Signal(self.arithmetic.activation.shape, name="activation", reset_less=True)
        m.d.sync += activation.eq(self.activation_in)
        m.d.comb += self.activation_out.eq(activation)

        shadow = Signal(self.arithmetic.weight.shape, name="shadow", reset_less=True)
        with m.If(self.row_loads & self.load):
            m.d.sync += shadow.eq(self.weight_in)
        rest = range(1, self.arithmetic.row_latency)
        m.d.comb += self.weight_out.eq(registered(m, shadow, stages=rest, name="passed"))
        return activation, shadow

    def _multiply(self, m: Module, platform, activation: Signal, shadow: Signal) -> Value:
        """Return the product of the activation and the weight in use, after its registers."""
        return multiply_by_stationary(
            m,
            platform,
            operand_in=self.activation_in,
            operand=activation,
            shadow=shadow,
            switch=self.switch,
            any_switch=self.row_switches,
            shape=self.arithmetic.product_shape,
            stages=self.arithmetic.multiplier_stages,
        )

    def _weight_in_use(self, m: Module, shadow: Signal, name: str) -> Signal:
        return stationary(
            m, shadow=shadow, switch=self.switch, any_switch=self.row_switches, name=name
        )


class SoftCell(Cell):
    """A Cell with a SoftMultiplier."""

    def _multiply(self, m: Module, platform, activation: Signal, shadow: Signal) -> Value:
        weight = self._weight_in_use(m, shadow, "weight")
        stages = self.arithmetic.multiplier_stages
        return multiply_softly(m, platform, activation, weight, stages=stages)


class SharingCell(Cell):
    """A Cell whose multiplier is outside the cell, shared with a neighbour.

    Members
    -------
    weight : weight format out. The weight in use.
    product : arithmetic.product_shape in. Product of `activation_out` and `weight`,
        multiplier_stages cycles later.
    all others : as in Cell
    """

    @staticmethod
    def members_of(arithmetic: Arithmetic) -> dict[str, wiring.Member]:
        """Return the members by name."""
        return {
            **Cell.members_of(arithmetic),
            "weight": Out(arithmetic.weight.shape),
            "product": In(arithmetic.product_shape),
        }

    def _multiply(self, m: Module, platform, activation: Signal, shadow: Signal) -> Value:
        m.d.comb += self.weight.eq(self._weight_in_use(m, shadow, "weight_in_use"))
        return self.product


PLAIN = CellKind(hard=Cell, soft=SoftCell, sharing=SharingCell, tile_rows=1)
