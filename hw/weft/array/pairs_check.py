"""PairsCheck: detect pairs and weight differences that changed inside a fast array."""

from amaranth.hdl import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..blocks.lanes import Lanes
from ..hierarchy import instantiate
from .activation_products import ActivationProducts
from .arithmetic import Arithmetic
from .fast_cell import PairCell
from .pairs import difference_shape, pair_layout


class PairsCheck(wiring.Component):
    """A column with zero weights, east of the last column: its pairs must equal the activations.

    Each column of a FastArray adds the difference between its weights and those of the column
    before. If a pair or a difference changes, all columns further east are wrong, and their wrong
    products can cancel out. Here nothing can cancel: each pair is compared with its activations.

    Timing: this is column C, after C others, and `activations` are C cycles behind the west edge of
    the array. `wrong` comes `latency` cycles after them. Never stalls; no register is reset.

    Parameters
    ----------
    arithmetic : Arithmetic
    pairs : int
        R / 2, the number of rows of cells.

    Members
    -------
    pairs_in : Lanes(pair_layout(arithmetic), pairs) in
    switches, loads : one bit per pair in
    difference : difference_shape(arithmetic) in. Minus the weight of the last column.
    activations : Lanes(activation format, R) in
    wrong : one bit per pair out
    """

    latency = ActivationProducts.latency + 1

    def __init__(self, *, arithmetic: Arithmetic, pairs: int):
        self.arithmetic = arithmetic
        self.pairs = pairs
        activations = Lanes(arithmetic.activation.shape, 2 * pairs)
        super().__init__(
            {
                "pairs_in": In(Lanes(pair_layout(arithmetic), pairs)),
                "switches": In(pairs),
                "loads": In(pairs),
                "difference": In(difference_shape(arithmetic)),
                "activations": In(activations),
                "wrong": Out(pairs),
            }
        )

    def elaborate(self, platform):
        m = Module()
        width = self.activations.shape().size
        expected = instantiate(m, "delay", platform, DelayLine, width=width, cycles=self.latency)
        m.d.comb += expected.i.eq(self.activations)
        lanes = data.View(self.activations.shape(), expected.o)

        above, wrong = self.difference, []
        for pair in range(self.pairs):
            cell = instantiate(
                m, f"cell_{pair}", platform, PairCell, place=(pair, 0), arithmetic=self.arithmetic
            )
            m.d.comb += [
                cell.activation_in.eq(self.pairs_in[pair]),
                cell.switch.eq(self.switches[pair]),
                cell.row_switches.eq(self.switches[pair]),
                cell.load.eq(self.loads[pair]),
                cell.row_loads.eq(self.loads[pair]),
                cell.weight_in.eq(above),
            ]
            above = cell.weight_out
            upper, lower = cell.activation_out
            wrong.append((upper != lanes[2 * pair]) | (lower != lanes[2 * pair + 1]))
        m.d.comb += self.wrong.eq(Cat(wrong))
        return m
