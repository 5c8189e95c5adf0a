"""A program for one layer of any shape: a convolution or a fully connected layer.

Inputs and outputs pass through the buffer in bands: some images, some lines of an image, or some
pixels of a line. While a band is computed, the next one is loaded. Weights come from the memory for
every tile.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from weft.checks import check
from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode

from .convolution import Convolution
from .products import convolve, place_constants
from .program_builder import INPUTS, OUTPUTS, BuiltProgram, PlacedArray, ProgramBuilder
from .tensor import Tensor


def layer_program(
    core: CoreConfig,
    layer: Convolution,
    *,
    height: int = 1,
    width: int = 1,
    images: int = 1,
    packed: bool = False,
) -> BuiltProgram:
    """Return a program for one layer.

    Its input is int8 (images, height, width, channels), and its output likewise. The rows of a
    fully connected layer are images of one pixel.

    Parameters
    ----------
    core : CoreConfig
    layer : Convolution
    height, width, images : int
        Of the input.
    packed : bool
        The columns of the kernel are lanes: a row of the buffer has the pixels that they multiply,
        which a LOAD with overlapping lines puts there. It saves tiles if there are few channels.

    Raises
    ------
    ValueError
        If the buffer is too small for one pixel of the output, or if a layer is packed that is
        depthwise or dilated.
    """
    builder = ProgramBuilder(core)
    builder.tag = 1
    shape = images, height, width, layer.channels
    lines, columns = layer.output_sides(height, width)
    if packed:
        margins = {"margins": layer.padding[1], "fill": layer.zero_point}
        source = builder.array(INPUTS, shape, **margins)
        load = _packed_load(layer, source)
        layer, width = packed_columns(layer), columns
    else:
        source = builder.array(INPUTS, shape)
        load = _plain_load(source)
    target = builder.array(OUTPUTS, (images, lines, columns, layer.outputs))
    plan = _Plan(builder=builder, layer=layer, images=images, height=height, width=width)
    plan.run(load, target)
    return builder.finish()


def packed_columns(layer: Convolution) -> Convolution:
    """Return the convolution of a kernel of one column, whose channels are all of its pixels.

    Raises
    ------
    ValueError
        If the layer is depthwise or dilated.
    """
    check(
        not layer.depthwise and layer.dilation == 1,
        "a layer must be neither depthwise nor dilated to be packed",
    )
    height, width, channels, outputs = layer.weights.shape
    return dataclasses.replace(
        layer,
        weights=layer.weights.reshape(height, 1, width * channels, outputs),
        strides=(layer.strides[0], 1),
        padding=(layer.padding[0], (0, 0)),
    )


# Loads a tensor from a line of the input, counted over all images.
_Load = Callable[[ProgramBuilder, Tensor, int], None]


def _plain_load(source: PlacedArray) -> _Load:
    def load(builder: ProgramBuilder, tensor: Tensor, line: int) -> None:
        tensor.move(builder, Opcode.LOAD, source, line=line)

    return load


def _packed_load(layer: Convolution, source: PlacedArray) -> _Load:
    """Return the load of rows that have all pixels of a line of the kernel."""
    *_, width, channels = source.stored_shape
    pitch, step = width * channels, layer.strides[1] * channels

    def load(builder: ProgramBuilder, tensor: Tensor, line: int) -> None:
        builder.emit(
            Opcode.LOAD,
            **dict(region=source.region, row=tensor.row, bytes=tensor.channels),
            offset=source.offset + line * pitch + tensor.left * step,
            **dict(groups=tensor.images * tensor.lines, group_pitch=pitch),
            **dict(lines=tensor.width, line_pitch=step),
        )

    return load


@dataclass(frozen=True, kw_only=True)
class _Band:
    """A part of the output: whole images, whole lines of an image, or pixels of a line."""

    image: int
    images: int
    y: int
    lines: int
    x: int
    width: int


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A layer on its way through the buffer.

    Parameters
    ----------
    builder : ProgramBuilder
    layer : Convolution
    images, height, width : int
        Of the input, as its tensor is in the buffer.
    """

    builder: ProgramBuilder
    layer: Convolution
    images: int
    height: int
    width: int

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the output."""
        return self.layer.output_sides(self.height, self.width)

    def run(self, load: _Load, target: PlacedArray) -> None:
        """Emit the program: the load of each band comes before the products of the one before."""
        builder, slots, bands = self.builder, *self._bands()
        rows = [max(map(size, bands)) for size in (self._source_rows, self._output_rows)]
        sources, outputs = ([builder.rows(count) for _ in range(slots)] for count in rows)
        constants = place_constants(builder, self.layer)

        def fetch(number: int) -> None:
            band = bands[number]
            tensor = self._source(band).at(sources[number % slots])
            load(builder, tensor, band.image * self.height + tensor.top)

        for number, band in enumerate(bands):
            if number == 0 or slots == 1:
                fetch(number)
            if slots > 1 and number + 1 < len(bands):
                fetch(number + 1)
            source = self._source(band).at(sources[number % slots])
            output = self._output(band).at(outputs[number % slots])
            sides = {"height": self.height, "width": self.width}
            convolve(builder, self.layer, constants, source=source, output=output, **sides)
            line = band.image * self.sides[0] + band.y
            output.move(builder, Opcode.STORE, target, line=line)

    def _source(self, band: _Band) -> Tensor:
        """Return the part of the input that a band needs."""
        top, bottom = self._needed(0, band.y, band.lines)
        left, right = self._needed(1, band.x, band.width)
        sizes = {"images": band.images, "lines": bottom - top, "width": right - left}
        return Tensor(row=0, top=top, left=left, channels=self.layer.channels, **sizes)

    def _needed(self, axis: int, first: int, count: int) -> tuple[int, int]:
        """Return the first input, and the one after the last, of outputs along an axis.

        All, if they are all outputs; at least one.
        """
        layer, size = self.layer, (self.height, self.width)[axis]
        if count == self.sides[axis]:
            return 0, size
        start = first * layer.strides[axis] - layer.padding[axis][0]
        stop = start + (count - 1) * layer.strides[axis] + layer.extent(axis)
        low = min(max(start, 0), size - 1)
        return low, max(min(stop, size), low + 1)

    def _output(self, band: _Band) -> Tensor:
        sizes = {"images": band.images, "lines": band.lines, "width": band.width}
        return Tensor(row=0, top=band.y, left=band.x, channels=self.layer.outputs, **sizes)

    def _source_rows(self, band: _Band) -> int:
        return self._source(band).pixels * self.builder.blocks(self.layer.channels)

    def _output_rows(self, band: _Band) -> int:
        return self._output(band).pixels * self.builder.blocks(self.layer.outputs)

    def _bands(self) -> tuple[int, list[_Band]]:
        """Return how many bands are in the buffer at a time, and the bands.

        Two, so that one can be loaded while the other is used; one, if all fits at once, or if two
        have no place. Parts of a line are the last resort, because each band fetches all weights.
        """
        (lines, width), rows = self.sides, self.builder.needs.buffer_rows
        image = self._most_rows(lines, width)
        if self.images * image <= rows:
            return 1, list(self._bands_of(self.images, lines, width))
        whole = [(n, width) for n in range(lines, 0, -1)]
        parts = [(1, n) for n in range(width - 1, 0, -1)]
        for sizes, slots in ((whole, 2), (whole, 1), (parts, 2), (parts, 1)):
            for size in sizes:
                count = rows // (slots * self._most_rows(*size))
                if count:
                    images = count if size == (lines, width) else 1
                    return slots, list(self._bands_of(images, *size))
        least = self._most_rows(1, 1)
        raise ValueError(
            f"a pixel of the output needs a buffer of at least {least:,} rows, not {rows:,}"
        )

    def _most_rows(self, lines: int, width: int) -> int:
        """Return the buffer rows of a band of an image, wherever it is."""
        sizes = []
        for axis, count in enumerate((lines, width)):
            size = (self.height, self.width)[axis]
            needed = (count - 1) * self.layer.strides[axis] + self.layer.extent(axis)
            sizes.append(size if count == self.sides[axis] else min(needed, size))
        pixels = sizes[0] * sizes[1] * self.builder.blocks(self.layer.channels)
        return pixels + lines * width * self.builder.blocks(self.layer.outputs)

    def _bands_of(self, images: int, lines: int, width: int) -> Iterator[_Band]:
        """Yield bands of at most so many images, lines and pixels of a line, of similar sizes."""
        for image, count in _shared(self.images, images):
            for y, height in _shared(self.sides[0], lines):
                for x, columns in _shared(self.sides[1], width):
                    sizes = {"images": count, "lines": height, "width": columns}
                    yield _Band(image=image, y=y, x=x, **sizes)


def _shared(total: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the size of nearly equal parts of at most `most`."""
    size = -(-total // -(-total // most))
    for first in range(0, total, size):
        yield first, min(size, total - first)
