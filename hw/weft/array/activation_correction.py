"""ActivationCorrection: subtract the products of activations from the sums, at the south edge."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Linking
from ..blocks.partial_sums import parts_of, subtract_in_parts
from .arithmetic import Arithmetic


class ActivationCorrection(wiring.Component):
    """South edge of one column: subtract the sum of all a0 a1 of a row from the sum of the row.

    Timing: `products_in` of cycle t belongs to `sum` of cycle t + 1, and their difference is on
    `corrected` in cycle t + 2; the parts of each come one cycle apart. `products_out` is
    `products_in` one cycle later, for the next column. Never stalls; no register is reset.

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
        """Return the members by name, for a Chain."""
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
