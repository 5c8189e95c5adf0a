"""Walks against nested loops."""

import itertools
import os

import numpy as np

from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft_model.core import walks


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def loops(*counts: int):
    """Iterate over nested loops, the last one innermost."""
    return itertools.product(*map(range, counts))


def random_matmul(draw: np.random.Generator) -> Instruction:
    counts = ("ky_count", "kx_count", "block_count", "image_count", "y_count", "x_count")
    strides = ("ky_stride", "kx_stride", "block_stride", "image_stride", "y_stride", "x_stride")
    values = {name: int(draw.integers(1, 4)) for name in counts}
    values |= {name: int(draw.integers(-50, 50)) for name in strides}
    values |= {f"{name}_step": int(draw.integers(1, 4)) for name in ("y", "x", "ky", "kx")}
    values |= {f"{name}_origin": int(draw.integers(-4, 4)) for name in "yx"}
    values |= {name: int(draw.integers(1, 9)) for name in ("height", "width")}
    return Instruction.make(Opcode.MATMUL, row=500, **values)


def test_matmul_walks_its_rows_for_each_tile():
    draw = source()
    for _ in range(50):
        i = random_matmul(draw)
        rows, inside = walks.matmul_rows(i)
        expected = []
        for ky, kx, block in loops(i["ky_count"], i["kx_count"], i["block_count"]):
            for image, y, x in loops(i["image_count"], i["y_count"], i["x_count"]):
                at_y = i["y_origin"] + y * i["y_step"] + ky * i["ky_step"]
                at_x = i["x_origin"] + x * i["x_step"] + kx * i["kx_step"]
                row = 500 + image * i["image_stride"] + y * i["y_stride"] + x * i["x_stride"]
                row += ky * i["ky_stride"] + kx * i["kx_stride"] + block * i["block_stride"]
                expected.append((row, 0 <= at_y < i["height"] and 0 <= at_x < i["width"]))
        found = zip(rows.ravel().tolist(), inside.ravel().tolist(), strict=True)
        assert list(found) == expected
        assert rows.shape == (walks.tile_count(i), walks.matmul_height(i))


def test_vector_walks_its_rows_and_windows():
    draw = source()
    names = ["outer", "middle", "inner", "reduce_outer", "reduce_inner"]
    for _ in range(50):
        values = {f"{name}_count": int(draw.integers(1, 4)) for name in names}
        values |= {f"x_{name}": int(draw.integers(-50, 50)) for name in names}
        i = Instruction.make(Opcode.VECTOR, x_row=300, parameters=7, parameter_stride=-2, **values)
        counts = [i[f"{name}_count"] for name in names]
        strides = [i[f"x_{name}"] for name in names]
        expected = [
            300 + sum(step * stride for step, stride in zip(at, strides, strict=True))
            for at in loops(*counts)
        ]
        starts = walks.vector_walk(i, "x_row", "x")
        found = starts[:, np.newaxis] + walks.window_walk(i)
        assert found.ravel().tolist() == expected
        assert found.shape == (walks.vector_height(i), walks.window_size(i))
        outer = [7 - 2 * at[0] for at in loops(*counts[:3])]
        assert walks.parameter_walk(i).tolist() == outer


def test_lines_and_tiles_begin_at_their_pitches():
    move = dict(groups=2, lines=3, offset=10, line_pitch=-4, group_pitch=100, bytes=1)
    assert walks.line_offsets(Instruction.make(Opcode.LOAD, **move)).tolist() == [
        *(10, 6, 2),
        *(110, 106, 102),
    ]
    tiles = dict(groups=2, tiles=3, offset=10, tile_pitch=5, group_pitch=-1, valid_rows=2)
    weights = Instruction.make(Opcode.WEIGHTS, **tiles)
    assert walks.tile_offsets(weights).tolist() == [10, 15, 20, 9, 14, 19]
    assert walks.tile_heights(weights, 8).tolist() == [8, 8, 2, 8, 8, 2]
    assert walks.tile_count(weights) == 6
