"""Floorplan: assign a hard multiplier to each cell of the array, so that neighbours are close.

To a placer, all multipliers of a systolic array look alike. It scatters them, and their products
travel far. The floorplan follows the array: rows from north to south, columns from west to east.
"""

from dataclasses import dataclass

from weft.boards import Board
from weft.hierarchy import Hierarchy
from weft.matrix.config import MatrixUnitConfig
from weft.primitives.ecp5 import Ecp5Multiplier, Ecp5StationaryMultiplier

# The array in a matrix unit on a board, and in that of a core.
ARRAYS = ".unit.array.", ".matrix_unit.array."
STATIONARY = Ecp5StationaryMultiplier.__name__
MULTIPLIERS = Ecp5Multiplier.__name__, STATIONARY

# Multipliers in a block, which share enables.
BLOCK = 4
# In an array of stationary multipliers, whose switches are inside, a block takes two rows and two
# columns. The switch is a diagonal wave, so that is three enables; a constant is the fourth.
PLAIN_BLOCK = 2


@dataclass(frozen=True)
class MultiplierSites:
    """Sites of the multipliers of a part: lines of blocks, from north to south and west to east.

    `lines`: y of each line. `blocks`: x of each block. `places`: the x offset and the number of
    each multiplier in a block.
    """

    lines: tuple[int, ...]
    blocks: tuple[int, ...]
    places: tuple[tuple[int, int], ...]

    def name(self, line: int, place: int) -> str:
        """Return nextpnr's name of the site of the `place`-th multiplier of a line."""
        x, number = self.places[place % BLOCK]
        return f"X{self.blocks[place // BLOCK] + x}/Y{self.lines[line]}/MULT18_{number}"


# From nextpnr's chip database.
SITES = {
    "LFE5U-85F-6BG381": MultiplierSites(
        lines=(10, 34, 58),
        blocks=(4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114),
        places=((0, 0), (1, 1), (4, 4), (5, 5)),
    )
}


def floorplan(board: Board, config: MatrixUnitConfig, hierarchy: Hierarchy) -> dict[str, str]:
    """Return the site of each multiplier of the array, by its name in the netlist of `hierarchy`.

    Empty if the sites of the part are unknown, or if the array does not fit on the lines.
    """
    sites = SITES.get(board.part)
    if sites is None:
        return {}
    grid, stationary = _grid(hierarchy)
    if not grid:
        return {}
    columns = 1 + max(column for _, column in grid)
    height = max(min(BLOCK, config.cell_rows), -(-config.cell_rows // len(sites.lines)))
    across = PLAIN_BLOCK if stationary else 1
    down = BLOCK // across
    blocks_down = -(-height // down)
    if blocks_down * -(-columns // across) > len(sites.blocks):
        return {}

    def place(row: int, column: int) -> int:
        block = column // across * blocks_down + row // down
        return block * BLOCK + row % down * across + column % across

    return {
        f"{path}.block": sites.name(row // height, place(row % height, column))
        for (row, column), path in grid.items()
    }


def _grid(hierarchy: Hierarchy) -> tuple[dict[tuple[int, int], str], bool]:
    """Return the path of each multiplier by row and column, and whether they are stationary.

    Multipliers of a chain have only a row; they form a column west of the others.
    """
    found = sorted(
        (place, path, hierarchy.components[module])
        for path, place, module in hierarchy.find(*MULTIPLIERS)
        if any(array in f".{path}" for array in ARRAYS)
    )
    west = any(len(place) == 1 for place, _, _ in found)
    grid = {(place[0], place[1] + west if len(place) > 1 else 0): path for place, path, _ in found}
    return grid, any(kind == STATIONARY for _, _, kind in found)
