"""WeightProducts: the north edge of the fast inner product, where tiles of weights come in."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Linking
from ..blocks.delay_line import DelayLine
from ..blocks.partial_sums import delayed_parts
from ..blocks.registers import registered
from ..hierarchy import instantiate
from ..primitives.soft_multiplier import SoftMultiplier
from .arithmetic import Arithmetic
from .pairs import difference_shape

# Columns that share a multiplier.
SHARING = 2

# What a column does with the weights that pass. `load`: a weight is here. `multiply`: it is the
# second of a pair. `clear`: a tile begins. `add`: the product of a pair is there. `switch`: the
# tile is in use from here on.
CONTROL = data.StructLayout({"load": 1, "multiply": 1, "clear": 1, "add": 1, "switch": 1})


class WeightProductsControl(wiring.Component):
    """Turn the loads and the switch of column 0 into what WeightProducts does there.

    `clear`, `add` and `switch` are as much later as a product takes.

    Parameters
    ----------
    arithmetic : Arithmetic

    Members
    -------
    loads : 2 bits in, the loads of the first two rows of a tile
    switch : 1 bit in, of the first pair of rows
    control : CONTROL out
    """

    def __init__(self, *, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        super().__init__({"loads": In(2), "switch": In(1), "control": Out(CONTROL)})

    def elaborate(self, platform):
        m = Module()
        # A tile loads the first row each time, and all but the first time the second as well.
        load = Signal()
        begins = Signal()
        multiply = Signal()
        pair_begun = Signal(reset_less=True)
        m.d.comb += [
            load.eq(self.loads[0]),
            begins.eq(load & ~self.loads[1]),
            # After a broken tile this may be a weight too soon; the sum is cleared just then.
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
    """Two columns' north edge: differences for the shadow chains, and minus the sums of all w0 w1.

    The two weights of a pair come in with two loads that follow each other, the lower row's first.
    So a column needs a product in every second cycle at most, and the column to its east needs its
    own one cycle later: a multiplier serves both, and none of them ever waits. A column's sum is
    kept twice, as weights are: of the tile that comes, and of that in use.

    Timing, of the west one: `difference` in the cycle of `weight`. A `switch` comes
    `product_latency_of(arithmetic)` cycles after that of the first pair of rows, and is seen in
    the `sum` of the next cycle, in which the first FastCell adds the first product of the new tile
    to it. Part p of `sum` is p cycles later. The east one is a cycle behind, and what goes out at
    the east another cycle. Nothing stalls, nothing is reset.

    Parameters
    ----------
    arithmetic : Arithmetic

    Members
    -------
    weight : ArrayLayout(weight format, 2) in
    neighbour_in, neighbour_out : weight format. The weight of the column to the west, and the
        east one's for the column to the east.
    difference : ArrayLayout(difference_shape(arithmetic), 2) out. Each weight less its neighbour.
    control_in, control_out : CONTROL
    sum : ArrayLayout(arithmetic.sum_shape, 2) out. What a column's partial sums begin with.
    """

    linking = Linking(passed=("neighbour", "control"))

    def __init__(self, *, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        super().__init__(self.members_of(arithmetic))

    @staticmethod
    def members_of(arithmetic: Arithmetic) -> dict[str, wiring.Member]:
        """The members by name, for a Chain."""
        weight = arithmetic.weight.shape
        return {
            "weight": In(data.ArrayLayout(weight, SHARING)),
            "neighbour_in": In(weight),
            "neighbour_out": Out(weight),
            "difference": Out(data.ArrayLayout(difference_shape(arithmetic), SHARING)),
            "control_in": In(CONTROL),
            "control_out": Out(CONTROL),
            "sum": Out(data.ArrayLayout(arithmetic.sum_shape, SHARING)),
        }

    @staticmethod
    def product_latency_of(arithmetic: Arithmetic) -> int:
        """Cycles from the second weight of a pair to the product of both."""
        return 1 + arithmetic.multiplier_stages

    def elaborate(self, platform):
        m = Module()
        shape, stages = self.arithmetic.weight.shape, self.arithmetic.multiplier_stages
        # One register at least, that of the operands if there are more.
        multiplier = instantiate(
            *(m, "multiplier", platform, SoftMultiplier),
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
        """The sum of a column's products, of the tile that comes and of that in use."""
        shape = self.arithmetic.sum_shape
        coming = Signal(shape, name=f"coming_{column}", reset_less=True)
        in_use = Signal(shape, name=f"in_use_{column}", reset_less=True)
        with m.If(control.clear):
            m.d.sync += coming.eq(0)
        with m.Elif(control.add):
            m.d.sync += coming.eq(coming - product)
        with m.If(control.switch):
            m.d.sync += in_use.eq(coming)
        m.d.comb += self.sum[column].eq(Cat(*delayed_parts(m, self.arithmetic.sum_parts, in_use)))
