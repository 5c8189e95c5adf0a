"""FastArray: a SystolicArray of FastCells, and the edges that turn its sums into inner products."""

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Chain
from ..blocks.delay_line import DelayLine
from ..blocks.lanes import Lanes
from ..hierarchy import instantiate
from .activation_correction import ActivationCorrection
from .activation_products import ActivationProducts
from .arithmetic import Arithmetic
from .fast_cell import FAST
from .pairs_check import PairsCheck
from .systolic_array import Block, SystolicArray
from .weight_products import SHARING, WeightProducts, WeightProductsControl


class FastArray(wiring.Component):
    """An array that computes the fast inner product; from outside it behaves as a SystolicArray.

    Inputs are skewed: pair j of activations (rows 2j and 2j + 1) and its switch arrive j cycles
    after pair 0, and the weights of column c arrive c cycles after those of column 0. The sum of
    column 0 leaves `latency_of(arithmetic, rows=R)` cycles after pair 0 arrived, and the sum of
    column c leaves c cycles after that. Never stalls; no register is reset.

    The shadows of both rows of a pair shift together, from the first load of a tile that reaches
    the upper row. Loads never overtake a switch. Let the previous switch be admitted in cycle s.
    Then transfer k of the tile, which loads rows 0 to k, is in cycle t(k) >= s + k. So pair j first
    shifts in cycle t(2j) + d >= s + 2j + d, and the switch reaches it in cycle s + j + d, which is
    not later. Here d is the latency of the WeightLoader, which equals Admission.issue_latency.

    Parameters
    ----------
    arithmetic : Arithmetic
    rows : int
        R, rows of a tile; even.
    columns, soft_columns : int
        As in SystolicArray.
    shows_products : bool
        Whether the array has the output `products_out`.

    Members
    -------
    activations_in : Lanes(activation format, R)
    switches_in : one bit per pair
    loads_in : one bit per row of a tile, as from the WeightLoader
    weights_in : Lanes(weight format, C)
    sums_out : Lanes(arithmetic.sum_shape, C)
    products_out : arithmetic.sum_shape out, only with `shows_products`
        The sum of all a0 a1 of a row, C cycles after it arrived at the correction of column 0.
    """

    def __init__(
        self,
        *,
        arithmetic: Arithmetic,
        rows: int,
        columns: int,
        soft_columns: int = 0,
        shows_products: bool = False,
    ):
        self.arithmetic = arithmetic
        self.rows = rows
        self.pairs = rows // FAST.tile_rows
        self.columns = columns
        self.soft_columns = soft_columns
        self.shows_products = shows_products
        super().__init__(self._members())

    def _members(self) -> dict[str, wiring.Member]:
        arithmetic = self.arithmetic
        members = {
            "activations_in": In(Lanes(arithmetic.activation.shape, self.rows)),
            "switches_in": In(self.pairs),
            "loads_in": In(self.rows),
            "weights_in": In(Lanes(arithmetic.weight.shape, self.columns)),
            "sums_out": Out(Lanes(arithmetic.sum_shape, self.columns)),
        }
        if self.shows_products:
            members["products_out"] = Out(arithmetic.sum_shape)
        return members

    @staticmethod
    def latency_of(arithmetic: Arithmetic, *, rows: int) -> int:
        """Return the cycles from pair 0 of the activations to the last part of column 0's sum."""
        return (
            ActivationProducts.latency
            + FAST.latency_of(arithmetic, rows=rows // FAST.tile_rows)
            + ActivationCorrection.latency
        )

    def elaborate(self, platform):
        m = Module()
        self._add_array(m, platform)
        return m

    def _add_array(self, m: Module, platform):
        """Add the cells and the edges; return the interfaces of the cells and the north edge."""
        arithmetic, columns = self.arithmetic, self.columns
        west = instantiate(
            m,
            "west",
            platform,
            Chain,
            component=ActivationProducts,
            links=self.pairs,
            arithmetic=arithmetic,
        )
        control = instantiate(
            m, "north_control", platform, WeightProductsControl, arithmetic=arithmetic
        )
        north = instantiate(
            m,
            "north",
            platform,
            Chain,
            component=WeightProducts,
            links=-(-columns // SHARING),
            arithmetic=arithmetic,
        )
        cells = instantiate(
            m,
            "cells",
            platform,
            SystolicArray,
            cell=FAST,
            arithmetic=arithmetic,
            rows=self.pairs,
            columns=columns,
            soft_columns=self.soft_columns,
            block=Block.of_array(rows=self.pairs, columns=columns),
        )
        south = instantiate(
            m,
            "south",
            platform,
            Chain,
            component=ActivationCorrection,
            links=columns,
            arithmetic=arithmetic,
        )
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
        return cells, north


class CheckedFastArray(FastArray):
    """A FastArray that has the output `products_out` and checks the pairs that cross it.

    Members
    -------
    activations_out, switches_out, loads_out
        The corresponding inputs, C cycles later.
    wrong_pairs : one bit per pair out
        A pair changed inside the array. PairsCheck.latency cycles after `activations_out`.
    products_out and all others : as in FastArray
    """

    def __init__(self, *, arithmetic: Arithmetic, rows: int, columns: int, soft_columns: int = 0):
        super().__init__(
            arithmetic=arithmetic,
            rows=rows,
            columns=columns,
            soft_columns=soft_columns,
            shows_products=True,
        )

    def _members(self) -> dict[str, wiring.Member]:
        members = super()._members()
        return members | {
            "activations_out": Out(members["activations_in"].shape),
            "switches_out": Out(self.pairs),
            "loads_out": Out(self.rows),
            "wrong_pairs": Out(self.pairs),
        }

    def elaborate(self, platform):
        m = Module()
        cells, north = self._add_array(m, platform)
        for name in "activations", "switches", "loads":
            outwards = Value.cast(getattr(self, f"{name}_out"))
            line = instantiate(
                m,
                f"{name}_delay",
                platform,
                DelayLine,
                width=len(outwards),
                cycles=self.columns,
            )
            m.d.comb += [line.i.eq(getattr(self, f"{name}_in")), outwards.eq(line.o)]
        # With an odd number of columns, the second lane of the last WeightProducts has weight zero.
        link, lane = divmod(self.columns, SHARING)
        difference = north.difference[link][lane] if lane else -north.neighbour_out
        check = instantiate(
            m, "check", platform, PairsCheck, arithmetic=self.arithmetic, pairs=self.pairs
        )
        m.d.comb += [
            check.pairs_in.eq(cells.activations_out),
            check.switches.eq(cells.switches_out),
            check.loads.eq(cells.loads_out),
            check.difference.eq(difference),
            check.activations.eq(self.activations_out),
            self.wrong_pairs.eq(check.wrong),
        ]
        return m
