"""SystolicArray: a field of cells, built by halving."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate, largest_power_of_two_below
from .arithmetic import Arithmetic
from .cell_kind import CellKind
from .row import SystolicRow, column_numbers

# Most rows and columns of a block, which is built row by row; larger fields are halved. Of the
# sizes tried, this one simulates fastest.
BLOCK_ROWS = 8
BLOCK_COLUMNS = 16

Field = tuple[range, range]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows and columns of the blocks of an array; the last blocks may be smaller."""

    rows: int
    columns: int

    @classmethod
    def of_array(cls, *, rows: int, columns: int) -> "Block":
        """Return the blocks for an array of `rows` x `columns` cells."""
        return cls(
            rows=_even_divisor(rows, BLOCK_ROWS), columns=_even_divisor(columns, BLOCK_COLUMNS)
        )

    def halves_of(self, *, rows: int, columns: int) -> dict[str, Field]:
        """Return the two halves of a field by name, with their rows and columns; {} for a block.

        The cut is across the side that has more blocks; the near half is a power of two of blocks
        long.
        """
        high, wide = -(-rows // self.rows), -(-columns // self.columns)
        down, across = range(rows), range(columns)
        if high == wide == 1:
            return {}
        if high >= wide:
            cut = self.rows * largest_power_of_two_below(high)
            return {"north": (down[:cut], across), "south": (down[cut:], across)}
        cut = self.columns * largest_power_of_two_below(wide)
        return {"west": (down, across[:cut]), "east": (down, across[cut:])}


def _even_divisor(side: int, most: int) -> int:
    """Return the largest block above `most` / 2 that divides `side`, or `most` if none does.

    Without a smaller last block there is one module less.
    """
    without_rest = (block for block in range(most, most // 2, -1) if side % block == 0)
    return next(without_rest, most)


class SystolicArray(wiring.Component):
    """A field of `rows` x `columns` cells, with skewed inputs at its west and north edges.

    Inputs of row r at the west in cycle t leave at the east in cycle t + columns. The activations
    of row r must come r cycles after those of row 0, and the weights and sums of column c c cycles
    after those of column 0. The sum for the activation of row 0 in cycle t leaves column 0 at the
    south in cycle t + `cell.latency_of(arithmetic, rows=rows)`, and column c c cycles later. The
    cell determines whether a switch comes with its activations or before them.

    A field larger than a block is built of two smaller fields, recursively, so that each distinct
    shape is elaborated and emitted once. 256 x 256 cells take twelve modules: ten SystolicArrays of
    different shapes, one SystolicRow and one Cell.

    Parameters
    ----------
    cell : CellKind
    arithmetic : Arithmetic
    rows, columns : int
        Size of this field in cells.
    soft_columns : int
        How many of the last columns of this field multiply with adders.
    block : Block
        The blocks of the whole array.

    Members
    -------
    activations_in, activations_out : ArrayLayout(the cell's activation, rows)
    switches_in, switches_out, loads_in, loads_out : one bit per row
    weights_in, weights_out : ArrayLayout(the cell's weight, columns)
    sums_in, sums_out : ArrayLayout(the cell's sum, columns)
    """

    def __init__(
        self,
        *,
        cell: CellKind,
        arithmetic: Arithmetic,
        rows: int,
        columns: int,
        soft_columns: int = 0,
        block: Block,
    ):
        self.cell = cell
        self.arithmetic = arithmetic
        self.rows = rows
        self.columns = columns
        self.soft_columns = soft_columns
        self.block = block
        activations = data.ArrayLayout(cell.shape_of("activation_in", arithmetic), rows)
        weights = data.ArrayLayout(cell.shape_of("weight_in", arithmetic), columns)
        sums = data.ArrayLayout(cell.shape_of("sum_in", arithmetic), columns)
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

    def elaborate(self, platform):
        m = Module()
        if halves := self.block.halves_of(rows=self.rows, columns=self.columns):
            self._join(m, platform, halves)
        else:
            self._stack_rows(m, platform)
        return m

    def _stack_rows(self, m: Module, platform) -> None:
        weights, sums = list(self.weights_in), list(self.sums_in)
        edges = [
            (kind, edge, self.cell.shape_of(f"{kind}_in", self.arithmetic))
            for kind, edge in (("weight", weights), ("sum", sums))
        ]
        for index in range(self.rows):
            row = instantiate(
                m,
                f"row_{index}",
                platform,
                SystolicRow,
                place=(index, 0),
                cell=self.cell,
                arithmetic=self.arithmetic,
                columns=self.columns,
                soft_columns=self.soft_columns,
            )
            m.d.comb += [
                row.activation_in.eq(self.activations_in[index]),
                row.switch_in.eq(self.switches_in[index]),
                row.load_in.eq(self.loads_in[index]),
                self.activations_out[index].eq(row.activation_out),
                self.switches_out[index].eq(row.switch_out),
                self.loads_out[index].eq(row.load_out),
            ]
            for column, number in enumerate(column_numbers(self.columns)):
                # Signals between this row and the next, named by row and column.
                below = f"{index}_{number}"
                for kind, edge, shape in edges:
                    m.d.comb += getattr(row, f"{kind}_in_{number}").eq(edge[column])
                    edge[column] = Signal(shape, name=f"{kind}_{below}")
                    m.d.comb += edge[column].eq(getattr(row, f"{kind}_out_{number}"))
        m.d.comb += [self.weights_out.eq(Cat(*weights)), self.sums_out.eq(Cat(*sums))]

    def _join(self, m: Module, platform, halves: dict[str, Field]) -> None:
        """Connect two halves; some edges pass through both halves, the others are split."""
        west_to_east, north_to_south = ("activations", "switches", "loads"), ("weights", "sums")
        near, far = (self._half(m, platform, name, *field) for name, field in halves.items())
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

    def _half(self, m: Module, platform, name: str, rows: range, columns: range):
        hard_columns = self.columns - self.soft_columns
        return instantiate(
            m,
            name,
            platform,
            SystolicArray,
            place=(rows.start, columns.start),
            cell=self.cell,
            arithmetic=self.arithmetic,
            rows=len(rows),
            columns=len(columns),
            soft_columns=sum(column >= hard_columns for column in columns),
            block=self.block,
        )
