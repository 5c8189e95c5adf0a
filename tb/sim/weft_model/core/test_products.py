"""WEIGHTS and MATMUL: matrix products and convolutions, against loops over every element."""

import os

import numpy as np
import pytest

from benches.core import NEEDS, do, random_state
from weft.isa.codes import Format, Opcode
from weft.isa.instruction import Instruction
from weft_model.core.machine import work_of

N = NEEDS.lanes
BOTH = dict(first=1, last=1)


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def numbers(data: np.ndarray, number: Format) -> np.ndarray:
    """Return bytes as integers of a format."""
    return data.view(np.int8 if number.signed else np.uint8).astype(np.int64)


def drained(state, count: int) -> np.ndarray:
    rows = state.results.pop(count)
    assert len(state.results) == 0 and not state.tiles
    return rows


@pytest.mark.parametrize("a_format", [Format.INT8, Format.UINT8])
@pytest.mark.parametrize("b_format", [Format.INT8, Format.UINT8])
def test_a_matrix_product_with_zero_points(a_format, b_format):
    """M = 6, K = 4 + 4 + 2, N = 3; the last tile has two valid rows."""
    state = random_state(source())
    a_zero, b_zero = (f.maximum - 5 for f in (a_format, b_format))
    # B has rows of 3 bytes, 7 apart; A has its blocks of 4 columns 6 rows apart.
    do(
        state,
        Opcode.WEIGHTS,
        **dict(offset=11, tiles=3, row_pitch=7, tile_pitch=28, valid_rows=2, valid_columns=3),
        **dict(zero_point=b_zero, format=b_format),
    )
    do(
        state,
        Opcode.MATMUL,
        **dict(row=2, x_count=6, x_stride=1, width=6, block_count=3, block_stride=6),
        **dict(zero_point=a_zero, format=a_format, **BOTH),
    )
    a = numbers(state.buffer[2:20], a_format).reshape(3, 6, N).swapaxes(0, 1).reshape(6, 12)
    rows = 11 + 7 * np.arange(10)
    b = numbers(state.memory[0][rows[:, np.newaxis] + np.arange(3)], b_format)
    product = (a[:, :10] - a_zero) @ (b - b_zero)
    found = drained(state, 6)
    assert np.array_equal(found[:, :3], product)
    assert not found[:, 3].any()


def test_a_convolution_with_stride_dilation_and_padding():
    draw = source()
    for _ in range(20):
        images, height, width, blocks = (int(draw.integers(1, high)) for high in (3, 6, 6, 3))
        kernel = {axis: int(draw.integers(1, 4)) for axis in "yx"}
        stride = {axis: int(draw.integers(1, 3)) for axis in "yx"}
        dilation = {axis: int(draw.integers(1, 3)) for axis in "yx"}
        padding = {axis: int(draw.integers(0, 3)) for axis in "yx"}
        size = {"y": height, "x": width}
        out = {axis: max(1, (size[axis] + 2 * padding[axis]) // stride[axis] - 1) for axis in "yx"}
        state = random_state(draw)
        zero = int(draw.integers(-128, 128))
        pitch = {"y": width, "x": 1}
        do(
            state,
            Opcode.WEIGHTS,
            **dict(groups=kernel["y"] * kernel["x"], tiles=blocks, valid_rows=3, valid_columns=N),
            **dict(row_pitch=N, tile_pitch=N * N, group_pitch=N * (N * (blocks - 1) + 3)),
        )
        first = sum(-padding[axis] * pitch[axis] for axis in "yx")
        plane = images * height * width
        fields: dict[str, int] = {}
        for axis in "yx":
            fields |= {
                f"{axis}_stride": stride[axis] * pitch[axis],
                f"k{axis}_stride": dilation[axis] * pitch[axis],
                f"{axis}_step": stride[axis],
                f"k{axis}_step": dilation[axis],
                f"{axis}_origin": -padding[axis],
                f"{axis}_count": out[axis],
                f"k{axis}_count": kernel[axis],
            }
        do(
            state,
            Opcode.MATMUL,
            **dict(row=40 + first, height=height, width=width, zero_point=zero),
            **dict(image_count=images, image_stride=height * width),
            **dict(block_count=blocks, block_stride=plane),
            **fields,
            **BOTH,
        )
        channels = N * (blocks - 1) + 3
        pixels = state.buffer[40 : 40 + blocks * plane].view(np.int8).astype(np.int64) - zero
        pixels = pixels.reshape(blocks, images, height, width, N)
        taps = kernel["y"] * kernel["x"]
        weights = state.memory[0][: taps * channels * N].view(np.int8).astype(np.int64)
        weights = weights.reshape(kernel["y"], kernel["x"], channels, N)
        found = drained(state, images * out["y"] * out["x"])
        found = found.reshape(images, out["y"], out["x"], N)
        for image, y, x in np.ndindex(found.shape[:3]):
            total = np.zeros(N, np.int64)
            for ky, kx in np.ndindex(kernel["y"], kernel["x"]):
                at_y = y * stride["y"] + ky * dilation["y"] - padding["y"]
                at_x = x * stride["x"] + kx * dilation["x"] - padding["x"]
                if 0 <= at_y < height and 0 <= at_x < width:
                    pixel = pixels[:, image, at_y, at_x].ravel()[:channels]
                    total += pixel @ weights[ky, kx]
            assert found[image, y, x].tolist() == total.tolist()


def test_transposed_weights_come_from_the_buffer():
    """Q K^T: a tile has the rows of K as its columns."""
    state = random_state(source())
    do(
        state,
        Opcode.WEIGHTS,
        **dict(from_buffer=1, transpose=1, offset=10, row_pitch=2, tile_pitch=1, tiles=2),
        **dict(valid_rows=2, valid_columns=3),
    )
    do(state, Opcode.MATMUL, x_count=5, x_stride=2, width=5, block_count=2, block_stride=1, **BOTH)
    # 5 and 3 tokens of 8 features, of which 6 are valid; two rows for each token.
    q = state.buffer[:10].view(np.int8).astype(np.int64).reshape(5, 8)[:, :6]
    k = state.buffer[10:16].view(np.int8).astype(np.int64).reshape(3, 8)[:, :6]
    found = drained(state, 5)
    assert np.array_equal(found[:, :3], q @ k.T)
    assert not found[:, 3].any()


def test_a_diagonal_multiplies_each_channel_by_its_own_weight():
    state = random_state(source())
    do(state, Opcode.WEIGHTS, diagonal=1, valid_rows=3, valid_columns=N, zero_point=-7, offset=5)
    do(state, Opcode.MATMUL, x_count=3, x_stride=1, width=3, **BOTH)
    a = state.buffer[:3].view(np.int8).astype(np.int64)
    w = state.memory[0][5:8].view(np.int8).astype(np.int64) + 7
    found = drained(state, 3)
    assert np.array_equal(found[:, :3], a[:, :3] * w)
    assert not found[:, 3].any()


def test_two_products_share_a_sum_that_wraps():
    draw = source()
    state = random_state(draw)
    fields = dict(x_count=2, x_stride=1, width=2, accumulator=9)
    one = dict(valid_rows=N, valid_columns=N, row_pitch=N)
    do(state, Opcode.WEIGHTS, **one)
    do(state, Opcode.MATMUL, first=1, **fields)
    assert not len(state.results)
    # Sums near the largest number wrap.
    state.accumulators[9:11] += np.int32((1 << 31) - 1000)
    before = state.accumulators[9:11].astype(np.int64)
    do(state, Opcode.WEIGHTS, offset=100, **one)
    do(state, Opcode.MATMUL, last=1, row=30, **fields)
    b = state.memory[0][100 : 100 + N * N].view(np.int8).astype(np.int64).reshape(N, N)
    a = state.buffer[30:32].view(np.int8).astype(np.int64)
    exact = before + a @ b
    assert np.array_equal(drained(state, 2), exact.astype(np.int32))


def test_a_product_without_a_tile_is_refused():
    with pytest.raises(ValueError, match=r"^a MATMUL needs a tile, but the weight FIFO is empty$"):
        do(random_state(source()), Opcode.MATMUL, **BOTH)


def test_streams_say_when_they_are_full():
    """With places for 2 tiles and 8 result rows; parts that need none are ready."""
    state = random_state(source())
    tiles = work_of(state, Instruction.make(Opcode.WEIGHTS, groups=3, offset=4))
    assert tiles.parts == 3
    assert tiles.ready(0)
    tiles.run(0, 2)
    assert not tiles.ready(2)
    product = Instruction.make(
        Opcode.MATMUL, ky_count=2, x_count=9, x_stride=1, width=9, height=2, **BOTH
    )
    work = work_of(state, product)
    assert work.parts == 18 and work.ready(0)
    # The first tile emits nothing.
    state.results.push(np.zeros((8, N), np.int32))
    assert work.ready(0)
    state.results.pop(8)
    work.run(0, 17)
    assert len(state.results) == 8 and not state.tiles
    assert not work.ready(17)
    state.results.pop(1)
    assert work.ready(17)
    assert not work_of(state, product).ready(0)
