"""ChecksumColumn: a column more, whose results are the sums of the others'."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .accumulators import AccumulatorBank, bank_control_layout
from .array import SystolicArray, shape_of
from .config import MatrixUnitConfig
from .hierarchy import instantiate
from .skew import DelayLine
from .sum_tree import SumTree
from .weights import WeightLoader


class ChecksumColumn(wiring.Component):
    """Multiply by the sums of the weight rows, east of the last column; and check activations.

    A row of A times the row sums of B is the sum of that row of A . B (K.-H. Huang and J. A.
    Abraham, "Algorithm-Based Fault Tolerance for Matrix Operations", IEEE Transactions on
    Computers, 1984); modulo 2**accumulator_width too. So a flip of a bit in a weight, product, sum
    or accumulator of one column, this or another, sets the lanes and the checksum apart.

    An activation that changes in the array is wrong in all columns further east, where the wrong
    products can cancel out. So each lane has a parity bit, made at the port of the unit, which
    rides beside the array and is compared at its east edge.

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
    switches, loads, parities : R bits in
    control : bank_control_layout(config) in
    valid : 1 bit in
    checksum : signed(config.accumulator_width) out, C cycles behind column 0's sum
    wrong_activation : 1 bit out. An activation of a row that counts has changed on its way.
    """

    def __init__(self, config: MatrixUnitConfig, sum_wait: int):
        self.config = config
        self.sum_wait = sum_wait
        rows = config.rows
        super().__init__(
            {
                "weights": In(data.ArrayLayout(config.weight.shape, config.columns)),
                "activations": In(data.ArrayLayout(config.activation.shape, rows)),
                "switches": In(rows),
                "loads": In(rows),
                "parities": In(rows),
                "control": In(bank_control_layout(config)),
                "valid": In(1),
                "checksum": Out(signed(config.accumulator_width)),
                "wrong_activation": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config.checksum_column
        columns = self.config.columns

        sizes = self.config.weight.shape, columns, config.weight.width
        tree = instantiate(m, "weight_sums", platform, SumTree, *sizes)
        cycles = WeightLoader.latency + columns - SumTree.latency_of(columns)
        north = instantiate(m, "weight_delay", platform, DelayLine, sizes[-1], cycles, False)
        cells = instantiate(m, "cells", platform, SystolicArray, config, *shape_of(config))
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
        self._compare_parities(m, platform)
        return m

    def _compare_parities(self, m: Module, platform) -> None:
        """Collect what is wrong with a row as it moves south, and tell it if the row counts."""
        config = self.config
        rows, columns = config.rows, config.columns
        beside = instantiate(m, "parity_delay", platform, DelayLine, rows, columns, False)
        wrong = Signal(rows)
        passed = Signal(rows, reset_less=True)
        m.d.comb += [
            beside.i.eq(self.parities),
            wrong.eq(Cat(lane.xor() for lane in self.activations) ^ beside.o),
        ]
        m.d.sync += passed.eq(wrong | Cat(0, passed))

        # Both in cycles after the row's first activation was at the west edge.
        collected = columns + rows
        counts = SystolicArray.latency_of(config) + self.sum_wait - AccumulatorBank.read_latency
        late = max(0, counts - collected), max(0, collected - counts)
        names = "wrong_delay", "valid_delay"
        wrong_line, valid_line = (
            instantiate(m, name, platform, DelayLine, 1, cycles, True)
            for name, cycles in zip(names, late, strict=True)
        )
        m.d.comb += [
            wrong_line.i.eq(passed[-1]),
            valid_line.i.eq(self.valid),
            self.wrong_activation.eq(wrong_line.o & valid_line.o),
        ]
