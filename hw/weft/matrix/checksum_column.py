"""ChecksumColumn: a column more, whose results are the sums of the others'."""

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..array.activation_correction import ActivationCorrection
from ..array.fast_array import FastArray, array_of
from ..array.pairs_check import PairsCheck
from ..blocks.partial_sums import align_parts
from ..blocks.skew import DelayLine
from ..blocks.sum_tree import SumTree
from ..hierarchy import instantiate
from .accumulators import AccumulatorBank, bank_control_layout
from .config import MatrixUnitConfig
from .weights import WeightLoader


class ChecksumColumn(wiring.Component):
    """Multiply by the sums of the weight rows, east of the last column; and check activations.

    A row of A times the row sums of B is the sum of that row of A . B (K.-H. Huang and J. A.
    Abraham, "Algorithm-Based Fault Tolerance for Matrix Operations", IEEE Transactions on
    Computers, 1984); modulo 2**accumulator_width too. So a flip of a bit in a weight, product, sum
    or accumulator of one column, this or another, sets the lanes and the checksum apart.

    An activation that changes in the array is wrong in all columns further east, where the wrong
    products can cancel out. So each lane has a parity bit, made at the port of the unit, which
    rides beside the array and is compared at its east edge. Of a fast array, `activations` have
    come beside it too, and a PairsCheck says which pairs have changed in it; the products that all
    its columns are corrected by are compared with those of this column.

    Timing: column C, behind C others. At its edges it stands where their outputs are:
    `activations`, `switches` and `loads` C cycles behind the west edge, `control` C cycles behind
    column 0's. `weights` are those offered to the WeightLoader, `parities` those of the activations
    at the west edge, `valid` that of the row whose control is at column 0. Never stalls.

    Parameters
    ----------
    config : MatrixUnitConfig
    sum_wait : int
        Cycles that sums wait between the array and the accumulators.

    Members
    -------
    weights : ArrayLayout(weight format, C) in
    activations : ArrayLayout(activation format, R) in
    switches : one bit a row of cells in
    loads, parities : R bits in
    wrong_pairs, products : only of a fast array, its `wrong_pairs` and `products_out`, in
    control : bank_control_layout(config) in
    valid : 1 bit in
    checksum : signed(config.accumulator_width) out, C cycles behind column 0's sum
    wrong_activation : 1 bit out. An activation of a row that counts has changed on its way.
    """

    def __init__(self, config: MatrixUnitConfig, sum_wait: int):
        self.config = config
        self.sum_wait = sum_wait
        rows = config.rows
        of_a_fast_array = {
            "wrong_pairs": In(config.cell_rows),
            "products": In(signed(config.sum_width)),
        }
        super().__init__(
            {
                "weights": In(data.ArrayLayout(config.weight.shape, config.columns)),
                "activations": In(data.ArrayLayout(config.activation.shape, rows)),
                "switches": In(config.cell_rows),
                "loads": In(rows),
                "parities": In(rows),
                **(of_a_fast_array if self.is_fast else {}),
                "control": In(bank_control_layout(config)),
                "valid": In(1),
                "checksum": Out(signed(config.accumulator_width)),
                "wrong_activation": Out(1),
            }
        )

    @property
    def is_fast(self) -> bool:
        return self.config.inner_product == "fast"

    def elaborate(self, platform):
        m = Module()
        config = self.config.checksum_column
        columns = self.config.columns

        sizes = self.config.weight.shape, columns, config.weight.width
        tree = instantiate(m, "weight_sums", platform, SumTree, *sizes)
        cycles = WeightLoader.latency + columns - SumTree.latency_of(columns)
        north = instantiate(m, "weight_delay", platform, DelayLine, sizes[-1], cycles, False)
        array = (FastArray, config, True) if self.is_fast else array_of(config)
        cells = instantiate(m, "cells", platform, *array)
        wait = config.sum_width, self.sum_wait, False
        south = instantiate(m, "sum_delay", platform, DelayLine, *wait)
        bank = instantiate(m, "bank", platform, AccumulatorBank, config)
        m.d.comb += [
            tree.i.eq(self.weights),
            north.i.eq(tree.o),
            cells.weights_in.eq(north.o),
            cells.activations_in.eq(self.activations),
            cells.switches_in.eq(self.switches),
            cells.loads_in.eq(self.loads),
            south.i.eq(cells.sums_out),
            bank.control_in.eq(self.control),
            bank.sum_in.eq(south.o),
            self.checksum.eq(bank.sum_out),
        ]
        wrong = self._told(m, platform, "parity", self._compare_parities(m, platform), columns)
        if self.is_fast:
            late = columns + PairsCheck.latency
            wrong |= self._told(m, platform, "pairs", self.wrong_pairs, late)
            wrong_products = self._compare_products(m, platform, cells.products_out)
            late = columns + FastArray.latency_of(config) - ActivationCorrection.latency
            wrong |= self._told(m, platform, "products", wrong_products, late)
        m.d.comb += self.wrong_activation.eq(wrong)
        return m

    def _compare_parities(self, m: Module, platform) -> Value:
        """Which rows of cells have an activation that does not fit its parity, now."""
        rows, together = self.config.rows, self.config.rows_per_cell
        sizes = rows, self.config.columns, False
        beside = instantiate(m, "parity_delay", platform, DelayLine, *sizes)
        wrong = Signal(rows, name="wrong_parities")
        m.d.comb += [
            beside.i.eq(self.parities),
            wrong.eq(Cat(lane.xor() for lane in self.activations) ^ beside.o),
        ]
        return Cat(wrong[row : row + together].any() for row in range(0, rows, together))

    def _compare_products(self, m: Module, platform, products: Value) -> Value:
        """Whether the products that a row was corrected by differ from this column's."""
        config = self.config
        passed = Signal.like(self.products, name="products_passed_on", reset_less=True)
        m.d.sync += passed.eq(self.products)
        theirs = align_parts(m, platform, config, passed, "align_theirs")
        ours = align_parts(m, platform, config.checksum_column, products, "align_ours")
        return theirs.as_unsigned() != ours[: config.sum_width]

    def _told(self, m: Module, platform, name: str, wrong: Value, late: int) -> Value:
        """Collect what is wrong with a row as it moves south, and tell it if the row counts.

        `late`: cycles from its first activation at the west edge to the first bit of `wrong`.
        """
        passed = Signal(len(wrong), name=f"{name}_passed", reset_less=True)
        m.d.sync += passed.eq(wrong | Cat(0, passed))
        # Both in cycles after the row's first activation was at the west edge.
        collected = late + len(wrong)
        component, *_ = array_of(self.config)
        counts = component.latency_of(self.config) + self.sum_wait - AccumulatorBank.read_latency
        bits = {
            "wrong": (passed[-1], counts - collected),
            "valid": (self.valid, collected - counts),
        }
        told = []
        for kind, (bit, cycles) in bits.items():
            sizes = 1, max(0, cycles), True
            line = instantiate(m, f"{name}_{kind}_delay", platform, DelayLine, *sizes)
            m.d.comb += line.i.eq(bit)
            told.append(line.o)
        return told[0] & told[1]
