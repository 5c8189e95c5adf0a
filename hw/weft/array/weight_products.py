"""WeightProducts: the north edge of the fast inner product, where weights enter."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Linking
from ..blocks.delay_line import DelayLine
from ..blocks.lanes import Lanes
from ..blocks.partial_sums import delayed_parts
from ..blocks.registers import registered
from ..hierarchy import instantiate
from ..primitives.soft_multiplier import SoftMultiplier
from .arithmetic import Arithmetic
from .pairs import difference_shape

# Columns that share a multiplier.
SHARING = 2

# Control of a column. `load`: a weight is here. `multiply`: it is the second weight of a pair.
# `clear`: a tile begins. `add`: the product of a pair is valid. `switch`: use the tile from now on.
CONTROL = data.StructLayout({"load": 1, "multiply": 1, "clear": 1, "add": 1, "switch": 1})


class WeightProductsControl(wiring.Component):
    """Turn the loads and the switch of column 0 into the control of the first WeightProducts.

    Latency 0 for `load` and `multiply`, and `WeightProducts.product_latency_of(arithmetic)` cycles
    for `clear`, `add` and `switch`. Never stalls.

    Parameters
    ----------
    arithmetic : Arithmetic

    Members
    -------
    loads : 2 bits in. The loads of the first two rows of a tile.
    switch : 1 bit in. The switch of the first pair of rows.
    control : CONTROL out
    """

    def __init__(self, *, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        super().__init__({"loads": In(2), "switch": In(1), "control": Out(CONTROL)})

    def elaborate(self, platform):
        m = Module()
        # Every transfer of a tile loads the first row; all but the first also load the second row.
        load = Signal()
        begins = Signal()
        multiply = Signal()
        pair_begun = Signal(reset_less=True)
        m.d.comb += [
            load.eq(self.loads[0]),
            begins.eq(load & ~self.loads[1]),
            # After a broken tile this may be one weight too early; the sum is cleared then anyway.
            multiply.eq(load & pair_begun),
        ]
        with m.If(load):
            m.d.sync += pair_begun.eq(begins | ~pair_begun)

        control = self.control
        now = {"clear": begins, "add": multiply, "switch": self.switch}
        cycles = WeightProducts.product_latency_of(self.arithmetic)
        delay = instantiate(m, "delay", platform, DelayLine, width=len(now), cycles=cycles)
        m.d.comb += [
            control.load.eq(load),
            control.multiply.eq(multiply),
            delay.i.eq(Cat(now.values())),
            Cat(control[name] for name in now).eq(delay.o),
        ]
        return m


class WeightProducts(wiring.Component):
    """North edge of two columns: weight differences for the shadow chains, and minus all w0 w1.

    The two weights of a pair come with two consecutive loads, the weight of the lower row first. So
    a column needs a product at most every second cycle, and the column to its east needs its own
    product one cycle later: one multiplier serves both without conflict. Each column keeps two
    sums, like its weights: one for the tile being loaded, and one for the tile in use.

    Timing of the west column: `difference` is in the cycle of `weight`. A `switch` comes
    `product_latency_of(arithmetic)` cycles after the switch of the first pair of rows. It takes
    effect on `sum` in the next cycle, in which the first FastCell adds the first product of the new
    tile to it. Part p of `sum` comes p cycles later. The east column is one cycle behind the west
    column, and the outputs at the east are one more cycle behind. Never stalls; no register is
    reset.

    Parameters
    ----------
    arithmetic : Arithmetic

    Members
    -------
    weight : Lanes(weight format, 2) in
    neighbour_in, neighbour_out : weight format. The weight of the column to the west in, and the
        weight of the east column out.
    difference : Lanes(difference_shape(arithmetic), 2) out. Each weight minus the weight to
        its west.
    control_in, control_out : CONTROL
    sum : Lanes(arithmetic.sum_shape, 2) out. Initial value of the partial sums of a column.
    """

    linking = Linking(passed=("neighbour", "control"))

    def __init__(self, *, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        super().__init__(self.members_of(arithmetic))

    @staticmethod
    def members_of(arithmetic: Arithmetic) -> dict[str, wiring.Member]:
        """Return the members by name, for a Chain."""
        weight = arithmetic.weight.shape
        return {
            "weight": In(Lanes(weight, SHARING)),
            "neighbour_in": In(weight),
            "neighbour_out": Out(weight),
            "difference": Out(Lanes(difference_shape(arithmetic), SHARING)),
            "control_in": In(CONTROL),
            "control_out": Out(CONTROL),
            "sum": Out(Lanes(arithmetic.sum_shape, SHARING)),
        }

    @staticmethod
    def product_latency_of(arithmetic: Arithmetic) -> int:
        """Return the cycles from the second weight of a pair to the product of both."""
        return 1 + arithmetic.multiplier_stages

    def elaborate(self, platform):
        m = Module()
        shape, stages = self.arithmetic.weight.shape, self.arithmetic.multiplier_stages
        # At least one register in the multiplier; with stages, another one in front of it.
        multiplier = instantiate(
            m,
            "multiplier",
            platform,
            SoftMultiplier,
            first=shape,
            second=shape,
            stages=max(1, stages),
        )

        neighbour, control = self.neighbour_in, self.control_in
        lower_weights = []
        for column in range(SHARING):
            weight = self.weight[column]
            m.d.comb += self.difference[column].eq(weight - neighbour)

            lower = Signal(shape, name=f"lower_{column}", reset_less=True)
            with m.If(control.load):
                m.d.sync += lower.eq(weight)
            lower_weights.append(lower)
            self._add_up(m, column, control, multiplier.product)

            neighbour = Signal.like(lower, name=f"neighbour_{column}", reset_less=True)
            passing = Signal(CONTROL, name=f"passing_{column}", reset_less=True)
            m.d.sync += [neighbour.eq(weight), passing.eq(control)]
            control = passing

        west_multiplies = self.control_in.multiply
        register = range(min(1, stages))
        operands = Signal(shape, name="first"), Signal(shape, name="second")
        m.d.comb += [
            operands[0].eq(Mux(west_multiplies, *lower_weights)),
            operands[1].eq(Mux(west_multiplies, *self.weight)),
            multiplier.first.eq(registered(m, operands[0], stages=register, name="first")),
            multiplier.second.eq(registered(m, operands[1], stages=register, name="second")),
            self.neighbour_out.eq(neighbour),
            self.control_out.eq(control),
        ]
        return m

    def _add_up(self, m: Module, column: int, control: data.View, product: Signal) -> None:
        """Add up the products of a column: for the tile being loaded, and for the tile in use."""
        shape = self.arithmetic.sum_shape
        coming = Signal(shape, name=f"coming_{column}", reset_less=True)
        in_use = Signal(shape, name=f"in_use_{column}", reset_less=True)
        with m.If(control.clear):
            m.d.sync += coming.eq(0)
        with m.Elif(control.add):
            m.d.sync += coming.eq(coming - product)
        with m.If(control.switch):
            m.d.sync += in_use.eq(coming)
        parts = delayed_parts(m, self.arithmetic.sum_parts, in_use, name="sum")
        m.d.comb += self.sum[column].eq(Cat(*parts))
