"""Random WEIGHTS and MATMUL instructions whose tiles, sums and accumulators fit together."""

import random

from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode, Unit, XSource, YSource
from weft.isa.instruction import Instruction
from weft.isa.kind import wait_name


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


def draw_program(source: random.Random, config: CoreConfig, *, groups: int) -> list[Instruction]:
    """Return a program of groups of WEIGHTS, MATMUL and VECTOR, with other instructions between.

    It always ends: no instruction waits for one of its own group, and each group fits into the
    queues. The tags of instructions are those of stub_times.StubWork. What instructions read and
    write has no meaning.
    """
    rows = range(config.buffer.rows)
    program: list[Instruction] = []
    for _ in range(groups):
        for _ in range(source.choice([0, 1, 2])):
            program.append(_moved(source, config, {}))
        members: dict[Unit, int] = {}
        for instruction in draw_group(source, config, rows):
            unit = instruction.unit
            assert unit is not None
            program.append(_with_waits(source, instruction, members))
            members[unit] = members.get(unit, 0) + 1
    return [*program, Instruction.make(Opcode.HALT)]


def draw_group(source: random.Random, config: CoreConfig, rows: range) -> list[Instruction]:
    """Return a sum in one or two MATMULs, its weights, and a VECTOR that drains its results."""
    size = source.choice([(1, 1), (1, 3), (2, 5), (4, 4), (1, 30)])
    parts = source.choice([1, 1, 2])
    matmuls, tiles = [], 0
    for part in range(parts):
        counts = [source.choice([1, 1, 2, 3]) for _ in range(3)]
        tiles += counts[0] * counts[1] * counts[2]
        ends = (part == 0, part == parts - 1)
        matmuls.append(_matmul(source, rows, size=size, counts=counts, ends=ends))
    fewer = source.randrange(tiles)
    counts = [count for count in (fewer, tiles - fewer) if count]
    weights = [_weights(source, config, rows, tiles=count) for count in counts]
    drain = _vector(source, config, {"x_source": XSource.RESULTS}, count=size[0] * size[1])
    return [*weights, *matmuls, drain]


def _moved(source: random.Random, config: CoreConfig, members: dict[Unit, int]) -> Instruction:
    """Return a LOAD, a STORE, or a VECTOR that reads the buffer, with waits."""
    opcode = source.choice([Opcode.LOAD, Opcode.STORE, Opcode.VECTOR])
    count = source.choice([1, 4, 30])
    if opcode == Opcode.VECTOR:
        return _with_waits(source, _vector(source, config, {}, count=count), members)
    row = source.randrange(config.buffer.rows - count)
    moved = Instruction.make(opcode, row=row, lines=count, tag=source.randrange(64))
    return _with_waits(source, moved, members)


def _vector(
    source: random.Random, config: CoreConfig, fields: dict[str, int], *, count: int
) -> Instruction:
    """Return a VECTOR over rows; it perhaps reads y, and perhaps writes."""
    places = range(config.buffer.rows - count)
    return Instruction.make(
        Opcode.VECTOR,
        inner_count=count,
        y_source=source.choice([YSource.NONE, YSource.BUFFER]),
        write=source.getrandbits(1),
        tag=source.randrange(64),
        **{name: source.choice(places) for name in ("x_row", "y_row", "destination_row")},
        **fields,
    )


def _with_waits(
    source: random.Random, instruction: Instruction, members: dict[Unit, int]
) -> Instruction:
    """Return the instruction with random waits for what is before its group."""
    values = {name: value for name, value in instruction.values.items() if name != "opcode"}
    for unit in Unit:
        if source.random() < 0.3 and unit != instruction.unit:
            values[wait_name(unit)] = members.get(unit, 0) + source.choice([1, 1, 2, 3])
    return Instruction.make(instruction.kind.opcode, **values)


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
