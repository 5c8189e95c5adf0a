"""Rows that enter an array one a cycle, and the tiles that they meet."""

import random

from benches.bits import operand
from weft.formats import IntegerFormat

ROWS = 400
# Cycles before the first row; its tile of weights comes in then.
LEAD = 40


def draw_tiles(
    source: random.Random, weight: IntegerFormat, *, rows: int, columns: int
) -> list[tuple[int, list]]:
    """Tiles of weights, and the number of the row that is the first to meet each."""
    tiles, at = [], 0
    while at < ROWS:
        lanes = [[operand(source, weight) for _ in range(columns)] for _ in range(rows)]
        tiles.append((at, lanes))
        at += rows + source.choice([0, 0, 1, 7, 30])
    return tiles
