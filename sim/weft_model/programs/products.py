"""Products: convolutions and products of tensors in the buffer, tile by tile.

Each tile of the output is one MATMUL over all of K, with its weights in front of it, and a VECTOR
that drains it. Weights pass through the FIFO, so those of the next tile come in the meantime.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Bias, Opcode, ScaleSource, XSource

from .convolution import Convolution
from .program_builder import CONSTANTS, ProgramBuilder, aligned
from .requantization import Requantization
from .tensor import Tensor, Tile, tiles

# Of one WEIGHTS.
_MOST_TILES = 4095
_MOST_GROUPS = 2047


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Where the constants of a layer are in the memory.

    Parameters
    ----------
    weights : tuple of int
        First byte of the weights of each block of outputs.
    records : tuple of int
        First byte of the parameter records of each chunk of blocks.
    chunk : int
        Blocks of outputs whose records are loaded together.
    """

    weights: tuple[int, ...]
    records: tuple[int, ...]
    chunk: int


def place_constants(builder: ProgramBuilder, layer: Convolution) -> Constants:
    """Place weights and records in the memory; the weights of a block of outputs are contiguous."""
    lanes, records = builder.lanes, layer.requantize.records()
    chunk = max(builder.needs.parameter_rows // 2, 1)
    pitch = weights_pitch(builder, layer)
    blocks = [
        layer.weights[..., first : first + lanes].tobytes().ljust(pitch, b"\0")
        for first in range(0, layer.outputs, lanes)
    ]
    base = builder.constant(b"".join(blocks))
    return Constants(
        weights=tuple(base + pitch * block for block in range(len(blocks))),
        records=tuple(
            builder.constant(records[first : first + chunk * lanes].tobytes())
            for first in range(0, layer.outputs, chunk * lanes)
        ),
        chunk=chunk,
    )


def weights_pitch(builder: ProgramBuilder, layer: Convolution) -> int:
    """Return the bytes from the weights of a block of outputs to those of the next."""
    columns = min(builder.lanes, layer.outputs)
    outputs = 1 if layer.depthwise else layer.channels
    return aligned(int(np.prod(layer.kernel)) * outputs * columns)


def convolve(
    builder: ProgramBuilder,
    layer: Convolution,
    constants: Constants,
    *,
    height: int,
    width: int,
    source: Tensor,
    output: Tensor,
) -> None:
    """Convolve parts of images in the buffer.

    Parameters
    ----------
    builder : ProgramBuilder
    layer : Convolution
    constants : Constants
    height, width : int
        Of a whole input image.
    source, output : Tensor
        The source has all pixels that the output needs.
    """
    sizes = {"height": height, "width": width, "source": source, "output": output}
    for tile in tiles(output, most_pixels(builder)):
        put_weights(builder, layer, constants)
        convolve_tile(builder, layer, constants, tile=tile, **sizes)


def convolve_tile(
    builder: ProgramBuilder,
    layer: Convolution,
    constants: Constants,
    *,
    height: int,
    width: int,
    source: Tensor,
    output: Tensor,
    tile: Tile,
    first_block: int = 0,
) -> None:
    """Convolve a tile of pixels, whose weights are in the FIFO; otherwise as `convolve`.

    The output may have some blocks of the channels only, from `first_block` on.
    """
    for place in range(builder.blocks(output.channels)):
        block = first_block + place
        parameters = parameters_of(builder, layer, constants, block)
        matmul = _convolution_tile(builder, layer, block, tile, source=source, output=output)
        builder.emit(Opcode.MATMUL, height=height, width=width, **matmul)
        drain(builder, layer.requantize, place, tile, output=output, parameters=parameters)


def parameters_of(
    builder: ProgramBuilder, layer: Convolution, constants: Constants, block: int
) -> int:
    """Return the parameter row of a block of outputs; its records are loaded in time."""
    chunk, place = divmod(block, constants.chunk)
    size = constants.chunk * builder.lanes
    channels = min(size, layer.outputs - chunk * size)
    return builder.parameters(constants.records[chunk], channels) + place


def most_pixels(builder: ProgramBuilder) -> int:
    """Return the pixels of the largest tile."""
    return min(builder.needs.accumulators, builder.needs.result_rows)


def put_weights(builder: ProgramBuilder, layer: Convolution, constants: Constants) -> None:
    """Put the tiles of all blocks of outputs into the FIFO, with few instructions."""
    whole, rest = divmod(layer.outputs, builder.lanes)
    together = _MOST_GROUPS if _flat_tiles(builder, layer) else 1
    runs = [range(n, min(n + together, whole)) for n in range(0, whole, together)]
    for run in [*runs, range(whole, whole + 1)] if rest else runs:
        _layer_weights(builder, layer, run, constants.weights[run.start])


def _flat_tiles(builder: ProgramBuilder, layer: Convolution) -> int:
    """Return the tiles of a block of outputs if they are at equal distances, otherwise 0."""
    places, lanes = int(np.prod(layer.kernel)), builder.lanes
    if layer.depthwise or (places > 1 and layer.channels % lanes):
        return 0
    tiles = places * builder.blocks(layer.channels)
    return tiles if tiles <= _MOST_TILES else 0


def _layer_weights(builder: ProgramBuilder, layer: Convolution, blocks: range, offset: int) -> None:
    """Put the tiles of blocks of outputs into the FIFO, each in the order (ky, kx, block)."""
    places, columns = int(np.prod(layer.kernel)), builder.valid(layer.outputs, blocks.start)
    common = {"region": CONSTANTS, "offset": offset, "valid_columns": columns}
    common["row_pitch"] = columns
    if layer.depthwise:
        pitches = {"group_pitch": columns, "valid_rows": columns}
        builder.emit(Opcode.WEIGHTS, diagonal=1, groups=places, **pitches, **common)
        return
    of_channels = builder.blocks(layer.channels)
    tiles = _flat_tiles(builder, layer)
    if tiles:
        pitch = weights_pitch(builder, layer)
        groups = dict(groups=len(blocks), group_pitch=pitch) if len(blocks) > 1 else {}
    else:
        tiles = of_channels
        groups = dict(groups=places, group_pitch=layer.channels * columns)
    builder.emit(
        Opcode.WEIGHTS,
        **dict(tiles=tiles, tile_pitch=builder.lanes * columns, **groups),
        **dict(valid_rows=builder.valid(layer.channels, of_channels - 1), **common),
    )


def _convolution_tile(
    builder: ProgramBuilder,
    layer: Convolution,
    block: int,
    tile: Tile,
    *,
    source: Tensor,
    output: Tensor,
) -> dict[str, int]:
    """Return the fields of the MATMUL of a tile of outputs."""
    blocks = builder.blocks(layer.channels)
    line = source.width * blocks
    (top, _), (left, _) = layer.padding
    y_step, x_step = layer.strides
    y = (output.top + tile.y) * y_step - top
    x = (output.left + tile.x) * x_step - left
    image = source.lines * line
    row = source.row + tile.image * image + (y - source.top) * line + (x - source.left) * blocks
    # A channel of a depthwise convolution has weights in its own block of inputs only.
    row += block if layer.depthwise else 0
    return {
        **dict(first=1, last=1, zero_point=layer.zero_point, row=row, y_origin=y, x_origin=x),
        **_loop("image", tile.images, stride=image),
        **_loop("y", tile.lines, stride=y_step * line, step=y_step),
        **_loop("x", tile.width, stride=x_step * blocks, step=x_step),
        **_loop("ky", layer.kernel[0], stride=layer.dilation * line, step=layer.dilation),
        **_loop("kx", layer.kernel[1], stride=layer.dilation * blocks, step=layer.dilation),
        **({} if layer.depthwise else _loop("block", blocks, stride=1)),
    }


def _loop(name: str, count: int, *, stride: int, step: int = 0) -> dict[str, int]:
    """Return the fields of a loop of MATMUL, unless it has one step."""
    if count == 1:
        return {}
    fields = {f"{name}_count": count, f"{name}_stride": stride}
    return fields | ({f"{name}_step": step} if step else {})


def drain(
    builder: ProgramBuilder,
    requantize: Requantization,
    block: int,
    tile: Tile,
    *,
    output: Tensor,
    parameters: int,
    output_table: int = 0,
) -> None:
    """Requantize the result rows of a tile, and write a block of outputs."""
    blocks = builder.blocks(output.channels)
    builder.emit(
        Opcode.VECTOR,
        **dict(x_source=XSource.RESULTS, inner_count=tile.pixels, bias=Bias.CHANNEL),
        **dict(rounding=requantize.rounding, scale_source=ScaleSource.CHANNEL),
        **dict(parameters=parameters, output_offset=requantize.offset),
        **dict(minimum=requantize.minimum, maximum=requantize.maximum),
        **dict(output_table=output_table, write=1, destination_inner=blocks),
        destination_row=output.row + tile.first * blocks + block,
        valid_lanes=builder.valid(output.channels, block),
    )


def convolved(builder: ProgramBuilder, layer: Convolution, x: Tensor) -> Tensor:
    """Convolve whole images in the buffer; return the output, in rows of its own."""
    builder.tag += 1
    lines, width = layer.output_sides(x.lines, x.width)
    sizes = {"lines": lines, "width": width, "images": x.images}
    output = Tensor.new(builder, channels=layer.outputs, **sizes)
    constants = place_constants(builder, layer)
    sides = {"height": x.lines, "width": x.width}
    convolve(builder, layer, constants, source=x, output=output, **sides)
    return output


def connected(
    builder: ProgramBuilder,
    layer: Convolution,
    sources: Sequence[Tensor],
    *,
    output_table: np.ndarray | None = None,
) -> Tensor:
    """Multiply the concatenation of matrices by the weights of a fully connected layer.

    The products share their sums, so nothing is copied. The outputs pass through a table, if there
    is one, and are in rows of their own.
    """
    builder.tag += 1
    output = Tensor.new(builder, width=sources[0].width, channels=layer.outputs)
    constants = place_constants(builder, layer)
    (table,) = (0,) if output_table is None else builder.tables(output_table)
    for block in range(builder.blocks(layer.outputs)):
        parameters = parameters_of(builder, layer, constants, block)
        for tile in tiles(output, most_pixels(builder)):
            offset = constants.weights[block]
            for source in sources:
                columns = builder.valid(layer.outputs, block)
                _matrix_weights(builder, offset, channels=source.channels, columns=columns)
                offset += source.channels * columns
                _matrix_tile(
                    builder,
                    tile=tile,
                    source=source,
                    zero_point=layer.zero_point,
                    first=source is sources[0],
                    last=source is sources[-1],
                )
            drain(
                builder,
                layer.requantize,
                block,
                tile,
                output=output,
                parameters=parameters,
                output_table=table,
            )
    return output


def _matrix_weights(builder: ProgramBuilder, offset: int, *, channels: int, columns: int) -> None:
    blocks = builder.blocks(channels)
    builder.emit(
        Opcode.WEIGHTS,
        **dict(region=CONSTANTS, offset=offset, valid_columns=columns, row_pitch=columns),
        **dict(tiles=blocks, tile_pitch=builder.lanes * columns),
        valid_rows=builder.valid(channels, blocks - 1),
    )


def _matrix_tile(
    builder: ProgramBuilder, *, tile: Tile, source: Tensor, zero_point: int, first: bool, last: bool
) -> None:
    blocks = builder.blocks(source.channels)
    builder.emit(
        Opcode.MATMUL,
        **dict(first=int(first), last=int(last), zero_point=zero_point),
        **dict(row=source.row + tile.first * blocks, block_count=blocks, block_stride=1),
        **dict(x_count=tile.pixels, x_stride=blocks, width=tile.pixels),
    )
