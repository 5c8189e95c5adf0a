"""The table of instructions: every field once, with its place, width, meaning and legal range."""

from collections.abc import Sequence

from .codes import (
    Bias,
    Combine,
    Conversion,
    Format,
    Function,
    Opcode,
    Reduce,
    Rounding,
    ScaleSource,
    Subtrahend,
    Target,
    Unit,
    XSource,
    YSource,
)
from .fields import Field, Gap, code
from .kind import (
    INDEX_BITS,
    MOST_LANES,
    TABLE_BITS,
    Kind,
    count,
    flag,
    index,
    int16,
    kind_of,
    pitch,
    row_field,
    stride,
)

REGION = Field(name="region", meaning="Region of the memory.", width=3)
OFFSET = Field(name="offset", meaning="First byte, counted from the base of the region.", width=32)
_LINES = (
    count("lines", "Lines in a group."),
    count("bytes", "Bytes of a line in the memory."),
)
_PITCHES = (
    (pitch("line_pitch", "Bytes from a line to the next; lines may overlap."),),
    (pitch("group_pitch", "Bytes from a group of lines to the next."),),
)

HALT = kind_of(
    Opcode.HALT,
    "Waits until all instructions have finished, and ends the program. Every tile must have been "
    "used, every result row drained and every sum emitted.",
    unit=None,
    units=1,
)

LOAD = kind_of(
    Opcode.LOAD,
    "Copies lines of bytes from the memory to consecutive rows. Each line begins a new row, and "
    "`fill` completes its last one.",
    unit=Unit.LOAD,
    units=1,
    flags=(
        code("target", Target, 2, "What is written."),
        code("conversion", Conversion, 4, "Conversion of the numbers."),
    ),
    head=(REGION, Gap(5), count("groups", "Groups of lines.")),
    words=(
        (
            row_field("row", "First row that is written."),
            Field(name="fill", meaning="Byte that completes a row.", width=8),
        ),
        (OFFSET,),
        _LINES,
        *_PITCHES,
    ),
)

STORE = kind_of(
    Opcode.STORE,
    "Copies consecutive buffer rows to lines of bytes in the memory; the inverse of LOAD.",
    unit=Unit.STORE,
    units=1,
    head=(REGION, Gap(5), count("groups", "Groups of lines.")),
    words=((row_field("row", "First buffer row that is read."),), (OFFSET,), _LINES, *_PITCHES),
)

WEIGHTS = kind_of(
    Opcode.WEIGHTS,
    "Puts groups of tiles into the weight FIFO. Row r of a tile multiplies lane r of the "
    "activations. Outside of the valid rows and columns, weights are zero.",
    unit=Unit.WEIGHTS,
    units=1,
    flags=(
        flag("from_buffer", "The source is the buffer; otherwise it is the memory."),
        flag("transpose", "The lanes of a source row are a column of the tile."),
        flag("diagonal", "A tile has one source row: the weights of its diagonal."),
        code("format", Format, 4, "Format of the weights."),
    ),
    head=(
        REGION,
        count("valid_rows", "Rows of the last tile of each group.", 9, MOST_LANES),
        count("valid_columns", "Columns of every tile.", 9, MOST_LANES),
    ),
    words=(
        (
            count("tiles", "Tiles in a group.", 12),
            count("groups", "Groups of tiles.", 11),
            Field(name="zero_point", meaning="Subtracted from each weight.", width=9, signed=True),
        ),
        (
            Field(
                name="offset",
                meaning="First byte, counted from the base of the region; or first buffer row.",
                width=32,
            ),
        ),
        (pitch("row_pitch", "From a source row to the next, in bytes or buffer rows."),),
        (pitch("tile_pitch", "From a tile to the next, in bytes or buffer rows."),),
        (pitch("group_pitch", "From a group of tiles to the next, in bytes or buffer rows."),),
    ),
)

MATMUL = kind_of(
    Opcode.MATMUL,
    "Multiplies rows of activations by the next tiles. For each tile, in the order (ky, kx, "
    "block), it visits the rows in the order (image, y, x). A row with input coordinates outside "
    "of the height or the width is zero.",
    unit=Unit.MATRIX,
    units=2,
    flags=(
        flag("first", "The first tile overwrites the accumulators."),
        flag("last", "The last tile emits the sums as result rows."),
        Gap(2),
        code("format", Format, 4, "Format of the activations."),
    ),
    head=(int16("zero_point", "Subtracted from each activation."),),
    words=(
        (
            stride("row", "Buffer row at index zero of all six loops; negative with padding."),
            index("accumulator", "Accumulator of the first row; the others follow."),
        ),
        (
            stride("image_stride", "Buffer rows from an image to the next."),
            count("ky_count", "Rows of the kernel.", INDEX_BITS),
        ),
        (
            stride("y_stride", "Buffer rows for a step of y."),
            count("kx_count", "Columns of the kernel.", INDEX_BITS),
        ),
        (
            stride("x_stride", "Buffer rows for a step of x."),
            count("y_step", "Input rows for a step of y.", INDEX_BITS),
        ),
        (
            stride("ky_stride", "Buffer rows for a step of ky."),
            count("x_step", "Input columns for a step of x.", INDEX_BITS),
        ),
        (
            stride("kx_stride", "Buffer rows for a step of kx."),
            count("ky_step", "Input rows for a step of ky: the dilation.", INDEX_BITS),
        ),
        (
            stride("block_stride", "Buffer rows for a step of the block."),
            count("kx_step", "Input columns for a step of kx: the dilation.", INDEX_BITS),
        ),
        (
            count("image_count", "Images."),
            count("block_count", "Blocks of N input channels."),
        ),
        (count("y_count", "Output rows of an image."), count("x_count", "Output columns.")),
        (
            int16("y_origin", "Input row at y = ky = 0; negative with padding."),
            int16("x_origin", "Input column at x = kx = 0; negative with padding."),
        ),
        (count("height", "Input rows of an image."), count("width", "Input columns.")),
    ),
)

_LOOPS = ("outer", "middle", "inner")


def _walk(name: str, what: str, start: Field, slots: Sequence[Sequence[Field]]) -> list:
    """Return the words of a walk: the start and three strides, each with its other fields."""
    strides = (stride(f"{name}_{loop}", f"Rows of {what} per {loop} step.") for loop in _LOOPS)
    return [(field, *slot) for field, slot in zip((start, *strides), slots, strict=True)]


VECTOR = kind_of(
    Opcode.VECTOR,
    "Streams rows of x and y through the vector unit. Rows are visited in the order (outer, "
    "middle, inner, reduce_outer, reduce_inner).",
    unit=Unit.VECTOR,
    units=3,
    flags=(
        code("x_source", XSource, 2, "Source of x."),
        code("y_source", YSource, 3, "Source of y."),
        flag("write", "Write the rows to the destination in the buffer."),
        flag("accumulate", "A reduction over lanes continues from the scalar it replaces."),
        code("subtrahend", Subtrahend, 1, "What is subtracted from x."),
    ),
    head=(
        code("x_format", Format, 4, "Format of x."),
        code("y_format", Format, 4, "Format of y."),
        code("destination_format", Format, 4, "Format of the destination."),
        code("rounding", Rounding, 3, "Rounding of the scale."),
        code("scale_source", ScaleSource, 2, "Source of multiplier and shift."),
        code("bias", Bias, 2, "What is added before the scale."),
        code("function", Function, 5, "Function of row scalars, in place of all other stages."),
    ),
    words=(
        *_walk(
            "x",
            "x",
            row_field("x_row", "First row of x."),
            (
                (count("reduce_outer_count", "Steps of the outer reduction loop.", 12),),
                (count("reduce_inner_count", "Steps of the inner reduction loop.", 12),),
                (count("valid_lanes", "Lanes that are not masked.", 9, MOST_LANES),),
                (
                    code("combine", Combine, 3, "How x and y are combined."),
                    code("reduce", Reduce, 3, "What is reduced."),
                    Field(name="shift", meaning="Shift of the scale.", width=6),
                ),
            ),
        ),
        (
            stride("x_reduce_outer", "Rows of x per step of the outer reduction loop."),
            index("parameters", "Parameter row."),
        ),
        (
            stride("x_reduce_inner", "Rows of x per step of the inner reduction loop."),
            index("parameter_stride", "Parameter rows per outer step.", signed=True),
        ),
        *_walk(
            "y",
            "y",
            row_field("y_row", "First row of y."),
            (
                (
                    Field(
                        name="x_table", meaning="0: none. k: table k - 1, on x.", width=TABLE_BITS
                    ),
                    Field(
                        name="y_table", meaning="0: none. k: table k - 1, on y.", width=TABLE_BITS
                    ),
                    Field(
                        name="output_table", meaning="0: none. k: table k - 1.", width=TABLE_BITS
                    ),
                ),
                (index("subtract_scalar", "First row scalar subtracted from x."),),
                (index("scale_scalar", "First row scalar of the scale."),),
                (index("reduce_scalar", "First row scalar that is written."),),
            ),
        ),
        *_walk(
            "destination",
            "the destination",
            row_field("destination_row", "First row of the destination."),
            (
                (),
                (index("scalar_outer", "Row scalars per outer step.", signed=True),),
                (index("scalar_middle", "Row scalars per middle step.", signed=True),),
                (index("scalar_inner", "Row scalars per inner step.", signed=True),),
            ),
        ),
        (count("outer_count", "Outer steps."), count("middle_count", "Middle steps.")),
        (count("inner_count", "Inner steps."), int16("output_offset", "Added after the scale.")),
        (
            int16("x_zero_point", "Subtracted from x."),
            int16("y_zero_point", "Subtracted from y."),
        ),
        (
            int16("minimum", "Least output; unused if the destination has 32 bits.", -(1 << 15)),
            int16("maximum", "Greatest output; unused likewise.", (1 << 15) - 1),
        ),
        (pitch("multiplier", "Multiplier of the scale."),),
        (pitch("immediate", "y, if its source is immediate."),),
    ),
)

KINDS: dict[Opcode, Kind] = {
    kind.opcode: kind for kind in (HALT, LOAD, STORE, WEIGHTS, MATMUL, VECTOR)
}
