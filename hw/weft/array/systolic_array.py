"""SystolicArray: rows of cells, built by halving."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate, largest_power_of_two_below
from ..matrix.config import MatrixUnitConfig
from .row import SystolicRow, cell_of, column_numbers

# A field of at most so many rows and columns is a block, drawn row by row; a larger one is halved.
# Of the sizes tried this one is simulated fastest.
BLOCK_ROWS = 8
BLOCK_COLUMNS = 16


def block_of(config: MatrixUnitConfig) -> tuple[int, int]:
    """Rows and columns of the blocks of an array, whose last ones may be smaller."""
    return _block_side(config.cell_rows, BLOCK_ROWS), _block_side(config.columns, BLOCK_COLUMNS)


def _block_side(side: int, most: int) -> int:
    """The largest block that leaves no rest, of which there would be a module more."""
    without_rest = (block for block in range(most, most // 2, -1) if side % block == 0)
    return next(without_rest, most)


def halves_of(
    config: MatrixUnitConfig, rows: range, columns: range
) -> dict[str, tuple[range, range]]:
    """The two halves of a field of an array, by name, with their rows and columns; {} of a block.

    The side that is more blocks long is cut, the near half being a power of two of blocks.
    """
    height, width = block_of(config)
    high, wide = -(-len(rows) // height), -(-len(columns) // width)
    if high == wide == 1:
        return {}
    if high >= wide:
        cut = height * largest_power_of_two_below(high)
        return {"north": (rows[:cut], columns), "south": (rows[cut:], columns)}
    cut = width * largest_power_of_two_below(wide)
    return {"west": (rows, columns[:cut]), "east": (rows, columns[cut:])}


def shape_of(config: MatrixUnitConfig) -> tuple[int, ...]:
    """What a SystolicArray of all cells of a configuration is made with."""
    return config.cell_rows, *_width(config.columns, config.soft_columns)


def _width(columns: int, soft_columns: int) -> tuple[int, ...]:
    """Columns and soft columns; no word of those where there are none, nor in a module's name."""
    return (columns, soft_columns) if soft_columns else (columns,)


class SystolicArray(wiring.Component):
    """A `rows` x `columns` field of cells, as skewed at its west and north edges as at its cells.

    What enters row r at the west in cycle t leaves it at the east in cycle t + columns. The sum
    of row 0's activation of cycle t leaves column 0 at the south in cycle t + `latency_of(config)`,
    provided that row r's activations come r cycles after row 0's; column c's is c cycles later.
    When a switch comes, before its activations or with them, is what the cell says.

    A field larger than a block is made of two smaller ones, again and again, so that each distinct
    shape is elaborated and emitted once: 256 x 256 cells are ten modules, a SystolicRow and a Cell.

    Parameters
    ----------
    config : MatrixUnitConfig
        Which also says what a cell is, and how many rows of a tile one row of cells holds.
    rows, columns : int
        Shape of this field in cells, which is part or all of the configuration's array.
    soft_columns : int
        The last columns of this field, whose cells multiply with adders.

    Members
    -------
    activations_in, activations_out : ArrayLayout(activation_shape_of the cell, rows)
    switches_in, switches_out, loads_in, loads_out : one bit a row
    weights_in, weights_out : ArrayLayout(weight_shape_of the cell, columns)
    sums_in, sums_out : ArrayLayout(signed(config.sum_width), columns)
    """

    def __init__(self, config: MatrixUnitConfig, rows: int, columns: int, soft_columns: int = 0):
        self.config = config
        self.rows = rows
        self.columns = columns
        self.soft_columns = soft_columns
        cell = cell_of(config)
        activations = data.ArrayLayout(cell.activation_shape_of(config), rows)
        weights = data.ArrayLayout(cell.weight_shape_of(config), columns)
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
        return operand_register + config.multiplier_stages + config.cell_rows + parts - 1

    def elaborate(self, platform):
        m = Module()
        if halves := halves_of(self.config, range(self.rows), range(self.columns)):
            self._join(m, platform, halves)
        else:
            self._stack_rows(m, platform)
        return m

    def _stack_rows(self, m: Module, platform) -> None:
        weights, sums = list(self.weights_in), list(self.sums_in)
        weight_shape = cell_of(self.config).weight_shape_of(self.config)
        for index in range(self.rows):
            width = _width(self.columns, self.soft_columns)
            row = instantiate(m, f"row_{index}", platform, SystolicRow, self.config, *width)
            m.d.comb += [
                row.activation_in.eq(self.activations_in[index]),
                row.switch_in.eq(self.switches_in[index]),
                row.load_in.eq(self.loads_in[index]),
                self.activations_out[index].eq(row.activation_out),
                self.switches_out[index].eq(row.switch_out),
                self.loads_out[index].eq(row.load_out),
            ]
            for column, number in enumerate(column_numbers(self.columns)):
                m.d.comb += [
                    getattr(row, f"weight_in_{number}").eq(weights[column]),
                    getattr(row, f"sum_in_{number}").eq(sums[column]),
                ]
                # What leaves this row for the next, by row and column.
                below = f"{index}_{number}"
                weights[column] = Signal(weight_shape, name=f"weight_{below}")
                sums[column] = Signal(signed(self.config.sum_width), name=f"sum_{below}")
                m.d.comb += [
                    weights[column].eq(getattr(row, f"weight_out_{number}")),
                    sums[column].eq(getattr(row, f"sum_out_{number}")),
                ]
        m.d.comb += [self.weights_out.eq(Cat(*weights)), self.sums_out.eq(Cat(*sums))]

    def _join(self, m: Module, platform, halves: dict[str, tuple[range, range]]) -> None:
        """Two halves; some edges pass through both of them, the others are split."""
        west_to_east, north_to_south = ("activations", "switches", "loads"), ("weights", "sums")
        hard_columns = self.columns - self.soft_columns

        def half(name: str, rows: range, columns: range) -> wiring.PureInterface:
            soft_columns = sum(column >= hard_columns for column in columns)
            shape = len(rows), *_width(len(columns), soft_columns)
            return instantiate(m, name, platform, SystolicArray, self.config, *shape)

        near, far = (half(name, *fields) for name, fields in halves.items())
        if "north" in halves:
            passed, split, cut = north_to_south, west_to_east, len(halves["north"][0])
        else:
            passed, split, cut = west_to_east, north_to_south, len(halves["west"][1])
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
