"""ChecksumColumn: an extra column, whose results are the sums of the other columns' results."""

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..array.activation_correction import ActivationCorrection
from ..array.inner_product import FastInnerProduct
from ..array.pairs_check import PairsCheck
from ..blocks.delay_line import DelayLine
from ..blocks.lanes import Lanes
from ..blocks.partial_sums import align_parts
from ..blocks.sum_tree import SumTree
from ..formats import IntegerFormat
from ..hierarchy import instantiate
from ..sign_magnitude import SignMagnitude
from .accumulators import AccumulatorBank, bank_control_layout
from .checksum_arithmetic import checksum_arithmetic, checksum_is_soft
from .config import MatrixUnitConfig
from .sum_shift import SumShift, shifted_sum_parts, sum_shift_of
from .timing import MatrixUnitTiming
from .weights import WeightLoader


def integers_of(m: Module, operand: IntegerFormat | SignMagnitude, lanes: data.View) -> Value:
    """Return the lanes as integers side by side; NaN is zero."""
    if isinstance(operand, IntegerFormat):
        return lanes.as_value()
    numbers = [Signal(operand.integer_shape, name=f"number_{n}") for n in range(len(lanes))]
    m.d.comb += [
        number.eq(operand.integer(lane)) for number, lane in zip(numbers, lanes, strict=True)
    ]
    return Cat(*numbers)


class ChecksumColumn(wiring.Component):
    """A column of cells east of the last column, whose weights are the sums of the weight rows.

    A row of A times the row sums of B is the sum of that row of A . B (K.-H. Huang and J. A.
    Abraham, "Algorithm-Based Fault Tolerance for Matrix Operations", IEEE Transactions on
    Computers, 1984), also modulo 2**accumulator_width. If a bit flips in a weight, product, sum or
    accumulator of a single column, this one included, lanes and checksum no longer match.

    The column also checks the activations. An activation that changes in the array is wrong in all
    columns further east, where the wrong products can cancel out. So each lane has a parity bit. It
    is computed at the input of the unit, bypasses the array and is compared at the east edge.

    Timing: this is column C, after C others, and takes the outputs of the array and the banks at
    their east edges: `activations`, `switches` and `loads` are C cycles behind the west edge, and
    `control` is C cycles behind the control of column 0. `weights` are the lanes offered to the
    WeightLoader, `parities` belong to the activations at the west edge, and `valid` belongs to the
    row whose control is at column 0. Never stalls.

    Parameters
    ----------
    config : MatrixUnitConfig

    Members
    -------
    weights : Lanes(config.weight_port.operand.shape, C) in
    activations : Lanes(config.activation_port.operand.shape, R) in
    switches : one bit per row of cells in
    loads, parities : R bits in
    control : bank_control_layout(depth) in
    valid : 1 bit in
    shift : config.shift_bits in, only if operands pass in pieces. That of the sum at this column.
    checksum : signed(config.accumulator_width) out, C cycles behind the sum of column 0
    wrong_activation : 1 bit out. An activation of a row that was not dropped has changed.
    """

    # Further outputs of the array that this column checks.
    witnesses: tuple[str, ...] = ()

    def __init__(self, *, config: MatrixUnitConfig):
        self.config = config
        self.timing = MatrixUnitTiming.of(config)
        super().__init__(self._members())

    def _members(self) -> dict[str, wiring.Member]:
        config = self.config
        return {
            "weights": In(Lanes(config.weight_port.operand.shape, config.columns)),
            "activations": In(Lanes(config.activation_port.operand.shape, config.rows)),
            "switches": In(config.cell_rows),
            "loads": In(config.rows),
            "parities": In(config.rows),
            "control": In(bank_control_layout(config.accumulator_depth)),
            "valid": In(1),
            **({"shift": In(config.shift_bits)} if config.shift_bits else {}),
            "checksum": Out(signed(config.accumulator_width)),
            "wrong_activation": Out(1),
        }

    def elaborate(self, platform):
        m = Module()
        cells = self._multiply(m, platform)
        self._accumulate(m, platform, cells.sums_out)
        m.d.comb += self.wrong_activation.eq(self._compare(m, platform, cells))
        return m

    def _multiply(self, m: Module, platform):
        """Add the cells of the column, whose weights are the sums of the weight rows."""
        config, arithmetic = self.config, checksum_arithmetic(self.config)
        columns, width = config.columns, arithmetic.weight.width
        activation, weight = config.activation_port.operand, config.weight_port.operand
        tree = instantiate(
            m,
            "weight_sums",
            platform,
            SumTree,
            lane=weight.integer_shape,
            lanes=columns,
            width=width,
        )
        cycles = WeightLoader.latency + columns - SumTree.latency_of(columns)
        north = instantiate(m, "weight_delay", platform, DelayLine, width=width, cycles=cycles)
        part = config.multiplication.checking_array(
            arithmetic=arithmetic,
            rows=config.rows,
            columns=1,
            soft_columns=int(checksum_is_soft(config)),
        )
        cells = instantiate(m, "cells", platform, part.component, **part.parameters)
        m.d.comb += [
            tree.i.as_value().eq(integers_of(m, weight, self.weights)),
            north.i.eq(tree.o),
            cells.weights_in.eq(north.o),
            cells.activations_in.as_value().eq(integers_of(m, activation, self.activations)),
            cells.switches_in.eq(self.switches),
            cells.loads_in.eq(self.loads),
        ]
        return cells

    def _accumulate(self, m: Module, platform, sums: data.View) -> None:
        config, arithmetic = self.config, checksum_arithmetic(self.config)
        south = instantiate(
            m,
            "sum_delay",
            platform,
            DelayLine,
            width=arithmetic.sum_width,
            cycles=self.timing.sum_wait,
        )
        bank = instantiate(
            m,
            "bank",
            platform,
            AccumulatorBank,
            sum_parts=shifted_sum_parts(config, arithmetic),
            width=config.accumulator_width,
            depth=config.accumulator_depth,
        )
        shifted = south.o
        if config.shift_bits:
            shift = instantiate(
                m, "shift_sum", platform, SumShift, **sum_shift_of(config, arithmetic)
            )
            m.d.comb += [shift.shift_in.eq(self.shift), shift.sum_in.eq(south.o)]
            shifted = shift.sum_out
        m.d.comb += [
            south.i.eq(sums),
            bank.control_in.eq(self.control),
            bank.sum_in.eq(shifted),
            self.checksum.eq(bank.sum_out),
        ]

    def _compare(self, m: Module, platform, cells) -> Value:
        """Return whether the activations of a row that was not dropped were wrong."""
        parities = self._compare_parities(m, platform)
        return self._report(m, platform, "parity", parities, late=self.config.columns)

    def _compare_parities(self, m: Module, platform) -> Value:
        """Return one bit per row of cells: an activation there does not match its parity."""
        rows, together = self.config.rows, self.config.rows_per_cell
        beside = instantiate(
            m, "parity_delay", platform, DelayLine, width=rows, cycles=self.config.columns
        )
        wrong = Signal(rows, name="wrong_parities")
        m.d.comb += [
            beside.i.eq(self.parities),
            wrong.eq(Cat(lane.xor() for lane in self.activations) ^ beside.o),
        ]
        return Cat(wrong[row : row + together].any() for row in range(0, rows, together))

    def _report(self, m: Module, platform, name: str, wrong: Value, *, late: int) -> Value:
        """Collect the `wrong` bits of a row as it moves south; return them if it was not dropped.

        `late`: cycles from its first activation at the west edge to the first bit of `wrong`.
        """
        passed = Signal(len(wrong), name=f"{name}_passed", reset_less=True)
        m.d.sync += passed.eq(wrong | Cat(0, passed))
        # Both in cycles after the first activation of the row is at the west edge.
        collected = late + len(wrong)
        timing = self.timing
        summed = timing.array + timing.sum_wait + timing.shift
        counts = summed - AccumulatorBank.read_latency
        bits = {
            "wrong": (passed[-1], counts - collected),
            "valid": (self.valid, collected - counts),
        }
        met = []
        for kind, (bit, cycles) in bits.items():
            line = instantiate(
                m,
                f"{name}_{kind}_delay",
                platform,
                DelayLine,
                width=1,
                cycles=max(0, cycles),
                reset=True,
            )
            m.d.comb += line.i.eq(bit)
            met.append(line.o)
        return met[0] & met[1]


class FastChecksumColumn(ChecksumColumn):
    """The ChecksumColumn of a fast array, whose `activations` bypass the array.

    The PairsCheck of the array reports which pairs changed in it. This column also compares the
    products of activations that corrected the sums of the array with its own.

    Members
    -------
    wrong_pairs, products_out : in, from the array
    all others : as in ChecksumColumn
    """

    witnesses = ("wrong_pairs", "products_out")

    def _members(self) -> dict[str, wiring.Member]:
        return super()._members() | {
            "wrong_pairs": In(self.config.cell_rows),
            "products_out": In(self.config.arithmetic.sum_shape),
        }

    def _compare(self, m: Module, platform, cells) -> Value:
        columns = self.config.columns
        wrong = super()._compare(m, platform, cells)
        late = columns + PairsCheck.latency
        wrong |= self._report(m, platform, "pairs", self.wrong_pairs, late=late)
        wrong_products = self._compare_products(m, platform, cells.products_out)
        late = columns + self.timing.array - ActivationCorrection.latency
        wrong |= self._report(m, platform, "products", wrong_products, late=late)
        return wrong

    def _compare_products(self, m: Module, platform, products: Value) -> Value:
        """Return whether the products that corrected a row differ from those of this column."""
        passed = Signal.like(self.products_out, name="products_passed_on", reset_less=True)
        m.d.sync += passed.eq(self.products_out)
        compared = {
            "theirs": (self.config.arithmetic, passed),
            "ours": (checksum_arithmetic(self.config), products),
        }
        theirs, ours = (
            align_parts(m, platform, arithmetic.sum_parts, sums, name=f"align_{name}")
            for name, (arithmetic, sums) in compared.items()
        )
        return theirs.as_unsigned() != ours[: len(theirs)]


def checksum_column_of(config: MatrixUnitConfig) -> type[ChecksumColumn]:
    """Return the checksum column for the array of a unit."""
    return FastChecksumColumn if config.multiplication is FastInnerProduct else ChecksumColumn
