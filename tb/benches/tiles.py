"""Tiles of weights for rows that enter an array at one row per cycle."""

import random

from benches.bits import operand
from weft.formats import IntegerFormat

ROWS = 400
# Cycles before the first row, in which its tile of weights is loaded.
LEAD = 40


def draw_tiles(
    source: random.Random, weight: IntegerFormat, *, rows: int, columns: int
) -> list[tuple[int, list]]:
    """Return random tiles of weights, each with the number of the first row that uses it."""
    tiles, at = [], 0
    while at < ROWS:
        lanes = [[operand(source, weight) for _ in range(columns)] for _ in range(rows)]
        tiles.append((at, lanes))
        at += rows + source.choice([0, 0, 1, 7, 30])
    return tiles
