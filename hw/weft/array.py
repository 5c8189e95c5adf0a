"""SystolicArray: cells side by side, built by halving."""

from amaranth.hdl import Cat, Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .cell import Cell
from .config import MatrixUnitConfig
from .hierarchy import instantiate, largest_power_of_two_below

# An array of at most this many cells is drawn cell by cell, a larger one is halved.
FLAT_CELLS = 16


class SystolicArray(wiring.Component):
    """A `rows` x `columns` field of cells, as skewed at its west and north edges as at its cells.

    What enters row r at the west in cycle t leaves it at the east in cycle t + columns. The sum
    of row 0's activation of cycle t leaves column 0 at the south in cycle t + `latency_of(config)`,
    provided that row r's activations come r cycles after row 0's; column c's is c cycles later.

    A field of more than FLAT_CELLS cells is made of two smaller ones, again and again, so that
    each distinct shape is elaborated and emitted once: 256 x 256 cells are 13 modules and Cell.

    Parameters
    ----------
    config : MatrixUnitConfig
    rows, columns : int
        Shape of this field, which is part or all of the configuration's array.

    Members
    -------
    activations_in, activations_out : ArrayLayout(activation format, rows)
    switches_in, switches_out, loads_in, loads_out : one bit a row
    weights_in, weights_out : ArrayLayout(weight format, columns)
    sums_in, sums_out : ArrayLayout(signed(config.sum_width), columns)
    """

    def __init__(self, config: MatrixUnitConfig, rows: int, columns: int):
        self.config = config
        self.rows = rows
        self.columns = columns
        activations = data.ArrayLayout(config.activation.shape, rows)
        weights = data.ArrayLayout(config.weight.shape, columns)
        sums = data.ArrayLayout(signed(config.sum_width), columns)
        super().__init__(
            {
                "activations_in": In(activations),
                "activations_out": Out(activations),
                "switches_in": In(rows),
                "switches_out": Out(rows),
                "loads_in": In(rows),
                "loads_out": Out(rows),
                "weights_in": In(weights),
                "weights_out": Out(weights),
                "sums_in": In(sums),
                "sums_out": Out(sums),
            }
        )

    @staticmethod
    def latency_of(config: MatrixUnitConfig) -> int:
        """Cycles from row 0's activation to column 0's sum, all its parts there."""
        operand_register = 1
        parts = len(config.sum_parts)
        return operand_register + config.multiplier_stages + config.rows + parts - 1

    def elaborate(self, platform):
        m = Module()
        if self.rows * self.columns <= FLAT_CELLS:
            self._draw_cells(m, platform)
        else:
            self._halve(m, platform)
        return m

    def _draw_cells(self, m: Module, platform) -> None:
        weights = list(self.weights_in)
        sums = list(self.sums_in)
        outs = {"activation": [], "switch": [], "load": []}
        for row in range(self.rows):
            activation = self.activations_in[row]
            switch = self.switches_in[row]
            load = self.loads_in[row]
            for column in range(self.columns):
                cell = instantiate(m, f"cell_{row}_{column}", platform, Cell, self.config)
                m.d.comb += [
                    cell.activation_in.eq(activation),
                    cell.switch_in.eq(switch),
                    cell.load_in.eq(load),
                    cell.weight_in.eq(weights[column]),
                    cell.sum_in.eq(sums[column]),
                ]
                activation, switch, load = cell.activation_out, cell.switch_out, cell.load_out
                weights[column], sums[column] = cell.weight_out, cell.sum_out
            outs["activation"].append(activation)
            outs["switch"].append(switch)
            outs["load"].append(load)
        m.d.comb += [
            self.activations_out.eq(Cat(*outs["activation"])),
            self.switches_out.eq(Cat(*outs["switch"])),
            self.loads_out.eq(Cat(*outs["load"])),
            self.weights_out.eq(Cat(*weights)),
            self.sums_out.eq(Cat(*sums)),
        ]

    def _halve(self, m: Module, platform) -> None:
        """Cut the longer side; some edges pass through both halves, the others are split."""
        west_to_east, north_to_south = ("activations", "switches", "loads"), ("weights", "sums")
        if self.rows >= self.columns:
            cut = largest_power_of_two_below(self.rows)
            shapes = {"north": (cut, self.columns), "south": (self.rows - cut, self.columns)}
            passed, split = north_to_south, west_to_east
        else:
            cut = largest_power_of_two_below(self.columns)
            shapes = {"west": (self.rows, cut), "east": (self.rows, self.columns - cut)}
            passed, split = west_to_east, north_to_south
        near, far = (
            instantiate(m, name, platform, SystolicArray, self.config, *shape)
            for name, shape in shapes.items()
        )
        for edge in passed:
            m.d.comb += [
                getattr(near, f"{edge}_in").eq(getattr(self, f"{edge}_in")),
                getattr(far, f"{edge}_in").eq(getattr(near, f"{edge}_out")),
                getattr(self, f"{edge}_out").eq(getattr(far, f"{edge}_out")),
            ]
        for edge in split:
            whole = getattr(self, f"{edge}_in")
            m.d.comb += [
                getattr(near, f"{edge}_in").eq(whole[:cut]),
                getattr(far, f"{edge}_in").eq(whole[cut:]),
                getattr(self, f"{edge}_out").eq(
                    Cat(getattr(near, f"{edge}_out"), getattr(far, f"{edge}_out"))
                ),
            ]
