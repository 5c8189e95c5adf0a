"""RowChunks: how a row of N elements is cut into chunks of V, one per cycle."""

from dataclasses import dataclass

from ..checks import check
from ..isa.fields import WORD_BITS


@dataclass(frozen=True, kw_only=True)
class RowChunks:
    """The chunks of a row of elements, and the buffer rows that they are in.

    Either a buffer row has whole chunks, or a chunk has whole buffer rows, for every width of
    elements that is a power of two from `operand_width` to 32 bits.

    Parameters
    ----------
    lanes : int
        N: elements of a row, and operands of a buffer row.
    operand_width : int
        Bits of an operand.
    chunk : int
        V: elements of a chunk. N / V is 1, 2 or a multiple of 32 / `operand_width`.

    Raises
    ------
    ValueError
        If V is something else.
    """

    lanes: int
    operand_width: int
    chunk: int

    def __post_init__(self):
        check(
            self.lanes % self.chunk == 0,
            f"the lanes of the vector unit must divide N = {self.lanes}, not {self.chunk}",
        )
        most = WORD_BITS // self.operand_width
        check(
            self.chunks % most == 0 or most % self.chunks == 0,
            f"N / V must divide {most} or be a multiple of it, not {self.lanes} / {self.chunk}",
        )

    @property
    def chunks(self) -> int:
        """Chunks of a row of elements."""
        return self.lanes // self.chunk

    @property
    def row_width(self) -> int:
        """Bits of a buffer row."""
        return self.lanes * self.operand_width

    def chunks_per_row(self, width: int) -> int:
        """Return the chunks of elements of `width` bits in a buffer row; 1 if it takes more."""
        return max(1, self.row_width // (self.chunk * width))

    def rows_per_chunk(self, width: int) -> int:
        """Return the buffer rows of a chunk of elements of `width` bits; 1 if it takes less."""
        return max(1, self.chunk * width // self.row_width)

    @property
    def most_rows(self) -> int:
        """Buffer rows of a chunk of elements of 32 bits."""
        return self.rows_per_chunk(WORD_BITS)
