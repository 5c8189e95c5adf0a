"""SystolicRow: cells side by side, and the control that moves east with the activations."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import family_of, instantiate
from ..matrix.config import MatrixUnitConfig
from ..primitives import ice40
from ..primitives.ice40 import Ice40MultiplierPair
from .cell import Cell, SoftCell
from .fast_cell import FastCell, SoftFastCell


def column_numbers(columns: int) -> list[str]:
    """Numbers of columns, all of one length."""
    return [f"{column:0{len(str(columns - 1))}}" for column in range(columns)]


def cell_of(config: MatrixUnitConfig) -> type[Cell] | type[FastCell]:
    """What the array is made of."""
    return FastCell if config.inner_product == "fast" else Cell


class SystolicRow(wiring.Component):
    """One row of cells; an activation and its control meet a cell more each cycle.

    What enters at the west in cycle t leaves at the east in cycle t + columns. Column c's weights
    and sums are c cycles behind column 0's, otherwise as the cell, which `cell_of` the
    configuration is. Never stalls; nothing is reset.

    Parameters
    ----------
    config : MatrixUnitConfig
    columns : int
    soft_columns : int
        The last columns, whose cells multiply with adders.

    Members
    -------
    activation_in, activation_out : activation_shape_of the cell
    switch_in, switch_out, load_in, load_out : 1 bit
    weight_in_<column>, weight_out_<column> : weight_shape_of the cell
    sum_in_<column>, sum_out_<column> : signed(config.sum_width)
        A port each, with numbers of one length: a simulator that puts a row's registers side by
        side in this order can compute them as one vector.
    """

    def __init__(self, config: MatrixUnitConfig, columns: int, soft_columns: int = 0):
        self.config = config
        self.columns = columns
        self.hard_columns = columns - soft_columns
        cell = cell_of(config)
        members = {
            "activation_in": In(cell.activation_shape_of(config)),
            "activation_out": Out(cell.activation_shape_of(config)),
            "switch_in": In(1),
            "switch_out": Out(1),
            "load_in": In(1),
            "load_out": Out(1),
        }
        for number in self.numbers:
            members[f"weight_in_{number}"] = In(cell.weight_shape_of(config))
            members[f"weight_out_{number}"] = Out(cell.weight_shape_of(config))
            members[f"sum_in_{number}"] = In(signed(config.sum_width))
            members[f"sum_out_{number}"] = Out(signed(config.sum_width))
        super().__init__(members)

    @property
    def numbers(self) -> list[str]:
        """The columns as they are named."""
        return column_numbers(self.columns)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        cell_type = cell_of(config)
        switches, row_switches = self._travel(m, "switches", self.switch_in, self.switch_out)
        loads, row_loads = self._travel(m, "loads", self.load_in, self.load_out)

        in_pairs = family_of(platform) == ice40.FAMILY and Ice40MultiplierPair.fits(config)
        hard_cell = (cell_type, config, False) if in_pairs else (cell_type, config)
        soft_cell = (SoftFastCell if cell_type is FastCell else SoftCell, config)
        cells = []
        activation = self.activation_in
        for column, number in enumerate(self.numbers):
            kind = hard_cell if column < self.hard_columns else soft_cell
            cell = instantiate(m, f"cell_{number}", platform, *kind)
            cells.append(cell)
            m.d.comb += [
                cell.activation_in.eq(activation),
                cell.switch.eq(switches[column]),
                cell.load.eq(loads[column]),
                cell.row_switches.eq(row_switches),
                cell.row_loads.eq(row_loads),
                cell.weight_in.eq(getattr(self, f"weight_in_{number}")),
                cell.sum_in.eq(getattr(self, f"sum_in_{number}")),
                getattr(self, f"weight_out_{number}").eq(cell.weight_out),
                getattr(self, f"sum_out_{number}").eq(cell.sum_out),
            ]
            activation = Signal(cell_type.activation_shape_of(config), name=f"activation_{number}")
            m.d.comb += activation.eq(cell.activation_out)
        m.d.comb += self.activation_out.eq(activation)
        if in_pairs:
            self._multiply_in_pairs(m, platform, cells[: self.hard_columns])
        return m

    def _multiply_in_pairs(self, m: Module, platform, cells: list) -> None:
        """Two cells share a block; of an odd number of cells the last one has one alone."""
        for first in range(0, len(cells), 2):
            name = f"multipliers_{self.numbers[first]}"
            pair = instantiate(m, name, platform, Ice40MultiplierPair, self.config)
            for index, cell in enumerate(cells[first : first + 2]):
                m.d.comb += [
                    getattr(pair, f"activation_{index}").eq(cell.activation_out),
                    getattr(pair, f"weight_{index}").eq(cell.weight),
                    cell.product.eq(getattr(pair, f"product_{index}")),
                ]

    def _travel(self, m: Module, name: str, west, east) -> tuple[Signal, Signal]:
        """Control bits on their way east: the bit at each cell, and whether there is any."""
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
