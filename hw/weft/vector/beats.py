"""Layouts of the beats of a vector unit, and of what stays the same during an instruction."""

from amaranth.hdl import signed
from amaranth.lib import data

from ..blocks.lanes import Lanes
from ..isa.fields import WORD_BITS
from ..isa.instructions import VECTOR
from ..isa.layouts import shape_of
from .rounding_shift import SHIFT_BITS

WORD = signed(WORD_BITS)
ENTRY_BITS = 8
TABLE_WORDS = 1 << ENTRY_BITS
# The fields of a VECTOR that its lanes use.
PASS_FIELDS = (
    *("y_zero_point", "x_table", "y_table", "output_table", "combine", "bias", "rounding"),
    *("output_offset", "minimum", "maximum", "destination_format"),
)


def beat_layout(lanes: int) -> data.StructLayout:
    """Return the layout of a beat: one element for each lane, and all that may change per row.

    `x`, `y`: after the conversion from their formats, before subtraction. `bias`, `multiplier`,
    `shift`: from the instruction, the channel of the lane or a row scalar. `subtract`:
    the zero point of x, or a row scalar. `valid`: the lanes that are not masked.
    """
    words = Lanes(WORD, lanes)
    return data.StructLayout(
        {
            "valid": lanes,
            "subtract": WORD,
            **dict.fromkeys(("x", "y", "bias", "multiplier"), words),
            "shift": Lanes(SHIFT_BITS, lanes),
        }
    )


def pass_layout() -> data.StructLayout:
    """Return the layout of PASS_FIELDS."""
    return data.StructLayout({name: shape_of(VECTOR.by_name[name]) for name in PASS_FIELDS})


def table_write_layout(tables: int) -> data.StructLayout:
    """Return the layout of a write of a word to a table: if `valid`, in this cycle."""
    table = max(1, (tables - 1).bit_length())
    return data.StructLayout({"valid": 1, "table": table, "entry": ENTRY_BITS, "data": WORD_BITS})
