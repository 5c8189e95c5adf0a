"""Layouts of the vector unit."""

from amaranth.lib import data

from ..isa.kind import INDEX_BITS

# Words of a parameter record, of a table and of a row scalar.
RECORD_WORDS = 3
TABLE_WORDS = 256
SCALAR_WORDS = 2


def constant_layout(lanes: int) -> data.StructLayout:
    """Return the layout of a write of a word to parameters, tables or row scalars.

    `target`: a Target other than BUFFER. `row`: number of the parameter row, table or row scalar.
    `word`: in the parameters 3 * lane + 0 for the bias, 1 for the multiplier and 2 for the shift
    and the operand; in a table 0 to 255; in a row scalar 0 for the value and 1 for the shift.
    """
    words = max(RECORD_WORDS * lanes, TABLE_WORDS)
    return data.StructLayout(
        {"target": 2, "row": INDEX_BITS, "word": (words - 1).bit_length(), "data": 32}
    )
