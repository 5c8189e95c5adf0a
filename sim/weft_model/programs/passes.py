"""Passes of the vector unit over whole tensors."""

import numpy as np

from weft.isa.codes import (
    Combine,
    Format,
    Function,
    Opcode,
    Reduce,
    Rounding,
    ScaleSource,
    Subtrahend,
    XSource,
    YSource,
)

from .program_builder import ProgramBuilder
from .softmax import OUTPUT, RECIPROCAL_SHIFT, Softmax
from .tensor import Tensor
from .tensor_operations import Addition, Product


def add(
    builder: ProgramBuilder, addition: Addition, *, x: Tensor, y: Tensor, output: Tensor
) -> None:
    """Add two tensors of one shape."""
    x_table, y_table = builder.tables(addition.x_table, addition.y_table)
    fields = {"combine": Combine.ADD, "minimum": addition.minimum, **_scale(addition)}
    fields |= {"x_table": x_table, "y_table": y_table}
    _elementwise(builder, x=x, y=y, output=output, **fields)


def multiply(
    builder: ProgramBuilder,
    product: Product,
    *,
    x: Tensor,
    y: Tensor,
    output: Tensor,
    y_table: np.ndarray | None = None,
) -> None:
    """Multiply two tensors of one shape; y passes through a table first, if there is one."""
    fields = {"combine": Combine.MULTIPLY, **_scale(product)}
    fields["x_zero_point"] = product.x_zero_point
    if y_table is None:
        fields["y_zero_point"] = product.y_zero_point
    else:
        # The zero point would be subtracted in front of the table.
        (fields["y_table"],) = builder.tables(y_table - product.y_zero_point)
    _elementwise(builder, x=x, y=y, output=output, **fields)


def _scale(operation: Addition | Product) -> dict[str, int]:
    scale = operation.scale
    return {
        "rounding": Rounding.DOUBLE,
        "multiplier": scale.multiplier,
        "shift": scale.shift,
        "output_offset": operation.offset,
    }


def _elementwise(
    builder: ProgramBuilder, *, x: Tensor, y: Tensor, output: Tensor, **fields: int
) -> None:
    rows = x.pixels * builder.blocks(x.channels)
    builder.emit(
        Opcode.VECTOR,
        **dict(y_source=YSource.BUFFER, write=1, valid_lanes=builder.lanes, inner_count=rows),
        **dict(x_row=x.row, x_inner=1, y_row=y.row, y_inner=1),
        **dict(destination_row=output.row, destination_inner=1),
        **fields,
    )


def softmax(builder: ProgramBuilder, operation: Softmax, x: Tensor) -> None:
    """Replace rows by their softmax.

    The row scalars from 0 on have the maximum of each row. Those after them get the sums.
    """
    rows, sums = x.pixels, x.pixels
    summands, exponentials = builder.tables(operation.summands, operation.exponentials)
    for number, (first, blocks, lanes) in enumerate(_parts(builder, x)):
        builder.emit(
            Opcode.VECTOR,
            **dict(x_row=x.row + first, x_inner=builder.blocks(x.channels), inner_count=rows),
            **dict(reduce_inner_count=blocks, x_reduce_inner=1, valid_lanes=lanes),
            **dict(subtrahend=Subtrahend.SCALAR, x_table=summands, scalar_inner=1),
            **dict(destination_format=Format.INT32, reduce=Reduce.LANES_SUM, reduce_scalar=sums),
            accumulate=int(number > 0),
        )
    builder.emit(
        Opcode.VECTOR,
        **dict(function=Function.RECIPROCAL, x_source=XSource.SCALARS, shift=RECIPROCAL_SHIFT),
        **dict(x_row=sums, x_inner=1, inner_count=rows, reduce_scalar=sums, scalar_inner=1),
    )
    for first, blocks, lanes in _parts(builder, x):
        pitch = builder.blocks(x.channels)
        builder.emit(
            Opcode.VECTOR,
            **dict(x_row=x.row + first, x_middle=pitch, x_inner=1),
            **dict(destination_row=x.row + first, destination_middle=pitch, destination_inner=1),
            **dict(middle_count=rows, inner_count=blocks, scalar_middle=1, valid_lanes=lanes),
            **dict(subtrahend=Subtrahend.SCALAR, x_table=exponentials, write=1),
            **dict(rounding=Rounding.DOUBLE, scale_source=ScaleSource.SCALAR, scale_scalar=sums),
            output_offset=OUTPUT.zero_point,
        )


def _parts(builder: ProgramBuilder, x: Tensor) -> list[tuple[int, int, int]]:
    """Return blocks with equally many valid lanes: the first, how many, and the lanes."""
    whole, rest = divmod(x.channels, builder.lanes)
    parts = [(0, whole, builder.lanes)] if whole else []
    return [*parts, (whole, 1, rest)] if rest else parts
