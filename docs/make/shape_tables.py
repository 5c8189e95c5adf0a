"""The tables of choose_a_shape.md, from the cycle model."""

import dataclasses

from markdown_table import table
from weft import SMALL
from weft_model import Schedule, lower_bound, predict

# Typical layers: M, K, N.
LAYERS = {
    "ResNet-50, first 7 x 7": (12544, 147, 64),
    "ResNet-50, early 3 x 3": (3136, 576, 64),
    "ResNet-50, late 1 x 1": (49, 2048, 512),
    "BERT-base, feed-forward, 128 tokens": (128, 768, 3072),
    "BERT-base, scores of one head": (128, 64, 128),
    "dense 1024, batch 8": (8, 1024, 1024),
    "dense 1024, one input": (1, 1024, 1024),
}
# Rows and columns: three arrays of 256 cells, and two larger ones.
SHAPES = ((8, 32), (16, 16), (32, 8), (32, 32), (64, 64))
# Rows of accumulators, for a layer with many rows and many tiles along K.
DEPTHS = (4, 8, 16, 64, 512, 4096)
DEEP_LAYER = "ResNet-50, early 3 x 3"


def shapes() -> str:
    """Cycles and utilization of each layer on each shape."""
    rows = []
    for name, (m, k, n) in LAYERS.items():
        cells = []
        for height, width in SHAPES:
            config = dataclasses.replace(SMALL, rows=height, columns=width)
            cycles = predict(config, [Schedule(config, m, k, n)]).cycles
            cells.append(f"{cycles:,} ({m * k * n / (cycles * height * width):.0%})")
        rows.append((name, f"{m}, {k}, {n}", *cells))
    heads = ("Layer", "M, K, N", *(f"{height} x {width}" for height, width in SHAPES))
    return table(heads, rows)


def depths() -> str:
    """The same layer with accumulators of several depths."""
    m, k, n = LAYERS[DEEP_LAYER]
    rows = []
    for depth in DEPTHS:
        config = dataclasses.replace(SMALL, accumulator_depth=depth)
        schedule = Schedule(config, m, k, n)
        cycles = predict(config, [schedule]).cycles
        over = cycles / lower_bound(config, [schedule])
        rows.append((depth, f"{cycles:,}", f"{over:.2f}", f"{len(schedule.stays()):,}"))
    return table(("`accumulator_depth`", "Cycles", "Over bound", "Tiles loaded"), rows)
