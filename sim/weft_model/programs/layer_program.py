"""A program for one layer of any shape: a convolution or a fully connected layer.

Inputs and outputs pass through the buffer in bands: some images, or some lines of an image. While
a band is computed, the next one is loaded. Weights come from the memory for every tile.
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
        If the buffer is too small for one line of the output, or if a layer is packed that is
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
    pitch = width * channels

    def load(builder: ProgramBuilder, tensor: Tensor, line: int) -> None:
        builder.emit(
            Opcode.LOAD,
            **dict(region=source.region, offset=source.offset + line * pitch, row=tensor.row),
            **dict(groups=tensor.images * tensor.lines, group_pitch=pitch),
            **dict(lines=tensor.width, line_pitch=layer.strides[1] * channels),
            bytes=tensor.channels,
        )

    return load


@dataclass(frozen=True, kw_only=True)
class _Band:
    """Output lines `y` and on of some images; all lines, if there is more than one image."""

    image: int
    images: int
    y: int
    lines: int


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
            tensor = self._source(band, sources[number % slots])
            load(builder, tensor, band.image * self.height + tensor.top)

        for number, band in enumerate(bands):
            if number == 0 or slots == 1:
                fetch(number)
            if slots > 1 and number + 1 < len(bands):
                fetch(number + 1)
            output = self._output(band, outputs[number % slots])
            convolve(
                builder,
                self.layer,
                constants,
                height=self.height,
                source=self._source(band, sources[number % slots]),
                output=output,
            )
            line = band.image * self.sides[0] + band.y
            output.move(builder, Opcode.STORE, target, line=line)

    def _source(self, band: _Band, row: int) -> Tensor:
        """Return the lines of the input that a band needs: at least one."""
        first, last = 0, self.height
        if band.lines < self.sides[0]:
            start = band.y * self.layer.strides[0] - self.layer.padding[0][0]
            stop = start + (band.lines - 1) * self.layer.strides[0] + self.layer.extent(0)
            first = min(max(start, 0), self.height - 1)
            last = max(min(stop, self.height), first + 1)
        sizes = {"images": band.images, "lines": last - first, "width": self.width}
        return Tensor(row=row, top=first, channels=self.layer.channels, **sizes)

    def _output(self, band: _Band, row: int) -> Tensor:
        sizes = {"images": band.images, "lines": band.lines, "width": self.sides[1]}
        return Tensor(row=row, top=band.y, channels=self.layer.outputs, **sizes)

    def _source_rows(self, band: _Band) -> int:
        return self._source(band, 0).pixels * self.builder.blocks(self.layer.channels)

    def _output_rows(self, band: _Band) -> int:
        return self._output(band, 0).pixels * self.builder.blocks(self.layer.outputs)

    def _bands(self) -> tuple[int, list[_Band]]:
        """Return how many bands are in the buffer at a time, and the bands."""
        lines, rows = self.sides[0], self.builder.needs.buffer_rows
        image = self._most_rows(lines)
        if self.images * image <= rows:
            return 1, list(self._bands_of(self.images, lines))
        for slots in (2, 1):
            if slots * image <= rows:
                return slots, list(self._bands_of(rows // (slots * image), lines))
            fitting = [n for n in range(1, lines) if slots * self._most_rows(n) <= rows]
            if fitting:
                return slots, list(self._bands_of(1, fitting[-1]))
        raise ValueError(
            f"a line of the output needs a buffer of at least {self._most_rows(1):,} rows, not "
            f"{rows:,}"
        )

    def _most_rows(self, lines: int) -> int:
        """Return the buffer rows of a band of an image, wherever it is."""
        needed = (lines - 1) * self.layer.strides[0] + self.layer.extent(0)
        source = Tensor(
            **dict(row=0, width=self.width, channels=self.layer.channels),
            lines=self.height if lines == self.sides[0] else min(needed, self.height),
        )
        output = _Band(image=0, images=1, y=0, lines=lines)
        return source.pixels * self.builder.blocks(source.channels) + self._output_rows(output)

    def _bands_of(self, images: int, lines: int) -> Iterator[_Band]:
        """Yield bands of at most so many images and lines, of nearly equal sizes."""
        for image, count in _shared(self.images, images):
            for y, height in _shared(self.sides[0], lines):
                yield _Band(image=image, images=count, y=y, lines=height)


def _shared(total: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the size of nearly equal parts of at most `most`."""
    size = -(-total // -(-total // most))
    for first in range(0, total, size):
        yield first, min(size, total - first)
