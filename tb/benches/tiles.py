"""Rows that enter an array one a cycle, and the tiles that they meet."""

import random

from benches.runner import operand
from weft.matrix.config import MatrixUnitConfig

ROWS = 400
# Cycles before the first row; its tile of weights comes in then.
LEAD = 40


def draw_tiles(source: random.Random, config: MatrixUnitConfig) -> list[tuple[int, list]]:
    """Tiles of weights, and the number of the row that is the first to meet each."""
    tiles, at = [], 0
    while at < ROWS:
        lanes = [
            [operand(source, config.weight) for _ in range(config.columns)]
            for _ in range(config.rows)
        ]
        tiles.append((at, lanes))
        at += config.rows + source.choice([0, 0, 1, 7, 30])
    return tiles
