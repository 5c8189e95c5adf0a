"""Floorplan: which hard multiplier each cell of the array gets, so that neighbours stand together.

A placer sees a systolic array as so many equal multipliers and mixes them up; their products then
travel far. The array is laid out as it is drawn: rows from north to south, columns from west to
east.
"""

from dataclasses import dataclass

from weft.boards import Board
from weft.matrix.config import MatrixUnitConfig
from weft_sim.scopes import activation_products, cells

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


def floorplan(board: Board, config: MatrixUnitConfig) -> dict[str, str]:
    """The site of each multiplier by its name in the netlist's MatrixUnitStreams.

    Empty for a part without known sites, and for an array that does not fit the lines as a whole.
    """
    sites = SITES.get(board.part)
    if sites is None:
        return {}
    fast = config.inner_product == "fast"
    hard_columns = config.columns - config.soft_columns
    columns = hard_columns + fast
    # The cells of an array, and west of a fast one a column for its activations.
    grid = {
        (row, column + fast): scope
        for (row, column), scope in cells(config).items()
        if column < hard_columns
    }
    if fast:
        grid |= {(row, 0): scope for row, scope in enumerate(activation_products(config))}
    lines = len(sites.lines)
    height = max(min(BLOCK, config.cell_rows), -(-config.cell_rows // lines))
    across = 1 if fast else PLAIN_BLOCK
    down = BLOCK // across
    blocks_down = -(-height // down)
    if blocks_down * -(-columns // across) > len(sites.blocks):
        return {}

    def place(row: int, column: int) -> int:
        block = column // across * blocks_down + row // down
        return block * BLOCK + row % down * across + column % across

    return {
        f"{scope}.multiplier.block": sites.name(row // height, place(row % height, column))
        for (row, column), scope in grid.items()
    }
