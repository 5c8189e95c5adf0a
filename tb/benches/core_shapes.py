"""Random WEIGHTS and MATMUL instructions whose tiles, sums and accumulators fit together."""

import random

from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction


def draw_products(
    source: random.Random, config: CoreConfig, *, tiles: int, banks: tuple[range, range]
) -> list[Instruction]:
    """Return a program of products that takes at least `tiles` tiles.

    The tiles of a WEIGHTS are those of any MATMULs. A sum may be split between MATMULs.

    Parameters
    ----------
    source : random.Random
    config : CoreConfig
    tiles : int
    banks : tuple of range
        Buffer rows of the weights, and of the activations.
    """
    weights, activations = banks
    matmuls: list[Instruction] = []
    taken = 0
    while taken < tiles:
        height, width = source.choice([(1, 1), (1, 3), (2, 5), (4, 4), (3, 7), (1, 30)])
        parts = source.choice([1, 1, 2])
        for part in range(parts):
            counts = [source.choice([1, 1, 2, 3]) for _ in range(3)]
            taken += counts[0] * counts[1] * counts[2]
            matmuls.append(
                _matmul(
                    source,
                    activations,
                    size=(height, width),
                    counts=counts,
                    ends=(part == 0, part == parts - 1),
                )
            )
    program = []
    while taken:
        count = min(taken, source.choice([1, 1, 2, 5]))
        taken -= count
        program.append(_weights(source, config, weights, tiles=count))
    # The order between the two kinds has no meaning.
    return program + matmuls


def _matmul(
    source: random.Random,
    rows: range,
    *,
    size: tuple[int, int],
    counts: list[int],
    ends: tuple[bool, bool],
) -> Instruction:
    """Return a MATMUL over `size` rows and columns, of which some are outside of the image."""
    height, width = size
    padding = source.choice([0, 0, 1])
    stride = source.choice([1, 1, 2, 5])
    image = {"height": max(1, height - padding), "width": max(1, width - padding)}
    spans = (height + counts[0]) * 8 + stride * (width + counts[1]) + 2 * counts[2]
    low = rows.start + (padding * (8 + stride))
    return Instruction.make(
        Opcode.MATMUL,
        first=int(ends[0]),
        last=int(ends[1]),
        row=source.randrange(low, max(low + 1, rows.stop - spans)) - padding * (8 + stride),
        y_count=height,
        y_stride=8,
        x_count=width,
        x_stride=stride,
        ky_count=counts[0],
        ky_stride=8,
        kx_count=counts[1],
        kx_stride=stride,
        block_count=counts[2],
        block_stride=source.choice([0, 1, 2]),
        y_origin=-padding,
        x_origin=-padding,
        **image,
    )


def _weights(source: random.Random, config: CoreConfig, rows: range, *, tiles: int) -> Instruction:
    """Return a WEIGHTS of some tiles, perhaps in groups."""
    lanes = config.lanes
    groups = source.choice([count for count in (1, 2, 5) if tiles % count == 0])
    pitch = source.choice([1, 1, 3])
    span = pitch * lanes + lanes * tiles
    return Instruction.make(
        Opcode.WEIGHTS,
        from_buffer=1,
        diagonal=int(source.random() < 0.2),
        tiles=tiles // groups,
        groups=groups,
        tile_pitch=source.choice([0, lanes]),
        group_pitch=lanes * (tiles // groups),
        offset=source.randrange(rows.start, max(rows.start + 1, rows.stop - span)),
        row_pitch=pitch,
        valid_rows=source.choice([lanes, source.randint(1, lanes)]),
        valid_columns=source.randint(1, lanes),
    )
