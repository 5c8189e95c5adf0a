"""Floorplan: which hard multiplier each cell of the array gets, so that neighbours stand together.

A placer sees a systolic array as so many equal multipliers and mixes them up; their products then
travel far. The array is laid out as it is drawn: rows from north to south, columns from west to
east.
"""

from dataclasses import dataclass

from weft.boards import Board
from weft.hierarchy import Hierarchy
from weft.matrix.config import MatrixUnitConfig
from weft.primitives.ecp5 import Ecp5Multiplier, Ecp5StationaryMultiplier

STATIONARY = Ecp5StationaryMultiplier.__name__
MULTIPLIERS = Ecp5Multiplier.__name__, STATIONARY

# Multipliers that stand together and share their enables.
BLOCK = 4
# Of an array whose cells have switches of their own in the multiplier, a block takes two rows and
# two columns: the switch is a wave, so these are three enables, and a constant is the fourth.
PLAIN_BLOCK = 2


@dataclass(frozen=True)
class MultiplierSites:
    """Where a part has its multipliers: lines of blocks, from north to south and west to east.

    `places` are the x and the number within the block of each of its multipliers.
    """

    lines: tuple[int, ...]
    blocks: tuple[int, ...]
    places: tuple[tuple[int, int], ...]

    def name(self, line: int, place: int) -> str:
        """nextpnr's name of the site: the `place`-th multiplier of a line."""
        x, number = self.places[place % BLOCK]
        return f"X{self.blocks[place // BLOCK] + x}/Y{self.lines[line]}/MULT18_{number}"


# As nextpnr's chip database has them.
SITES = {
    "LFE5U-85F-6BG381": MultiplierSites(
        lines=(10, 34, 58),
        blocks=(4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114),
        places=((0, 0), (1, 1), (4, 4), (5, 5)),
    )
}


def floorplan(board: Board, config: MatrixUnitConfig, hierarchy: Hierarchy) -> dict[str, str]:
    """The site of each multiplier of the array by its name in the netlist below `hierarchy`.

    Empty for a part without known sites, and for an array that does not fit the lines as a whole.
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
    """Each multiplier of the array by row and column; and whether they have switches of their own.

    Those of a chain, which have only a row, are in a column west of the others.
    """
    found = sorted(
        (place, path)
        for path, place, _ in hierarchy.find(*MULTIPLIERS)
        if ".unit.array." in f".{path}"
    )
    west = any(len(place) == 1 for place, _ in found)
    grid = {(place[0], place[1] + west if len(place) > 1 else 0): path for place, path in found}
    kinds = {hierarchy.components[module] for _, _, module in hierarchy.find(*MULTIPLIERS)}
    return grid, STATIONARY in kinds
