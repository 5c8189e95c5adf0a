"""The table of instructions: every field once, with its place, width, meaning and legal range."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
from .fields import UNIT_BYTES, UNIT_WORDS, Field, Gap, code, placed

# Bits of the numbers of buffer rows and of strides in buffer rows.
ROW_BITS = 20
# Most rows of a buffer. The row of a MATMUL is signed, because with padding it can be in front of
# the buffer.
MOST_ROWS = 1 << (ROW_BITS - 1)
# Bits of the numbers of accumulators, parameter rows and row scalars.
INDEX_BITS = 12
MOST_LANES = 256
REGIONS = 8
MOST_WAIT = 255


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of instruction.

    Parameters
    ----------
    opcode : Opcode
    unit : Unit, optional
        The unit that executes it; None for the sequencer itself.
    units : int
        Length in units of 32 bytes.
    meaning : str
    fields : tuple of Field
        Header included, in order of their places.
    """

    opcode: Opcode
    unit: Unit | None
    units: int
    meaning: str
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        return self.opcode.name

    @property
    def words(self) -> int:
        return self.units * UNIT_WORDS

    @property
    def bytes(self) -> int:
        return self.units * UNIT_BYTES

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def free_fields(self) -> dict[str, Field]:
        """Fields other than the opcode, by name."""
        return {name: field for name, field in self.by_name.items() if name != "opcode"}

    @cached_property
    def defaults(self) -> dict[str, int]:
        return {field.name: field.default for field in self.fields} | {"opcode": self.opcode}


def wait_name(unit: Unit) -> str:
    """Return the name of the field that waits for a unit."""
    return f"wait_{unit.name.lower()}"


def _wait(unit: Unit) -> Field:
    meaning = (
        f"0: no wait. k: start when at most k - 1 of the {unit.name} instructions before this one "
        "in the program are unfinished."
    )
    return Field(name=wait_name(unit), meaning=meaning, width=8)


def _kind(
    opcode: Opcode,
    meaning: str,
    *,
    unit: Unit | None,
    units: int,
    flags: Sequence[Field | Gap] = (),
    head: Sequence[Field | Gap] = (),
    words: Sequence[Sequence[Field | Gap]] = (),
) -> Kind:
    """Return a kind of instruction; `flags` have 8 bits of word 0, `head` 24 bits of word 2."""
    spare = Gap(8 - sum(part.width for part in flags))
    header = (
        (
            Field(name="opcode", meaning="Kind of the instruction.", width=8),
            *flags,
            spare,
            Field(name="tag", meaning="Free for the compiler; shown in traces.", width=16),
        ),
        tuple(_wait(waited) for waited in tuple(Unit)[:4]),
        (_wait(Unit.VECTOR), *head),
    )
    return Kind(
        opcode=opcode, unit=unit, units=units, meaning=meaning, fields=placed((*header, *words))
    )


def _row(name: str, meaning: str) -> Field:
    return Field(name=name, meaning=meaning, width=ROW_BITS)


def _stride(name: str, meaning: str) -> Field:
    return Field(name=name, meaning=meaning, width=ROW_BITS, signed=True)


def _count(name: str, meaning: str, width: int = 16, high: int | None = None) -> Field:
    return Field(name=name, meaning=meaning, width=width, low=1, high=high, default=1)


def _index(name: str, meaning: str, *, signed: bool = False) -> Field:
    return Field(name=name, meaning=meaning, width=INDEX_BITS, signed=signed)


def _int16(name: str, meaning: str, default: int = 0) -> Field:
    return Field(name=name, meaning=meaning, width=16, signed=True, default=default)


def _pitch(name: str, meaning: str) -> Field:
    return Field(name=name, meaning=meaning, width=32, signed=True)


def _flag(name: str, meaning: str) -> Field:
    return Field(name=name, meaning=meaning, width=1)


REGION = Field(name="region", meaning="Region of the memory.", width=3)
OFFSET = Field(name="offset", meaning="First byte, counted from the base of the region.", width=32)
_LINES = (
    _count("lines", "Lines in a group."),
    _count("bytes", "Bytes of a line in the memory."),
)
_PITCHES = (
    (_pitch("line_pitch", "Bytes from a line to the next; lines may overlap."),),
    (_pitch("group_pitch", "Bytes from a group of lines to the next."),),
)

HALT = _kind(
    Opcode.HALT,
    "Waits until all instructions have finished, and ends the program. Every tile must have been "
    "used, every result row drained and every sum emitted.",
    unit=None,
    units=1,
)

LOAD = _kind(
    Opcode.LOAD,
    "Copies lines of bytes from the memory to consecutive rows. Each line begins a new row, and "
    "`fill` completes its last one.",
    unit=Unit.LOAD,
    units=1,
    flags=(
        code("target", Target, 2, "What is written."),
        code("conversion", Conversion, 4, "Conversion of the numbers."),
    ),
    head=(REGION, Gap(5), _count("groups", "Groups of lines.")),
    words=(
        (_row("row", "First row that is written."), Field(name="fill", meaning="Byte.", width=8)),
        (OFFSET,),
        _LINES,
        *_PITCHES,
    ),
)

STORE = _kind(
    Opcode.STORE,
    "Copies consecutive buffer rows to lines of bytes in the memory; the inverse of LOAD.",
    unit=Unit.STORE,
    units=1,
    head=(REGION, Gap(5), _count("groups", "Groups of lines.")),
    words=((_row("row", "First buffer row that is read."),), (OFFSET,), _LINES, *_PITCHES),
)

WEIGHTS = _kind(
    Opcode.WEIGHTS,
    "Puts groups of tiles into the weight FIFO. Row r of a tile multiplies lane r of the "
    "activations. Outside of the valid rows and columns, weights are zero.",
    unit=Unit.WEIGHTS,
    units=1,
    flags=(
        _flag("from_buffer", "The source is the buffer; otherwise it is the memory."),
        _flag("transpose", "The lanes of a source row are a column of the tile."),
        _flag("diagonal", "A tile has one source row: the weights of its diagonal."),
        code("format", Format, 4, "Format of the weights."),
    ),
    head=(
        REGION,
        _count("valid_rows", "Rows of the last tile of each group.", 9, MOST_LANES),
        _count("valid_columns", "Columns of every tile.", 9, MOST_LANES),
    ),
    words=(
        (
            _count("tiles", "Tiles in a group.", 12),
            _count("groups", "Groups of tiles.", 11),
            Field(name="zero_point", meaning="Subtracted from each weight.", width=9, signed=True),
        ),
        (
            Field(
                name="offset",
                meaning="First byte, counted from the base of the region; or first buffer row.",
                width=32,
            ),
        ),
        (_pitch("row_pitch", "From a source row to the next, in bytes or buffer rows."),),
        (_pitch("tile_pitch", "From a tile to the next, in bytes or buffer rows."),),
        (_pitch("group_pitch", "From a group of tiles to the next, in bytes or buffer rows."),),
    ),
)

MATMUL = _kind(
    Opcode.MATMUL,
    "Multiplies rows of activations by the next tiles. For each tile, in the order (ky, kx, "
    "block), it visits the rows in the order (image, y, x). A row with input coordinates outside "
    "of the height or the width is zero.",
    unit=Unit.MATRIX,
    units=2,
    flags=(
        _flag("first", "The first tile overwrites the accumulators."),
        _flag("last", "The last tile emits the sums as result rows."),
        Gap(2),
        code("format", Format, 4, "Format of the activations."),
    ),
    head=(_int16("zero_point", "Subtracted from each activation."),),
    words=(
        (
            _stride("row", "Buffer row at index zero of all six loops; negative with padding."),
            _index("accumulator", "Accumulator of the first row; the others follow."),
        ),
        (
            _stride("image_stride", "Buffer rows from an image to the next."),
            _count("ky_count", "Rows of the kernel.", INDEX_BITS),
        ),
        (
            _stride("y_stride", "Buffer rows for a step of y."),
            _count("kx_count", "Columns of the kernel.", INDEX_BITS),
        ),
        (
            _stride("x_stride", "Buffer rows for a step of x."),
            _count("y_step", "Input rows for a step of y.", INDEX_BITS),
        ),
        (
            _stride("ky_stride", "Buffer rows for a step of ky."),
            _count("x_step", "Input columns for a step of x.", INDEX_BITS),
        ),
        (
            _stride("kx_stride", "Buffer rows for a step of kx."),
            _count("ky_step", "Input rows for a step of ky: the dilation.", INDEX_BITS),
        ),
        (
            _stride("block_stride", "Buffer rows for a step of the block."),
            _count("kx_step", "Input columns for a step of kx: the dilation.", INDEX_BITS),
        ),
        (
            _count("image_count", "Images."),
            _count("block_count", "Blocks of N input channels."),
        ),
        (_count("y_count", "Output rows of an image."), _count("x_count", "Output columns.")),
        (
            _int16("y_origin", "Input row at y = ky = 0; negative with padding."),
            _int16("x_origin", "Input column at x = kx = 0; negative with padding."),
        ),
        (_count("height", "Input rows of an image."), _count("width", "Input columns.")),
    ),
)

_LOOPS = ("outer", "middle", "inner")


def _walk(name: str, what: str, start: Field, slots: Sequence[Sequence[Field]]) -> list:
    """Return the words of a walk: the start and three strides, each with its other fields."""
    strides = (_stride(f"{name}_{loop}", f"Rows of {what} per {loop} step.") for loop in _LOOPS)
    return [(field, *slot) for field, slot in zip((start, *strides), slots, strict=True)]


VECTOR = _kind(
    Opcode.VECTOR,
    "Streams rows of x and y through the vector unit. Rows are visited in the order (outer, "
    "middle, inner, reduce_outer, reduce_inner).",
    unit=Unit.VECTOR,
    units=3,
    flags=(
        code("x_source", XSource, 2, "Source of x."),
        code("y_source", YSource, 3, "Source of y."),
        _flag("write", "Write the rows to the destination in the buffer."),
        _flag("accumulate", "A reduction over lanes continues from the scalar it replaces."),
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
            _row("x_row", "First row of x."),
            (
                (_count("reduce_outer_count", "Steps of the outer reduction loop.", 12),),
                (_count("reduce_inner_count", "Steps of the inner reduction loop.", 12),),
                (_count("valid_lanes", "Lanes that are not masked.", 9, MOST_LANES),),
                (
                    code("combine", Combine, 3, "How x and y are combined."),
                    code("reduce", Reduce, 3, "What is reduced."),
                    Field(name="shift", meaning="Shift of the scale.", width=6),
                ),
            ),
        ),
        (
            _stride("x_reduce_outer", "Rows of x per step of the outer reduction loop."),
            _index("parameters", "Parameter row."),
        ),
        (
            _stride("x_reduce_inner", "Rows of x per step of the inner reduction loop."),
            _index("parameter_stride", "Parameter rows per outer step.", signed=True),
        ),
        *_walk(
            "y",
            "y",
            _row("y_row", "First row of y."),
            (
                (
                    Field(name="x_table", meaning="0: none. k: table k - 1, on x.", width=4),
                    Field(name="y_table", meaning="0: none. k: table k - 1, on y.", width=4),
                    Field(name="output_table", meaning="0: none. k: table k - 1.", width=4),
                ),
                (_index("subtract_scalar", "First row scalar subtracted from x."),),
                (_index("scale_scalar", "First row scalar of the scale."),),
                (_index("reduce_scalar", "First row scalar that is written."),),
            ),
        ),
        *_walk(
            "destination",
            "the destination",
            _row("destination_row", "First row of the destination."),
            (
                (),
                (_index("scalar_outer", "Row scalars per outer step.", signed=True),),
                (_index("scalar_middle", "Row scalars per middle step.", signed=True),),
                (_index("scalar_inner", "Row scalars per inner step.", signed=True),),
            ),
        ),
        (_count("outer_count", "Outer steps."), _count("middle_count", "Middle steps.")),
        (_count("inner_count", "Inner steps."), _int16("output_offset", "Added after the scale.")),
        (
            _int16("x_zero_point", "Subtracted from x."),
            _int16("y_zero_point", "Subtracted from y."),
        ),
        (
            _int16("minimum", "Least output; unused if the destination has 32 bits.", -(1 << 15)),
            _int16("maximum", "Greatest output; unused likewise.", (1 << 15) - 1),
        ),
        (_pitch("multiplier", "Multiplier of the scale."),),
        (_pitch("immediate", "y, if its source is immediate."),),
    ),
)

KINDS: dict[Opcode, Kind] = {
    kind.opcode: kind for kind in (HALT, LOAD, STORE, WEIGHTS, MATMUL, VECTOR)
}
