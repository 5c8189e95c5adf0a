"""A program for one layer of any shape: a convolution or a fully connected layer.

Inputs and outputs pass through the buffer in bands: some images, some lines of an image, or some
pixels of a line. While a band is computed, the next one is loaded, and outputs of some channels are
stored. Weights come from the memory for every band.
"""

import dataclasses
from collections.abc import Callable

from weft.checks import check
from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode

from .bands import Band, LayerShape, best_plan
from .convolution import NO_PADDING, Convolution
from .products import (
    convolve_tile,
    most_pixels,
    parameters_of,
    place_constants,
    put_weights,
)
from .program_builder import INPUTS, OUTPUTS, BuiltProgram, PlacedArray, ProgramBuilder
from .tensor import Tensor, tiles


def layer_program(
    core: CoreConfig,
    layer: Convolution,
    *,
    height: int = 1,
    width: int = 1,
    images: int = 1,
    packed: bool = False,
    memory_bytes: float = 0.0,
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
    memory_bytes : float
        Bytes in a cycle of the memory for which the bands are chosen; with 0, a beat.

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
    elif layer.kernel == (1, 1) and layer.padding == NO_PADDING and images == 1:
        load = _sampled_load(layer, builder.array(INPUTS, shape))
        layer, height, width = dataclasses.replace(layer, strides=(1, 1)), lines, columns
    else:
        load = _plain_load(builder.array(INPUTS, shape))
    target = builder.array(OUTPUTS, (images, lines, columns, layer.outputs))
    shape = LayerShape(
        builder=builder,
        layer=layer,
        images=images,
        height=height,
        width=width,
        memory_bytes=memory_bytes or core.bus.data_width / 8,
    )
    _emit(shape, load, target)
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


def _sampled_load(layer: Convolution, source: PlacedArray) -> _Load:
    """Return the load of the pixels that a 1 x 1 kernel visits in an image."""
    *_, width, channels = source.shape
    (y_step, x_step), pitch = layer.strides, width * channels
    if layer.strides == (1, 1):
        return _plain_load(source)

    def load(builder: ProgramBuilder, tensor: Tensor, line: int) -> None:
        builder.emit(
            Opcode.LOAD,
            **dict(region=source.region, row=tensor.row, bytes=channels),
            offset=source.offset + line * y_step * pitch + tensor.left * x_step * channels,
            **dict(groups=tensor.lines, group_pitch=y_step * pitch),
            **dict(lines=tensor.width, line_pitch=x_step * channels),
        )

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


def _emit(shape: LayerShape, load: _Load, target: PlacedArray) -> None:
    """Emit a layer: the load of each band comes before the products of the one before."""
    builder, layer, plan = shape.builder, shape.layer, best_plan(shape)
    bands, rows = plan.bands, max(map(shape.source_rows, plan.bands))
    sources = [builder.rows(rows) for _ in bands[: plan.slots]]
    parts = [
        range(first, min(first + plan.blocks, shape.output_blocks))
        for first in range(0, shape.output_blocks, plan.blocks)
    ]
    rows = max(band.pixels for band in bands) * plan.blocks
    outputs = _output_rows(builder, rows, min(plan.slots, len(bands) * len(parts)))
    constants = place_constants(builder, layer)

    def fetch(number: int) -> Tensor:
        """Load the source of a band, and return it."""
        tensor = shape.source(bands[number]).at(sources[number % plan.slots])
        load(builder, tensor, bands[number].image * shape.height + tensor.top)
        return tensor

    following, stored = fetch(0), 0
    for number, band in enumerate(bands):
        source = following
        # The parameters do not wait for the next band.
        parameters_of(builder, layer, constants, 0)
        if plan.slots > 1 and number + 1 < len(bands):
            following = fetch(number + 1)
        put_weights(builder, layer, constants)
        for part in parts:
            output = _part_of(shape, band, part).at(outputs[stored % len(outputs)])
            # A band has no more pixels than a tile.
            (tile,) = tiles(output, most_pixels(builder))
            convolve_tile(
                builder,
                layer,
                constants,
                height=shape.height,
                width=shape.width,
                source=source,
                output=output,
                tile=tile,
                first_block=part.start,
            )
            line = band.image * shape.sides[0] + band.y
            channel = part.start * builder.lanes
            output.move(builder, Opcode.STORE, target, line=line, channel=channel)
            stored += 1
        if plan.slots == 1 and number + 1 < len(bands):
            following = fetch(number + 1)


def _part_of(shape: LayerShape, band: Band, blocks: range) -> Tensor:
    """Return some blocks of the outputs of a band, at row 0."""
    lanes = shape.builder.lanes
    channels = min(blocks.stop * lanes, shape.layer.outputs) - blocks.start * lanes
    sizes = {"images": band.images, "lines": band.lines, "width": band.width}
    return Tensor(row=0, top=band.y, left=band.x, channels=channels, **sizes)


def _output_rows(builder: ProgramBuilder, rows: int, count: int) -> list[int]:
    """Return the first rows of the parts of the output.

    In a bank of their own if there is one: STORE would wait for a bank that MATRIX reads.
    """
    bank = builder.core.buffer.rows // builder.core.buffer.banks
    skipped = -(builder.needs.buffer_rows - builder.free_rows) % bank
    if builder.free_rows - skipped >= count * rows:
        builder.rows(skipped)
    return [builder.rows(rows) for _ in range(count)]
