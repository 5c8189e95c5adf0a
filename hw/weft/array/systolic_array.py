"""SystolicArray: a field of cells, built of smaller fields."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..blocks.pieces import connect_pieces
from ..hierarchy import cut, instantiate, numbers_below
from .arithmetic import Arithmetic
from .cell_kind import CellKind
from .row import SystolicRow

# Most rows and columns of a block, which is built row by row; larger fields are built of
# smaller ones. Of the sizes tried, this one simulates fastest.
BLOCK_ROWS = 8
BLOCK_COLUMNS = 32

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

    def fields_of(self, *, rows: int, columns: int) -> list[Field]:
        """Return the smaller fields that a field is built of, by their rows and columns.

        Columns are cut first, because the edges in the north and south, with the sums, are the
        widest. A block is built of no smaller fields.
        """
        high, wide = -(-rows // self.rows), -(-columns // self.columns)
        if wide > 1:
            return [(range(rows), across) for across in _cut(columns, wide, self.columns)]
        if high > 1:
            return [(down, range(columns)) for down in _cut(rows, high, self.rows)]
        return []


def _even_divisor(side: int, most: int) -> int:
    """Return the largest block above `most` / 2 that divides `side`, or `most` if none does.

    Without a smaller last block there is one module less.
    """
    without_rest = (block for block in range(most, most // 2, -1) if side % block == 0)
    return next(without_rest, most)


def _cut(side: int, blocks: int, length: int) -> list[range]:
    """Cut a side of some blocks between blocks of the given length."""
    return [range(side)[part.start * length : part.stop * length] for part in cut(blocks)]


class SystolicArray(wiring.Component):
    """A field of `rows` x `columns` cells, with skewed inputs at its west and north edges.

    Inputs of row r at the west in cycle t leave at the east in cycle t + columns. If a row is L
    cycles high (`arithmetic.row_latency`), the activations of row r must come r L cycles after
    those of row 0, and its loads r (L - 1) cycles. The weights and sums of column c must come c
    cycles after those of column 0. The sum for the activation of row 0 in cycle t leaves column 0
    at the south in cycle t + `cell.latency_of(arithmetic, rows=rows)`, and column c c cycles later.
    The cell determines whether a switch comes with its activations or before them.

    A field larger than a block is built of two to four smaller fields, recursively, so that each
    distinct shape is elaborated and emitted once. 256 x 256 cells take eight modules: six
    SystolicArrays of different shapes, one SystolicRow and one Cell.

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
    activations_in, activations_out : Lanes(the cell's activation, rows)
    switches_in, switches_out, loads_in, loads_out : one bit per row
    weights_in, weights_out : Lanes(the cell's weight, columns)
    sums_in, sums_out : Lanes(the cell's sum, columns)
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
        activations = Lanes(cell.shape_of("activation_in", arithmetic), rows)
        weights = Lanes(cell.shape_of("weight_in", arithmetic), columns)
        sums = Lanes(cell.shape_of("sum_in", arithmetic), columns)
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
        if fields := self.block.fields_of(rows=self.rows, columns=self.columns):
            self._join(m, platform, fields)
        else:
            self._stack_rows(m, platform)
        return m

    def _stack_rows(self, m: Module, platform) -> None:
        weights, sums = self.weights_in, list(self.sums_in)
        shape = self.cell.shape_of("sum_in", self.arithmetic)
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
                row.weights_in.eq(weights),
                self.activations_out[index].eq(row.activation_out),
                self.switches_out[index].eq(row.switch_out),
                self.loads_out[index].eq(row.load_out),
            ]
            for column, number in enumerate(numbers_below(self.columns)):
                # Between this row and the next, named by row and column.
                m.d.comb += getattr(row, f"sum_in_{number}").eq(sums[column])
                sums[column] = Signal(shape, name=f"sum_{index}_{number}")
                m.d.comb += sums[column].eq(getattr(row, f"sum_out_{number}"))
            weights = row.weights_out
        m.d.comb += [self.weights_out.eq(weights), self.sums_out.eq(Cat(*sums))]

    def _join(self, m: Module, platform, fields: list[Field]) -> None:
        """Connect smaller fields; some edges pass through all of them, the others are split."""
        west_to_east, north_to_south = ("activations", "switches", "loads"), ("weights", "sums")
        rows_are_cut = len(fields[0][1]) == self.columns
        if rows_are_cut:
            kind, numbers = "rows", numbers_below(self.rows)
            passed, split = north_to_south, west_to_east
        else:
            kind, numbers = "columns", numbers_below(self.columns)
            passed, split = west_to_east, north_to_south
        pieces = []
        for down, across in fields:
            own = down if rows_are_cut else across
            field = self._field(m, platform, f"{kind}_{numbers[own.start]}", down, across)
            pieces.append((field, slice(own.start, own.stop)))
        lanes = [f"{edge}_{end}" for edge in split for end in ("in", "out")]
        connect_pieces(m, self, pieces, passed=passed, lanes=lanes)

    def _field(self, m: Module, platform, name: str, rows: range, columns: range):
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
