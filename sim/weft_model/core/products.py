"""WEIGHTS and MATMUL: tiles, and the sums of products that they make."""

import numpy as np

from weft.checks import check
from weft.isa.codes import Format
from weft.isa.instruction import Instruction

from .state import CoreState
from .walks import matmul_rows, tile_heights, tile_offsets
from .work import Work


def weights(state: CoreState, instruction: Instruction) -> Work:
    """Return the work of WEIGHTS; its parts are tiles."""
    offsets = tile_offsets(instruction)
    heights = tile_heights(instruction, state.needs.lanes)

    def run(start: int, stop: int) -> None:
        for offset, height in zip(offsets[start:stop], heights[start:stop], strict=True):
            state.tiles.append(_tile(state, instruction, offset=int(offset), height=int(height)))

    return Work(
        parts=len(offsets),
        run=run,
        ready=lambda part: len(state.tiles) < state.needs.fifo_tiles,
    )


def _tile(state: CoreState, instruction: Instruction, *, offset: int, height: int) -> np.ndarray:
    """Return one tile, (N, N); `height` is its number of valid rows."""
    lanes, width = state.needs.lanes, instruction["valid_columns"]
    transpose, diagonal = instruction["transpose"], instruction["diagonal"]
    count, size = (width, height) if transpose else (height, width)
    if diagonal:
        count, size = 1, min(height, width)
    rows = offset + np.arange(count) * instruction["row_pitch"]
    if instruction["from_buffer"]:
        source = state.buffer[rows, :size]
    else:
        source = state.memory[instruction["region"]][rows[:, np.newaxis] + np.arange(size)]
    signed = Format(instruction["format"]).signed
    values = source.view(np.int8 if signed else np.uint8).astype(np.float64)
    values -= instruction["zero_point"]
    tile = np.zeros((lanes, lanes))
    if diagonal:
        tile[np.arange(size), np.arange(size)] = values[0]
    else:
        tile[:height, :width] = values.T if transpose else values
    return tile


def matmul(state: CoreState, instruction: Instruction) -> Work:
    """Return the work of MATMUL; its parts are the rows of the first tile, then of the second..."""
    rows, inside = matmul_rows(instruction)
    tiles, height = rows.shape
    first, last = bool(instruction["first"]), bool(instruction["last"])
    bottom = instruction["accumulator"]
    number = Format(instruction["format"])
    tile = np.zeros(0)

    def run(start: int, stop: int) -> None:
        nonlocal tile
        while start < stop:
            place, low = divmod(start, height)
            high = min(height, low + stop - start)
            if low == 0:
                check(bool(state.tiles), "a MATMUL needs a tile, but the weight FIFO is empty")
                tile = state.tiles.popleft()
            part = slice(low, high)
            activations = np.zeros((high - low, state.needs.lanes))
            seen = inside[place, part]
            read = state.elements(rows[place, part][seen], number)
            activations[seen] = read - instruction["zero_point"]
            sums = state.accumulators[bottom + low : bottom + high]
            products = (activations @ tile).astype(np.int64).astype(np.int32)
            sums[:] = products if first and place == 0 else sums + products
            if last and place == tiles - 1:
                state.results.push(sums)
            start += high - low

    def ready(part: int) -> bool:
        place, row = divmod(part, height)
        if last and place == tiles - 1 and len(state.results) >= state.needs.result_rows:
            return False
        return row > 0 or bool(state.tiles)

    return Work(parts=tiles * height, run=run, ready=ready)
