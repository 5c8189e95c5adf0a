"""WEIGHTS and MATMUL: matrix products and convolutions, against loops over every element."""

import os
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Shape:
    """A convolution; pairs are for y and x. The last block of channels has three valid lanes."""

    images: int
    blocks: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    out: tuple[int, int]

    @classmethod
    def random(cls, draw: np.random.Generator) -> "Shape":
        def pair(low: int, high: int) -> tuple[int, int]:
            return int(draw.integers(low, high)), int(draw.integers(low, high))

        return cls(
            images=int(draw.integers(1, 3)),
            blocks=int(draw.integers(1, 3)),
            size=pair(1, 6),
            kernel=pair(1, 4),
            stride=pair(1, 3),
            dilation=pair(1, 3),
            padding=pair(0, 3),
            out=pair(1, 8),
        )

    @property
    def channels(self) -> int:
        return N * (self.blocks - 1) + 3

    def walk(self, row: int) -> dict[str, int]:
        """Return the fields of MATMUL; the input begins at a buffer row, block after block."""
        height, width = self.size
        fields = {"height": height, "width": width, "row": row}
        for axis, pitch, place in (("y", width, 0), ("x", 1, 1)):
            fields |= {
                f"{axis}_stride": self.stride[place] * pitch,
                f"k{axis}_stride": self.dilation[place] * pitch,
                f"{axis}_step": self.stride[place],
                f"k{axis}_step": self.dilation[place],
                f"{axis}_origin": -self.padding[place],
                f"{axis}_count": self.out[place],
                f"k{axis}_count": self.kernel[place],
            }
            fields["row"] -= self.padding[place] * pitch
        plane = self.images * height * width
        return fields | {
            **{"image_count": self.images, "image_stride": height * width},
            **{"block_count": self.blocks, "block_stride": plane},
        }

    def direct(self, pixels: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the sums, (images, y, x, outputs), element by element.

        Parameters
        ----------
        pixels : ndarray, (images, height, width, channels)
        weights : ndarray, (ky, kx, channels, outputs)
        """
        sums = np.zeros((self.images, *self.out, weights.shape[-1]), np.int64)
        for image, y, x, ky, kx in np.ndindex(self.images, *self.out, *self.kernel):
            at_y = y * self.stride[0] + ky * self.dilation[0] - self.padding[0]
            at_x = x * self.stride[1] + kx * self.dilation[1] - self.padding[1]
            if 0 <= at_y < self.size[0] and 0 <= at_x < self.size[1]:
                sums[image, y, x] += pixels[image, at_y, at_x] @ weights[ky, kx]
        return sums


def test_a_convolution_with_stride_dilation_and_padding():
    draw = source()
    for _ in range(20):
        shape = Shape.random(draw)
        state = random_state(draw)
        zero = int(draw.integers(-128, 128))
        taps, channels = shape.kernel[0] * shape.kernel[1], shape.channels
        do(
            state,
            Opcode.WEIGHTS,
            **dict(groups=taps, tiles=shape.blocks, valid_rows=3, valid_columns=N),
            **dict(row_pitch=N, tile_pitch=N * N, group_pitch=N * channels),
        )
        do(state, Opcode.MATMUL, zero_point=zero, **shape.walk(row=40), **BOTH)
        rows = shape.blocks * shape.images * shape.size[0] * shape.size[1]
        pixels = state.buffer[40 : 40 + rows].view(np.int8).astype(np.int64) - zero
        pixels = np.moveaxis(pixels.reshape(shape.blocks, shape.images, *shape.size, N), 0, 3)
        pixels = pixels.reshape(shape.images, *shape.size, -1)[..., :channels]
        weights = state.memory[0][: taps * channels * N].view(np.int8).astype(np.int64)
        sums = shape.direct(pixels, weights.reshape(*shape.kernel, channels, N))
        found = drained(state, sums.size // N)
        assert found.tolist() == sums.reshape(-1, N).tolist()


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
