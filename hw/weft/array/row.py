"""SystolicRow: cells side by side, and the control that moves east with the activations."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..hierarchy import instantiate, numbers_below
from ..primitives.multiplier import shared_multiplier
from .arithmetic import Arithmetic
from .cell_kind import CellKind


class SystolicRow(wiring.Component):
    """One row of cells; an activation and its control move east by one cell per cycle.

    Inputs at the west in cycle t leave at the east in cycle t + columns. The weights and sums of
    column c are c cycles behind those of column 0; otherwise the timing is that of the cell. Never
    stalls; no register is reset.

    Parameters
    ----------
    cell : CellKind
    arithmetic : Arithmetic
    columns : int
    soft_columns : int
        How many of the last columns multiply with adders.

    Members
    -------
    activation_in, activation_out : as in the cell
    switch_in, switch_out, load_in, load_out : 1 bit
    weights_in, weights_out : Lanes(the cell's weight, columns)
    sum_in_<column>, sum_out_<column> : as in the cell
        One port per column, with column numbers of equal length, so that a simulator that lays out
        the registers of a row in this order can compute them as one vector.
    """

    def __init__(
        self, *, cell: CellKind, arithmetic: Arithmetic, columns: int, soft_columns: int = 0
    ):
        self.cell = cell
        self.arithmetic = arithmetic
        self.columns = columns
        self.hard_columns = columns - soft_columns
        activation = cell.shape_of("activation_in", arithmetic)
        weight, total = (cell.shape_of(port, arithmetic) for port in ("weight_in", "sum_in"))
        members = {
            "activation_in": In(activation),
            "activation_out": Out(activation),
            "switch_in": In(1),
            "switch_out": Out(1),
            "load_in": In(1),
            "load_out": Out(1),
            "weights_in": In(Lanes(weight, columns)),
            "weights_out": Out(Lanes(weight, columns)),
        }
        for number in numbers_below(columns):
            members[f"sum_in_{number}"] = In(total)
            members[f"sum_out_{number}"] = Out(total)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        switches, row_switches = self._travel(m, "switches", self.switch_in, self.switch_out)
        loads, row_loads = self._travel(m, "loads", self.load_in, self.load_out)
        shared = self._shared_multiplier(platform)
        cells = self._cells(m, platform, sharing=shared is not None)
        for column, cell in enumerate(cells):
            m.d.comb += [
                cell.switch.eq(switches[column]),
                cell.load.eq(loads[column]),
                cell.row_switches.eq(row_switches),
                cell.row_loads.eq(row_loads),
            ]
        if shared is not None:
            self._share(m, platform, shared, cells[: self.hard_columns])
        return m

    def _travel(self, m: Module, name: str, west, east) -> tuple[Signal, Signal]:
        """Pass control bits east; return the bit at each cell, and whether any is set."""
        passed = Signal(self.columns, name=f"{name}_passed", reset_less=True)
        now = Signal(self.columns, name=name)
        anywhere = Signal(name=f"row_{name}")
        m.d.sync += passed.eq(now)
        m.d.comb += [
            now.eq(Cat(west, passed)),
            anywhere.eq(now.any()),
            east.eq(passed[-1]),
        ]
        return now, anywhere

    def _shared_multiplier(self, platform) -> type[wiring.Component] | None:
        """Return the component that multiplies for several cells at once, or None."""
        if self.cell.sharing is None:
            return None
        return shared_multiplier(
            platform,
            first=self.arithmetic.activation.shape,
            second=self.arithmetic.weight.shape,
            stages=self.arithmetic.multiplier_stages,
        )

    def _cells(self, m: Module, platform, *, sharing: bool) -> list:
        """Add the cells and connect the ports through which data move; return the cells."""
        hard = self.cell.sharing if sharing else self.cell.hard
        shape = self.cell.shape_of("activation_in", self.arithmetic)
        cells = []
        activation = self.activation_in
        for column, number in enumerate(numbers_below(self.columns)):
            kind = hard if column < self.hard_columns else self.cell.soft
            cell = instantiate(
                m,
                f"cell_{number}",
                platform,
                kind,
                place=(0, column),
                arithmetic=self.arithmetic,
            )
            cells.append(cell)
            m.d.comb += [
                cell.activation_in.eq(activation),
                cell.weight_in.eq(self.weights_in[column]),
                cell.sum_in.eq(getattr(self, f"sum_in_{number}")),
                self.weights_out[column].eq(cell.weight_out),
                getattr(self, f"sum_out_{number}").eq(cell.sum_out),
            ]
            activation = Signal(shape, name=f"activation_{number}")
            m.d.comb += activation.eq(cell.activation_out)
        m.d.comb += self.activation_out.eq(activation)
        return cells

    def _share(self, m: Module, platform, shared: type[wiring.Component], cells: list) -> None:
        """Add the shared multipliers; the last one may serve fewer cells."""
        arithmetic = self.arithmetic
        for first in range(0, len(cells), shared.lanes):
            multiplier = instantiate(
                m,
                f"multipliers_{numbers_below(self.columns)[first]}",
                platform,
                shared,
                first=arithmetic.activation.shape,
                second=arithmetic.weight.shape,
                product_width=arithmetic.product_shape.width,
                stages=arithmetic.multiplier_stages,
            )
            for lane, cell in enumerate(cells[first : first + shared.lanes]):
                m.d.comb += [
                    getattr(multiplier, f"first_{lane}").eq(cell.activation_out),
                    getattr(multiplier, f"second_{lane}").eq(cell.weight),
                    cell.product.eq(getattr(multiplier, f"product_{lane}")),
                ]
