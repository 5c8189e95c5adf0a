"""PackedArray: a SystolicArray of PackedCells, and the edges that pack their operands."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..hierarchy import instantiate
from .arithmetic import Arithmetic
from .packed_cell import PACKED, high_shape, packed_layout
from .systolic_array import Block, SystolicArray


class PackedArray(wiring.Component):
    """An array with two products per multiplier; from outside it behaves as a SystolicArray.

    Inputs are skewed: pair j of activations (rows 2j and 2j + 1) and its switch arrive j cycles
    after pair 0, and the weights of column c arrive c cycles after those of column 0. The sum of
    column 0 leaves `latency_of(arithmetic, rows=R)` cycles after pair 0 arrived, and the sum of
    column c leaves c cycles after that. Never stalls; no register is reset.

    Activations and weights are packed in front of one register at the west and at the north edge,
    and switches and loads pass one register too.

    The shadows of both rows of a pair shift together, from the first load of a tile that reaches
    the upper row. Loads never overtake a switch. Let the previous switch be admitted in cycle s.
    Then transfer k of the tile, which loads rows 0 to k, is in cycle t(k) >= s + k. So pair j first
    shifts in cycle t(2j) + d + 1 >= s + 2j + d + 1, and the switch reaches it in cycle s + j + d +
    1, which is not later. Here d is the latency of the WeightLoader, which equals
    Admission.issue_latency. In the cycle of a switch, a cell uses its shadows before they shift.

    Parameters
    ----------
    arithmetic : Arithmetic
        `can_pack(arithmetic)` is true.
    rows : int
        R, rows of a tile; even.
    columns, soft_columns : int
        As in SystolicArray.

    Members
    -------
    activations_in : Lanes(activation format, R)
    switches_in : one bit per pair
    loads_in : one bit per row of a tile, as from the WeightLoader
    weights_in : Lanes(weight format, C)
    sums_out : Lanes(arithmetic.sum_shape, C)
    """

    edge_latency = 1

    def __init__(self, *, arithmetic: Arithmetic, rows: int, columns: int, soft_columns: int = 0):
        self.arithmetic = arithmetic
        self.rows = rows
        self.pairs = rows // PACKED.tile_rows
        self.columns = columns
        self.soft_columns = soft_columns
        super().__init__(
            {
                "activations_in": In(Lanes(arithmetic.activation.shape, rows)),
                "switches_in": In(self.pairs),
                "loads_in": In(rows),
                "weights_in": In(Lanes(arithmetic.weight.shape, columns)),
                "sums_out": Out(Lanes(arithmetic.sum_shape, columns)),
            }
        )

    @classmethod
    def latency_of(cls, arithmetic: Arithmetic, *, rows: int) -> int:
        """Return the cycles from pair 0 of the activations to the last part of column 0's sum."""
        return cls.edge_latency + PACKED.latency_of(arithmetic, rows=rows // PACKED.tile_rows)

    def elaborate(self, platform):
        m = Module()
        cells = instantiate(
            m,
            "cells",
            platform,
            SystolicArray,
            cell=PACKED,
            arithmetic=self.arithmetic,
            rows=self.pairs,
            columns=self.columns,
            soft_columns=self.soft_columns,
            block=Block.of_array(rows=self.pairs, columns=self.columns),
        )
        switches = Signal(self.pairs, reset_less=True)
        loads = Signal(self.pairs, reset_less=True)
        m.d.sync += [switches.eq(self.switches_in), loads.eq(self.loads_in[0::2])]
        m.d.comb += [
            cells.activations_in.eq(self._packed_activations(m)),
            cells.switches_in.eq(switches),
            cells.loads_in.eq(loads),
            cells.weights_in.eq(self._packed_weights(m)),
            self.sums_out.eq(cells.sums_out),
        ]
        return m

    def _packed_activations(self, m: Module) -> Value:
        """Return the packed pairs, after their register."""
        layout = packed_layout(self.arithmetic.activation)
        activations = Signal(Lanes(layout, self.pairs), reset_less=True)
        for pair in range(self.pairs):
            low, high = self.activations_in[2 * pair], self.activations_in[2 * pair + 1]
            m.d.sync += [
                activations[pair].low.eq(low),
                activations[pair].high.eq(high - _is_negative(low)),
            ]
        return activations.as_value()

    def _packed_weights(self, m: Module) -> Value:
        """Return the weights in the form of the shadow chains, after their register.

        The weight of the lower row of a pair comes first, and stays in the register until that of
        the upper row is here.
        """
        load = Signal()
        is_upper = Signal()
        lower_came = Signal(reset_less=True)
        # Every transfer of a tile loads the first row; all but the first also load the second row.
        m.d.comb += [load.eq(self.loads_in[0]), is_upper.eq(self.loads_in[1] & lower_came)]
        with m.If(load):
            m.d.sync += lower_came.eq(~is_upper)

        loads = self._at_each_column(m, "load", load)
        uppers = self._at_each_column(m, "is_upper", is_upper)
        weights = Signal(Lanes(high_shape(self.arithmetic.weight), self.columns), reset_less=True)
        for column in range(self.columns):
            lower_is_negative = _is_negative(weights[column])
            with m.If(loads[column]):
                m.d.sync += weights[column].eq(
                    self.weights_in[column] - (uppers[column] & lower_is_negative)
                )
        return weights.as_value()

    def _at_each_column(self, m: Module, name: str, first: Signal) -> Value:
        """Pass a bit east by one column per cycle; return it at each column."""
        passed = Signal(self.columns - 1, name=f"{name}_passed", reset_less=True)
        here = Signal(self.columns, name=f"{name}_here")
        m.d.sync += passed.eq(here)
        m.d.comb += here.eq(Cat(first, passed))
        return here


def _is_negative(number: Value) -> Value:
    """Return the sign of a number as a bit."""
    return number[-1] if number.shape().signed else Const(0, 1)
