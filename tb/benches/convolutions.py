"""Convolutions in the buffer of a core: the instructions that compute them, and their results."""

import random
from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Format, Opcode
from weft.isa.instruction import Instruction


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A convolution of images with a kernel for up to N output channels.

    Element c of a pixel is in block c // N of the consecutive buffer rows of the pixel; the pixels
    of all images follow each other from row `image_row` on. Row c of the kernel of each position
    (ky, kx) is a buffer row, from `kernel_row` on.
    """

    lanes: int
    images: int = 1
    height: int
    width: int
    channels: int
    outputs: int
    kernel: tuple[int, int] = (3, 3)
    stride: int = 1
    dilation: int = 1
    padding: int = 1
    image_row: int = 0
    kernel_row: int
    activation: Format = Format.INT8
    weight: Format = Format.INT8
    activation_zero: int = 0
    weight_zero: int = 0
    accumulator: int = 0

    @classmethod
    def draw(
        cls, source: random.Random, *, lanes: int, kernel_row: int, rows: int
    ) -> "Convolution":
        """Return a random one, whose images fill at most `kernel_row` buffer rows and whose output
        at most `rows` accumulators."""
        while True:
            activation, weight = (source.choice([Format.INT8, Format.UINT8]) for _ in range(2))
            drawn = cls(
                lanes=lanes,
                images=source.choice([1, 1, 2]),
                height=source.randint(1, 6),
                width=source.randint(1, 6),
                channels=source.randint(1, 2 * lanes),
                outputs=source.randint(1, lanes),
                kernel=(source.randint(1, 3), source.randint(1, 3)),
                stride=source.randint(1, 2),
                dilation=source.randint(1, 2),
                padding=source.randint(0, 2),
                kernel_row=kernel_row,
                activation=activation,
                weight=weight,
                activation_zero=source.randint(activation.minimum, activation.maximum),
                weight_zero=source.randint(weight.minimum, weight.maximum),
            )
            least = min(drawn.output)
            height = drawn.images * drawn.output[0] * drawn.output[1]
            if least > 0 and height <= rows and drawn.image_rows <= kernel_row:
                return drawn

    @property
    def blocks(self) -> int:
        return -(-self.channels // self.lanes)

    @property
    def tiles(self) -> int:
        return self.kernel[0] * self.kernel[1] * self.blocks

    @property
    def image_rows(self) -> int:
        return self.images * self.height * self.width * self.blocks

    @property
    def output(self) -> tuple[int, int]:
        """Output rows and columns."""
        sizes = (self.height, self.width)
        rows, columns = (
            (size + 2 * self.padding - self.dilation * (kernel - 1) - 1) // self.stride + 1
            for size, kernel in zip(sizes, self.kernel, strict=True)
        )
        return rows, columns

    def weights(self) -> Instruction:
        """Return the WEIGHTS: a group of tiles for each position of the kernel."""
        return Instruction.make(
            Opcode.WEIGHTS,
            from_buffer=1,
            format=self.weight,
            zero_point=self.weight_zero,
            offset=self.kernel_row,
            row_pitch=1,
            tiles=self.blocks,
            tile_pitch=self.lanes,
            groups=self.kernel[0] * self.kernel[1],
            group_pitch=self.channels,
            valid_rows=self.channels - (self.blocks - 1) * self.lanes,
            valid_columns=self.outputs,
        )

    def matmul(self) -> Instruction:
        """Return the MATMUL over all of the kernel."""
        x, y = self.blocks, self.blocks * self.width
        return Instruction.make(
            Opcode.MATMUL,
            first=1,
            last=1,
            format=self.activation,
            zero_point=self.activation_zero,
            row=self.image_row - self.padding * (x + y),
            accumulator=self.accumulator,
            image_stride=self.height * y,
            image_count=self.images,
            y_stride=self.stride * y,
            y_count=self.output[0],
            x_stride=self.stride * x,
            x_count=self.output[1],
            ky_stride=self.dilation * y,
            ky_count=self.kernel[0],
            kx_stride=self.dilation * x,
            kx_count=self.kernel[1],
            block_stride=1,
            block_count=self.blocks,
            y_step=self.stride,
            x_step=self.stride,
            ky_step=self.dilation,
            kx_step=self.dilation,
            y_origin=-self.padding,
            x_origin=-self.padding,
            height=self.height,
            width=self.width,
        )

    def compute(self, buffer: np.ndarray) -> np.ndarray:
        """Return the results, (rows, N), from the definition of a convolution."""
        lanes, channels = self.lanes, self.channels
        images = buffer[self.image_row : self.image_row + self.image_rows, :lanes]
        images = images.reshape(self.images, self.height, self.width, -1)[..., :channels]
        images = _numbers(images, self.activation) - self.activation_zero
        positions = self.kernel[0] * self.kernel[1]
        kernel = buffer[self.kernel_row : self.kernel_row + positions * channels, : self.outputs]
        kernel = _numbers(kernel, self.weight) - self.weight_zero
        kernel = kernel.reshape(*self.kernel, channels, self.outputs)
        pad = self.padding
        padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        sums = np.zeros((self.images, *self.output, lanes), np.int64)
        for y, x in np.ndindex(*self.output):
            for ky, kx in np.ndindex(*self.kernel):
                place = y * self.stride + ky * self.dilation, x * self.stride + kx * self.dilation
                sums[:, y, x, : self.outputs] += padded[:, place[0], place[1]] @ kernel[ky, kx]
        return sums.reshape(-1, lanes)


def _numbers(stored: np.ndarray, number: Format) -> np.ndarray:
    return stored.astype(np.int8 if number == Format.INT8 else np.uint8).astype(np.int64)
