"""MatrixWork: the rows that a MATMUL instruction reads from each bank of the buffer."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from weft.buffer.image_walk import LOOPS
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction

from .runs import corners
from .walks import matmul_height, matmul_rows, tile_count


@dataclass(kw_only=True)
class MatrixWork:
    """What a MATMUL instruction reads, and the first cycle in which it can start.

    Parameters
    ----------
    instruction : Instruction
    available : int
    bank_rows : int
        Rows of a bank of the buffer.
    """

    instruction: Instruction
    available: int
    bank_rows: int

    def __post_init__(self):
        self.tiles = tile_count(self.instruction)
        # Rows that meet each tile, and whether those of the last one have results.
        self.rows = matmul_height(self.instruction)
        self.emits = bool(self.instruction["last"])
        low, high = matmul_corners(self.instruction)
        first, stop = max(0, low // self.bank_rows), max(0, (high - 1) // self.bank_rows + 1)
        # A bit for each bank between the first row and the last.
        self.banks = (1 << stop) - (1 << first) if stop > first else 0
        self._unread: dict[int, np.ndarray] = {}

    def unread(self, bank: int) -> np.ndarray:
        """Return which rows of the walk are not read from a bank, in ascending order."""
        if bank not in self._unread:
            self._unread[bank] = self._find_unread(bank)
        return self._unread[bank]

    def _find_unread(self, bank: int) -> np.ndarray:
        if self.banks == 1 << bank:
            return rows_outside(tuple(self.instruction[name] for name in PLACES))
        rows, inside = matmul_rows(self.instruction)
        return np.flatnonzero(~(inside & (rows // self.bank_rows == bank)))


# Fields of MATMUL that say which rows are outside of the image.
PLACES = (
    *("ky_count", "kx_count", "block_count", "image_count", "y_count", "x_count"),
    *("ky_step", "kx_step", "y_step", "x_step", "y_origin", "x_origin", "height", "width"),
)


@lru_cache(maxsize=256)
def rows_outside(places: tuple[int, ...]) -> np.ndarray:
    """Return the rows of a walk that are outside of the image, by the fields PLACES."""
    fields = dict(zip(PLACES, places, strict=True))
    _, inside = matmul_rows(Instruction.make(Opcode.MATMUL, **fields))
    return np.flatnonzero(~inside)


def matmul_corners(instruction: Instruction) -> tuple[int, int]:
    """Return bounds of the buffer rows of a MATMUL: not below the first, below the second."""
    counts = [instruction[f"{loop}_count"] for loop in LOOPS]
    strides = [instruction[f"{loop}_stride"] for loop in LOOPS]
    return corners(instruction["row"], counts, strides)
