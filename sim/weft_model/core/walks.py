"""Walks: the rows and bytes that an instruction visits, in order."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from weft.isa.codes import Target
from weft.isa.instruction import Instruction

LOOPS = ("outer", "middle", "inner")
# Memory of a row of each target of LOAD, in bytes; of N lanes, where it depends on N.
RECORD_BYTES = 12
TABLE_BYTES = 1024
SCALAR_BYTES = 8


def steps(counts: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """Return the sums of all multiples of the strides, int64; the last loop is the innermost."""
    total = np.zeros(1, np.int64)
    for count, stride in zip(counts, strides, strict=True):
        total = (total[:, np.newaxis] + stride * np.arange(count)).ravel()
    return total


def row_bytes_of(target: Target, *, lanes: int, buffer_row: int) -> int:
    """Return the bytes of a row of a target of LOAD; `buffer_row` has those of the buffer."""
    return {
        Target.BUFFER: buffer_row,
        Target.PARAMETERS: RECORD_BYTES * lanes,
        Target.TABLES: TABLE_BYTES,
        Target.SCALARS: SCALAR_BYTES,
    }[target]


def line_offsets(instruction: Instruction) -> np.ndarray:
    """Return the first byte of each line of LOAD or STORE, (groups * lines,)."""
    counts = instruction["groups"], instruction["lines"]
    pitches = instruction["group_pitch"], instruction["line_pitch"]
    return instruction["offset"] + steps(counts, pitches)


def tile_offsets(instruction: Instruction) -> np.ndarray:
    """Return the first byte or buffer row of each tile of WEIGHTS, (groups * tiles,)."""
    counts = instruction["groups"], instruction["tiles"]
    pitches = instruction["group_pitch"], instruction["tile_pitch"]
    return instruction["offset"] + steps(counts, pitches)


def tile_heights(instruction: Instruction, lanes: int) -> np.ndarray:
    """Return the valid rows of each tile of WEIGHTS: N, but fewer in the last one of a group."""
    heights = np.full((instruction["groups"], instruction["tiles"]), lanes)
    heights[:, -1] = instruction["valid_rows"]
    return heights.ravel()


def tile_count(instruction: Instruction) -> int:
    """Return the tiles that a WEIGHTS puts into the FIFO, or that a MATMUL takes."""
    if "tiles" in instruction.values:
        return instruction["groups"] * instruction["tiles"]
    return instruction["ky_count"] * instruction["kx_count"] * instruction["block_count"]


def matmul_height(instruction: Instruction) -> int:
    """Return the rows of a MATMUL, each of which visits every tile."""
    return instruction["image_count"] * instruction["y_count"] * instruction["x_count"]


def axis_walk(
    instruction: Instruction | Mapping[str, int], axis: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the walk of MATMUL, or of its fields, along an input axis, "y" or "x".

    Returns
    -------
    rows : ndarray of int64, (kernel steps, output steps)
        Part of the buffer row.
    inside : ndarray of bool, of the same shape
        Whether the input coordinate is inside of the image.
    """
    size = instruction[{"y": "height", "x": "width"}[axis]]
    kernel = np.arange(instruction[f"k{axis}_count"])[:, np.newaxis]
    output = np.arange(instruction[f"{axis}_count"])
    rows = kernel * instruction[f"k{axis}_stride"] + output * instruction[f"{axis}_stride"]
    place = kernel * instruction[f"k{axis}_step"] + output * instruction[f"{axis}_step"]
    place = place + instruction[f"{axis}_origin"]
    return rows, (place >= 0) & (place < size)


def matmul_rows(instruction: Instruction) -> tuple[np.ndarray, np.ndarray]:
    """Return the walk of MATMUL.

    Returns
    -------
    rows : ndarray of int64, (tiles, rows)
        Buffer row of the activations; meaningless outside of the image.
    inside : ndarray of bool, of the same shape
    """
    y_rows, y_inside = axis_walk(instruction, "y")
    x_rows, x_inside = axis_walk(instruction, "x")
    blocks = steps((instruction["block_count"],), (instruction["block_stride"],))
    images = steps((instruction["image_count"],), (instruction["image_stride"],))
    # Axes: ky, kx, block, image, y, x.
    rows = (
        instruction["row"]
        + y_rows[:, None, None, None, :, None]
        + x_rows[None, :, None, None, None, :]
        + blocks[None, None, :, None, None, None]
        + images[None, None, None, :, None, None]
    )
    inside = y_inside[:, None, None, None, :, None] & x_inside[None, :, None, None, None, :]
    shape = tile_count(instruction), matmul_height(instruction)
    return rows.reshape(shape), np.broadcast_to(inside, rows.shape).reshape(shape)


def vector_counts(instruction: Instruction) -> tuple[int, int, int]:
    """Return the counts of the three loops of VECTOR."""
    return instruction["outer_count"], instruction["middle_count"], instruction["inner_count"]


def vector_height(instruction: Instruction) -> int:
    """Return the output rows of VECTOR."""
    return math.prod(vector_counts(instruction))


def vector_walk(instruction: Instruction, start: str, strides: str) -> np.ndarray:
    """Return the rows of a walk of VECTOR, (output rows,).

    Parameters
    ----------
    start : str
        The field of the first row.
    strides : str
        The strides are the fields of this name with _outer, _middle and _inner.
    """
    fields = [instruction[f"{strides}_{loop}"] for loop in LOOPS]
    return instruction[start] + steps(vector_counts(instruction), fields)


def window_walk(instruction: Instruction) -> np.ndarray:
    """Return the rows of x of a window of VECTOR, from its first row, (rows of a window,)."""
    counts = instruction["reduce_outer_count"], instruction["reduce_inner_count"]
    return steps(counts, (instruction["x_reduce_outer"], instruction["x_reduce_inner"]))


def window_size(instruction: Instruction) -> int:
    """Return the rows of a window of VECTOR."""
    return instruction["reduce_outer_count"] * instruction["reduce_inner_count"]


def parameter_walk(instruction: Instruction) -> np.ndarray:
    """Return the parameter row of each output row of VECTOR, (output rows,)."""
    strides = instruction["parameter_stride"], 0, 0
    return instruction["parameters"] + steps(vector_counts(instruction), strides)
