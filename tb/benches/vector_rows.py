"""Rows of elements of the vector unit, and the buffer rows that they take."""

import numpy as np

from benches.bits import join
from weft.isa.codes import Format
from weft.vector.row_chunks import RowChunks

CHUNKS = {
    "4 lanes, V = 1": RowChunks(lanes=4, operand_width=8, chunk=1),
    "8 lanes, V = 4": RowChunks(lanes=8, operand_width=8, chunk=4),
    "8 lanes, V = 8": RowChunks(lanes=8, operand_width=8, chunk=8),
    "12 lanes, V = 1": RowChunks(lanes=12, operand_width=8, chunk=1),
    "4 lanes of 16 bits, V = 2": RowChunks(lanes=4, operand_width=16, chunk=2),
    "4 lanes of 16 bits, V = 4": RowChunks(lanes=4, operand_width=16, chunk=4),
}
# Formats of elements for each width of operands.
FORMATS = {
    8: (Format.INT8, Format.UINT8, Format.INT16, Format.INT32),
    16: (Format.INT16, Format.INT32),
}


def buffer_rows_of(sizes: RowChunks, number: Format, values: np.ndarray) -> list[int]:
    """Return the buffer rows of a row of elements, (N,), lower lanes first."""
    per_row = sizes.row_width // number.width
    return [
        join(values[first : first + per_row].tolist(), number.width)
        for first in range(0, sizes.lanes, per_row)
    ]
