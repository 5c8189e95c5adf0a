"""FastArray: a SystolicArray of FastCells, and the edges that make its sums inner products."""

from amaranth.hdl import Module, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Chain
from ..blocks.skew import DelayLine
from ..hierarchy import instantiate
from ..matrix.config import MatrixUnitConfig
from .activation_correction import ActivationCorrection
from .activation_products import ActivationProducts
from .pairs_check import PairsCheck
from .systolic_array import SystolicArray, shape_of
from .weight_products import SHARING, WeightProducts, WeightProductsControl


class FastArray(wiring.Component):
    """All of an array that computes the fast inner product; from outside as a SystolicArray.

    What arrives at the edges is skewed: pair j of activations, rows 2j and 2j + 1, and its switch
    j cycles after pair 0, the weights of column c c cycles after column 0's. Column c's sum is c
    cycles behind column 0's, which comes `latency_of(config)` cycles after pair 0. Never stalls;
    nothing is reset.

    A tile shifts the shadows of both rows of a pair together, from the first load that reaches
    the upper one. With its k-th transfer, in cycle t(k) >= s + k if s is the cycle in which the
    switch before is admitted, a tile loads rows 0 to k: pair j is shifted first in cycle
    t(2j) + d >= s + 2j + d, and its switch comes in cycle s + j + d, not later: d is the latency of
    the WeightLoader and the issue_latency of Admission, which are the same.

    Parameters
    ----------
    config : MatrixUnitConfig
    shows_products : bool
        As with checksums in any case.

    Members
    -------
    activations_in : ArrayLayout(activation format, R)
    switches_in : one bit a pair
    loads_in : one bit a row of a tile, as from the WeightLoader
    weights_in : ArrayLayout(weight format, C)
    sums_out : ArrayLayout(signed(config.sum_width), C)
    activations_out, switches_out, loads_out : only with checksums
        As they came in, C cycles later.
    products_out : signed(config.sum_width) out, only if it shows products
        The sum of all a0 a1 of a row, C cycles behind that which column 0's sum is corrected by.
    wrong_pairs : one bit a pair out, only with checksums
        What rode through the array has changed. PairsCheck.latency cycles behind `activations_out`.
    """

    def __init__(self, config: MatrixUnitConfig, shows_products: bool = False):
        self.config = config
        self.shows_products = shows_products or config.checksum
        activations = data.ArrayLayout(config.activation.shape, config.rows)
        members = {
            "activations_in": In(activations),
            "switches_in": In(config.cell_rows),
            "loads_in": In(config.rows),
            "weights_in": In(data.ArrayLayout(config.weight.shape, config.columns)),
            "sums_out": Out(data.ArrayLayout(signed(config.sum_width), config.columns)),
        }
        if config.checksum:
            members |= {
                "activations_out": Out(activations),
                "switches_out": Out(config.cell_rows),
                "loads_out": Out(config.rows),
                "wrong_pairs": Out(config.cell_rows),
            }
        if self.shows_products:
            members["products_out"] = Out(signed(config.sum_width))
        super().__init__(members)

    @staticmethod
    def latency_of(config: MatrixUnitConfig) -> int:
        """Cycles from pair 0 of the activations to column 0's sum, all its parts there."""
        return (
            ActivationProducts.latency
            + SystolicArray.latency_of(config)
            + ActivationCorrection.latency
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        pairs, columns = config.cell_rows, config.columns

        west = instantiate(m, "west", platform, Chain, ActivationProducts, config, pairs)
        control = instantiate(m, "north_control", platform, WeightProductsControl, config)
        links = -(-columns // SHARING)
        north = instantiate(m, "north", platform, Chain, WeightProducts, config, links)
        shape = shape_of(config)
        cells = instantiate(m, "cells", platform, SystolicArray, config, *shape)
        south = instantiate(m, "south", platform, Chain, ActivationCorrection, config, columns)
        m.d.comb += [
            west.activations.eq(self.activations_in),
            control.loads.eq(self.loads_in[:2]),
            control.switch.eq(self.switches_in[0]),
            north.control_in.eq(control.control),
            north.weight.eq(self.weights_in),
            cells.activations_in.eq(west.pair),
            cells.switches_in.eq(self.switches_in),
            cells.loads_in.eq(self.loads_in[0::2]),
            cells.weights_in.eq(north.difference),
            cells.sums_in.eq(north.sum),
            south.products_in.eq(west.sum_out),
            south.sum.eq(cells.sums_out),
            self.sums_out.eq(south.corrected),
        ]
        if self.shows_products:
            m.d.comb += self.products_out.eq(south.products_out)
        if config.checksum:
            self._check_pairs(m, platform, cells, north)
        return m

    def _check_pairs(self, m: Module, platform, cells, north) -> None:
        columns = self.config.columns
        for name in "activations", "switches", "loads":
            outwards = Value.cast(getattr(self, f"{name}_out"))
            sizes = len(outwards), columns, False
            line = instantiate(m, f"{name}_delay", platform, DelayLine, *sizes)
            m.d.comb += [line.i.eq(getattr(self, f"{name}_in")), outwards.eq(line.o)]
        # Of an odd number of columns, the last one shares its WeightProducts with a zero weight.
        link, lane = divmod(columns, SHARING)
        difference = north.difference[link][lane] if lane else -north.neighbour_out
        check = instantiate(m, "check", platform, PairsCheck, self.config)
        m.d.comb += [
            check.pairs.eq(cells.activations_out),
            check.switches.eq(cells.switches_out),
            check.loads.eq(cells.loads_out),
            check.difference.eq(difference),
            check.activations.eq(self.activations_out),
            self.wrong_pairs.eq(check.wrong),
        ]


def array_of(config: MatrixUnitConfig) -> tuple:
    """The component that all cells of a unit are in, and what it is made with."""
    if config.inner_product == "fast":
        return FastArray, config
    return SystolicArray, config, *shape_of(config)
