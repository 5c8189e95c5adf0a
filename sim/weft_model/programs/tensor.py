"""Tensor: images in the buffer of a core, or some of their lines."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from weft.isa.codes import Opcode

from .program_builder import INPUTS, OUTPUTS, PlacedArray, ProgramBuilder

# Of a line of LOAD and STORE.
MOST_BYTES = 65535


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """Images in the buffer: image by image, line by line and pixel by pixel.

    A pixel takes a row for each N channels. Lanes after the last channel hold anything: the weights
    there are zero. A matrix is one line, with a pixel for each of its rows.

    Parameters
    ----------
    row : int
        First buffer row.
    width, channels : int
    lines : int
        Lines of each image that are in the buffer.
    images : int
    top, left : int
        The first of these lines, and the first pixel of each line that is in the buffer.
    """

    row: int
    width: int
    channels: int
    lines: int = 1
    images: int = 1
    top: int = 0
    left: int = 0

    @property
    def pixels(self) -> int:
        return self.images * self.lines * self.width

    @classmethod
    def new(
        cls, builder: ProgramBuilder, *, width: int, channels: int, lines: int = 1, images: int = 1
    ) -> "Tensor":
        """Return a tensor in rows of its own."""
        tensor = cls(row=0, width=width, channels=channels, lines=lines, images=images)
        return tensor.at(builder.rows(tensor.pixels * builder.blocks(channels)))

    def at(self, row: int) -> "Tensor":
        """Return the same tensor at another row."""
        return dataclasses.replace(self, row=row)

    def move(
        self,
        builder: ProgramBuilder,
        opcode: Opcode,
        place: PlacedArray,
        *,
        line: int = 0,
        pixel: int = 0,
        channel: int = 0,
    ) -> None:
        """LOAD the tensor from an array in the memory, or STORE it.

        Parameters
        ----------
        builder : ProgramBuilder
        opcode : Opcode
        place : PlacedArray
            Without margins.
        line : int
            The first line of the tensor, counted over all images of the array.
        pixel : int
            The pixel of the array in front of all lines, in addition to `left`.
        channel : int
            The first channel of the tensor, if the array has more.
        """
        channels = place.shape[-1]
        pitch, size = place.shape[-2] * channels, self.width * channels
        if self.channels < channels or channels % builder.lanes or size > MOST_BYTES:
            # Each pixel begins a row.
            pixels = dict(lines=self.width, line_pitch=channels, bytes=self.channels)
        else:
            pixels = dict(bytes=size)
        offset = place.offset + line * pitch + (self.left + pixel) * channels + channel
        builder.emit(
            opcode,
            **dict(region=place.region, offset=offset, row=self.row),
            **dict(groups=self.images * self.lines, group_pitch=pitch, **pixels),
        )


def loaded_image(builder: ProgramBuilder, *, side: int, channels: int) -> Tensor:
    """LOAD a square image that is an input of the program, and return it."""
    image = Tensor.new(builder, width=side, lines=side, channels=channels)
    image.move(builder, Opcode.LOAD, builder.array(INPUTS, (1, side, side, channels)))
    return image


def store_image(builder: ProgramBuilder, image: Tensor) -> None:
    """STORE an image as an output of the program."""
    shape = image.images, image.lines, image.width, image.channels
    image.move(builder, Opcode.STORE, builder.array(OUTPUTS, shape))


@dataclass(frozen=True, kw_only=True)
class Tile:
    """Pixels that follow each other: whole images, lines of an image, or a part of a line.

    Parameters
    ----------
    image, y, x : int
        The first pixel; y is counted from the first line of the images.
    images, lines, width : int
    first : int
        The pixels before it.
    """

    image: int
    y: int
    x: int
    images: int
    lines: int
    width: int
    first: int

    @property
    def pixels(self) -> int:
        return self.images * self.lines * self.width


def tiles(tensor: Tensor, most: int) -> Iterator[Tile]:
    """Yield tiles of at most `most` pixels that cover a tensor, in its order."""
    area, width = tensor.lines * tensor.width, tensor.width
    if area <= most:
        step = most // area
        for image in range(0, tensor.images, step):
            count = min(step, tensor.images - image)
            sizes = {"images": count, "lines": tensor.lines, "width": width}
            yield Tile(image=image, y=0, x=0, first=image * area, **sizes)
        return
    lines, part = max(most // width, 1), min(most, width)
    for image in range(tensor.images):
        for y in range(0, tensor.lines, lines):
            for x in range(0, width, part):
                yield Tile(
                    **dict(image=image, y=y, x=x, first=image * area + y * width + x),
                    **dict(images=1, lines=min(lines, tensor.lines - y)),
                    width=min(part, width - x),
                )
