"""ActivationProducts: the products of the two activations of each pair, at the west edge."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Linking
from ..blocks.lanes import Lanes
from ..blocks.partial_sums import add_in_parts, delayed_parts
from .arithmetic import Arithmetic
from .pairs import multiply_pair, pair_layout


class ActivationProducts(wiring.Component):
    """A FastCell west of the first column whose weights are all zero: it adds up a0 a1.

    Timing: `pair` is `activations` one cycle later. Otherwise as in FastCell, so the sum of a
    column of these leaves one cycle before the sum of the first column of the array.

    Parameters
    ----------
    arithmetic : Arithmetic

    Members
    -------
    activations : Lanes(activation format, 2) in
    pair : pair_layout(arithmetic) out, for the first column
    sum_in, sum_out : arithmetic.sum_shape
    """

    latency = 1
    linking = Linking(passed=("sum",))

    def __init__(self, *, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        super().__init__(self.members_of(arithmetic))

    @staticmethod
    def members_of(arithmetic: Arithmetic) -> dict[str, wiring.Member]:
        """Return the members by name, for a Chain."""
        return {
            "activations": In(Lanes(arithmetic.activation.shape, 2)),
            "pair": Out(pair_layout(arithmetic)),
            "sum_in": In(arithmetic.sum_shape),
            "sum_out": Out(arithmetic.sum_shape),
        }

    def elaborate(self, platform):
        m = Module()
        widths = self.arithmetic.sum_parts
        pair = Signal(pair_layout(self.arithmetic), reset_less=True)
        m.d.sync += [pair[0].eq(self.activations[0]), pair[1].eq(self.activations[1])]
        m.d.comb += self.pair.eq(pair)

        product = delayed_parts(
            m, widths, multiply_pair(m, platform, self.arithmetic, pair), name="product"
        )
        m.d.comb += self.sum_out.eq(add_in_parts(m, widths, self.sum_in, product))
        return m
