"""Products of two tensors in the buffer, as in attention."""

from collections.abc import Iterator

from weft.isa.codes import Opcode, Reduce, Rounding, XSource

from .products import most_pixels
from .program_builder import ProgramBuilder
from .tensor import Tensor, Tile, tiles
from .tensor_operations import Product


def multiply_tensors(
    builder: ProgramBuilder,
    product: Product,
    *,
    x: Tensor,
    y: Tensor,
    output: Tensor,
    transpose: bool = False,
    maxima: bool = False,
) -> None:
    """Multiply x by y, or by its transpose; the weights come from the buffer.

    Parameters
    ----------
    builder : ProgramBuilder
    product : Product
    x, y, output : Tensor
        Matrices.
    transpose : bool
        y has a row for each column of the output.
    maxima : bool
        The maximum of each row of the output is written to the row scalar of its number.
    """
    for tile in tiles(output, most_pixels(builder)):
        for blocks in _drained_together(builder, output, tile, alone=maxima):
            for block in blocks:
                _weights(builder, product, block, x=x, y=y, output=output, transpose=transpose)
                pitch = builder.blocks(x.channels)
                builder.emit(
                    Opcode.MATMUL,
                    **dict(first=1, last=1, zero_point=product.x_zero_point),
                    **dict(row=x.row + tile.first * pitch, x_stride=pitch),
                    **dict(x_count=tile.pixels, width=tile.pixels),
                    **dict(block_count=pitch, block_stride=1),
                )
            _drain(builder, product, blocks, tile, output=output, maxima=maxima)


def _drained_together(
    builder: ProgramBuilder, output: Tensor, tile: Tile, *, alone: bool
) -> Iterator[range]:
    """Yield blocks of the output that one VECTOR drains: as many as there is room for results."""
    whole, rest = divmod(output.channels, builder.lanes)
    together = 1 if alone else max(builder.needs.result_rows // tile.pixels, 1)
    for first in range(0, whole, together):
        yield range(first, min(first + together, whole))
    if rest:
        yield range(whole, whole + 1)


def _drain(
    builder: ProgramBuilder,
    product: Product,
    blocks: range,
    tile: Tile,
    *,
    output: Tensor,
    maxima: bool,
) -> None:
    """Requantize the result rows of some blocks of the output."""
    reduction = {}
    if maxima:
        reduction = dict(reduce=Reduce.LANES_MAX, accumulate=int(blocks.start > 0))
        reduction |= dict(reduce_scalar=tile.first, scalar_inner=1)
    pitch = builder.blocks(output.channels)
    if len(blocks) > 1:
        reduction |= dict(middle_count=len(blocks), destination_middle=1)
    builder.emit(
        Opcode.VECTOR,
        **dict(x_source=XSource.RESULTS, inner_count=tile.pixels),
        **dict(rounding=Rounding.DOUBLE, output_offset=product.offset),
        **dict(multiplier=product.scale.multiplier, shift=product.scale.shift),
        **dict(write=1, destination_row=output.row + tile.first * pitch + blocks.start),
        **dict(destination_inner=pitch, **reduction),
        valid_lanes=builder.valid(output.channels, blocks.start),
    )


def _weights(
    builder: ProgramBuilder,
    product: Product,
    block: int,
    *,
    x: Tensor,
    y: Tensor,
    output: Tensor,
    transpose: bool,
) -> None:
    """Put the tiles of a block of output columns into the FIFO."""
    lanes, pitch, tile_count = builder.lanes, builder.blocks(y.channels), builder.blocks(x.channels)
    if transpose:
        start, step = block * lanes * pitch, 1
    else:
        start, step = block, lanes * pitch
    builder.emit(
        Opcode.WEIGHTS,
        **dict(from_buffer=1, transpose=int(transpose), zero_point=product.y_zero_point),
        **dict(offset=y.row + start, row_pitch=pitch, tiles=tile_count, tile_pitch=step),
        valid_rows=builder.valid(x.channels, tile_count - 1),
        valid_columns=builder.valid(output.channels, block),
    )
