"""CoreState: every memory of a core, and the two streams between its units."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from weft.checks import check
from weft.isa.codes import Format, Target
from weft.isa.requirements import Requirements

from .walks import RECORD_BYTES, SCALAR_BYTES, TABLE_BYTES

# Words of a parameter record and of a row scalar.
BIAS, MULTIPLIER, SHIFT = range(3)
VALUE, SCALAR_SHIFT = range(2)
SHIFT_MASK = 63
_DTYPES = {
    Format.INT8: np.dtype("<i1"),
    Format.UINT8: np.dtype("<u1"),
    Format.INT16: np.dtype("<i2"),
    Format.INT32: np.dtype("<i4"),
}
# Formats of x, y and the destination of VECTOR.
ELEMENTS = tuple(_DTYPES)
# Formats of weights and activations.
OPERANDS = (Format.INT8, Format.UINT8)


class ResultRows:
    """The result rows that wait to be drained, in order."""

    def __init__(self):
        self._parts: deque[np.ndarray] = deque()

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def push(self, rows: np.ndarray) -> None:
        """Append rows, (rows, N)."""
        self._parts.append(rows.copy())

    def pop(self, count: int) -> np.ndarray:
        """Remove and return the oldest rows, (count, N)."""
        check(count <= len(self), f"{count} result rows are drained, but only {len(self)} wait")
        taken = []
        while count:
            part = self._parts.popleft()
            if len(part) > count:
                self._parts.appendleft(part[count:])
            taken.append(part[:count])
            count -= len(taken[-1])
        return np.concatenate(taken)


@dataclass(eq=False)
class CoreState:
    """The memories of a core that has exactly what a program needs.

    Parameters
    ----------
    needs : Requirements
    memory : sequence of ndarray of uint8
        The eight regions.

    Members
    -------
    buffer : ndarray of uint8, (rows, bytes of a row)
    parameters : ndarray of int32, (rows, N, 3)
    tables : ndarray of int32, (tables, 256)
    scalars : ndarray of int32, (row scalars, 2)
    accumulators : ndarray of int32, (rows, N)
    tiles : deque of ndarray of float64, (N, N)
        Weights minus their zero points. Products of 8-bit numbers are exact in float64.
    results : ResultRows
    """

    needs: Requirements
    memory: Sequence[np.ndarray]
    tiles: deque[np.ndarray] = field(default_factory=deque)
    results: ResultRows = field(default_factory=ResultRows)

    def __post_init__(self):
        needs = self.needs
        check(
            len(self.memory) == len(needs.regions),
            f"the memory must have {len(needs.regions)} regions, not {len(self.memory)}",
        )
        for number, (region, size) in enumerate(zip(self.memory, needs.regions, strict=True)):
            check(
                region.dtype == np.uint8 and region.shape == (len(region),),
                f"region {number} must be bytes, not {region.dtype} of shape {region.shape}",
            )
            check(
                len(region) >= size,
                f"region {number} must have at least {size} bytes, not {len(region)}",
            )
        self.buffer = np.zeros((needs.buffer_rows, needs.row_bytes), np.uint8)
        self.parameters = np.zeros((needs.parameter_rows, needs.lanes, 3), "<i4")
        self.tables = np.zeros((needs.tables, 256), "<i4")
        self.scalars = np.zeros((needs.row_scalars, 2), "<i4")
        self.accumulators = np.zeros((needs.accumulators, needs.lanes), np.int32)

    def target(self, target: Target) -> np.ndarray:
        """Return a target of LOAD as bytes, (rows, bytes of a row); not a copy."""
        lanes = self.needs.lanes
        if target == Target.BUFFER:
            return self.buffer
        if target == Target.PARAMETERS:
            return self.parameters.view(np.uint8).reshape(-1, RECORD_BYTES * lanes)
        if target == Target.TABLES:
            return self.tables.view(np.uint8).reshape(-1, TABLE_BYTES)
        return self.scalars.view(np.uint8).reshape(-1, SCALAR_BYTES)

    def elements(self, rows: np.ndarray, number: Format) -> np.ndarray:
        """Return the elements of rows that begin at the given buffer rows, int64, (*shape, N)."""
        data = self.buffer[_all_rows(rows, number, self.needs)]
        data = data.reshape(*rows.shape, self.needs.lanes * number.width // 8)
        return data.view(_DTYPES[number]).astype(np.int64)

    def write_elements(self, rows: np.ndarray, number: Format, values: np.ndarray) -> None:
        """Write rows of elements, (rows, N), saturated to a format."""
        data = np.clip(values, number.minimum, number.maximum).astype(_DTYPES[number])
        places = _all_rows(rows, number, self.needs)
        self.buffer[places] = data.view(np.uint8).reshape(*places.shape, self.needs.row_bytes)


def rows_per_row(number: Format, needs: Requirements) -> int:
    """Return the buffer rows that a row of N elements takes."""
    return number.width // needs.operand_width


def _all_rows(rows: np.ndarray, number: Format, needs: Requirements) -> np.ndarray:
    """Return all buffer rows of rows of elements, (*shape, buffer rows)."""
    return rows[..., np.newaxis] + np.arange(rows_per_row(number, needs))
