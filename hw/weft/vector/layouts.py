"""Layouts of the ports of the vector unit, and of a step of its walks."""

from amaranth.hdl import unsigned
from amaranth.lib import data

from ..buffer.unified_buffer import row_shape
from ..isa.codes import Target
from ..isa.fields import WORD_BITS
from ..isa.instructions import VECTOR
from ..isa.kind import INDEX_BITS
from ..isa.layouts import shape_of
from .beats import TABLE_WORDS

# Words of a parameter record and of a row scalar.
RECORD_WORDS = 3
SCALAR_WORDS = 2


def constant_layout(lanes: int) -> data.StructLayout:
    """Return the layout of a word of the parameters, tables or row scalars, as LOAD writes it.

    `target`: a Target other than the buffer. `row`: parameter row, table or row scalar. `word`: of
    the parameters lane * 3, plus 0 for the bias, 1 for the multiplier and 2 for shift and operand;
    of the tables the entry; of the row scalars 0 for the value and 1 for the shift.
    """
    return data.StructLayout(
        {
            "target": unsigned(max(Target).bit_length()),
            "row": INDEX_BITS,
            "word": range(max(TABLE_WORDS, RECORD_WORDS * lanes)),
            "data": WORD_BITS,
        }
    )


def step_layout(*, buffer_rows: int, parameter_rows: int, row_scalars: int) -> data.StructLayout:
    """Return the layout of a step of the walks of VECTOR: one row of x, and all that meets it.

    `x`, `y`: buffer row or row scalar. `destination`: buffer row. `subtract`, `scale`, `reduce`:
    row scalars. `parameters`: parameter row. `first_row`, `last_row`: of the window. `last`: of the
    instruction. `outside`: the step uses something that the core does not have. What the
    instruction does not use is meaningless.
    """
    scalar = row_shape(row_scalars)
    operand = unsigned(max(row_shape(buffer_rows).width, scalar.width))
    return data.StructLayout(
        {
            **{name: operand for name in ("x", "y")},
            "destination": row_shape(buffer_rows),
            **{name: scalar for name in ("subtract", "scale", "reduce")},
            "parameters": row_shape(parameter_rows),
            **{name: 1 for name in ("first_row", "last_row", "last", "outside")},
        }
    )


def control_layout(
    *, chunks: int, buffer_rows: int, parameter_rows: int, row_scalars: int
) -> data.StructLayout:
    """Return the layout of the control of a beat: one of `chunks` chunks of a row of x.

    `chunk`: its number in the row. `first_chunk`, `last_chunk`: of the row. `x_begins`, `y_begins`:
    the first one in its buffer row of x or y. `last`: of the instruction. The others are those of
    its step.
    """
    step = step_layout(
        buffer_rows=buffer_rows, parameter_rows=parameter_rows, row_scalars=row_scalars
    ).members
    flags = ("first_chunk", "last_chunk", "x_begins", "y_begins")
    return data.StructLayout(
        {
            "chunk": range(chunks),
            **{name: 1 for name in flags},
            **{name: shape for name, shape in step.items() if name != "outside"},
        }
    )


# The fields of a VECTOR that choose the operands of its beats.
OPERAND_FIELDS = (
    *("x_source", "x_format", "y_source", "y_format", "immediate", "valid_lanes"),
    *("subtrahend", "x_zero_point", "scale_source", "multiplier", "shift", "function"),
)


def operand_fields_layout() -> data.StructLayout:
    """Return the layout of OPERAND_FIELDS."""
    return data.StructLayout({name: shape_of(VECTOR.by_name[name]) for name in OPERAND_FIELDS})


def outcome_layout(*, chunks: int, buffer_rows: int, row_scalars: int) -> data.StructLayout:
    """Return the layout of what the results of a beat are for, when they leave the lanes.

    The fields are those of its control.
    """
    control = control_layout(
        chunks=chunks, buffer_rows=buffer_rows, parameter_rows=1, row_scalars=row_scalars
    ).members
    unused = ("x_begins", "y_begins", "x", "y", "subtract", "scale", "parameters")
    return data.StructLayout({k: v for k, v in control.items() if k not in unused})
