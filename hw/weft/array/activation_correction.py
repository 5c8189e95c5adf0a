"""ActivationCorrection: the products of the activations taken from the sums, at the south edge."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.partial_sums import parts_of, subtract_in_parts
from ..matrix.config import MatrixUnitConfig


class ActivationCorrection(wiring.Component):
    """One column's south edge: take the sum of all a0 a1 of a row from the row's sum.

    Timing: the sum of `products_in` in cycle t belongs to that of `sum` in cycle t + 1, and their
    difference is on `corrected` in cycle t + 2; parts one cycle apart. `products_out` is one
    register behind, for the next column. Never stalls, nothing is reset.

    Members
    -------
    products_in, products_out, sum, corrected : signed(config.sum_width)
    """

    passed = ("products",)
    latency = 1

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(self.members_of(config))

    @staticmethod
    def members_of(config: MatrixUnitConfig) -> dict[str, wiring.Member]:
        """The members by name, for a Chain."""
        shape = signed(config.sum_width)
        return {
            "products_in": In(shape),
            "products_out": Out(shape),
            "sum": In(shape),
            "corrected": Out(shape),
        }

    def elaborate(self, platform):
        m = Module()
        products = Signal(signed(self.config.sum_width), reset_less=True)
        m.d.sync += products.eq(self.products_in)
        parts = parts_of(self.config, products)
        m.d.comb += [
            self.products_out.eq(products),
            self.corrected.eq(subtract_in_parts(m, self.config, self.sum, parts)),
        ]
        return m
