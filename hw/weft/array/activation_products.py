"""ActivationProducts: the products of the activations with each other, at the west edge."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.partial_sums import add_in_parts, delayed_parts
from ..matrix.config import MatrixUnitConfig
from .pairs import multiply, pair_layout


class ActivationProducts(wiring.Component):
    """A FastCell west of the first column, all of whose weights are zero: it adds up a0 a1.

    Timing: `pair` is one register behind `activations`; otherwise as FastCell, so that the sum of
    a column of these leaves one cycle before that of the first column of the array.

    Members
    -------
    activations : ArrayLayout(activation format, 2) in
    pair : pair_layout(config), for the first column
    sum_in, sum_out : signed(config.sum_width)
    """

    latency = 1
    passed = ("sum",)

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(self.members_of(config))

    @staticmethod
    def members_of(config: MatrixUnitConfig) -> dict[str, wiring.Member]:
        """The members by name, for a Chain."""
        return {
            "activations": In(data.ArrayLayout(config.activation.shape, 2)),
            "pair": Out(pair_layout(config)),
            "sum_in": In(signed(config.sum_width)),
            "sum_out": Out(signed(config.sum_width)),
        }

    def elaborate(self, platform):
        m = Module()
        config = self.config
        pair = Signal(pair_layout(config), reset_less=True)
        m.d.sync += [pair[0].eq(self.activations[0]), pair[1].eq(self.activations[1])]
        m.d.comb += self.pair.eq(pair)

        product = multiply(m, platform, config, pair[0], pair[1])
        added = add_in_parts(m, config, self.sum_in, delayed_parts(m, config, product))
        m.d.comb += self.sum_out.eq(added)
        return m
