"""ActivationCorrection: the products of the activations taken from the sums, at the south edge."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Linking
from ..blocks.partial_sums import parts_of, subtract_in_parts
from .arithmetic import Arithmetic


class ActivationCorrection(wiring.Component):
    """One column's south edge: take the sum of all a0 a1 of a row from the row's sum.

    Timing: the sum of `products_in` in cycle t belongs to that of `sum` in cycle t + 1, and their
    difference is on `corrected` in cycle t + 2; parts one cycle apart. `products_out` is one
    register behind, for the next column. Never stalls, nothing is reset.

    Parameters
    ----------
    arithmetic : Arithmetic

    Members
    -------
    products_in, products_out, sum, corrected : arithmetic.sum_shape
    """

    latency = 1
    linking = Linking(passed=("products",))

    def __init__(self, *, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        super().__init__(self.members_of(arithmetic))

    @staticmethod
    def members_of(arithmetic: Arithmetic) -> dict[str, wiring.Member]:
        """The members by name, for a Chain."""
        shape = arithmetic.sum_shape
        return {
            "products_in": In(shape),
            "products_out": Out(shape),
            "sum": In(shape),
            "corrected": Out(shape),
        }

    def elaborate(self, platform):
        m = Module()
        widths = self.arithmetic.sum_parts
        products = Signal(self.arithmetic.sum_shape, reset_less=True)
        m.d.sync += products.eq(self.products_in)
        corrected = subtract_in_parts(m, widths, self.sum, parts_of(widths, products))
        m.d.comb += [self.products_out.eq(products), self.corrected.eq(corrected)]
        return m
