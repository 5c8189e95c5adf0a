"""The cycles of a VECTOR in the vector unit, if no request waits for its bank."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Format, Function, Reduce, XSource, YSource
from weft.isa.instruction import Instruction
from weft.vector.beat_issue import SCALAR_SLOTS
from weft.vector.row_chunks import RowChunks
from weft.vector.scalar_function import ScalarFunction
from weft.vector.timing import VectorTiming

from .walks import vector_height, window_size


@dataclass(frozen=True, kw_only=True)
class VectorCycles:
    """When a VECTOR does what, in cycles after the transfer of the instruction.

    Parameters
    ----------
    x_requests, y_requests : ndarray of int64
        The requests of buffer rows.
    takes : ndarray of int64
        The transfers of result rows.
    writes : ndarray of int64
        The writes of buffer rows.
    scalar_writes : ndarray of int64
        The writes of row scalars.
    finished : int
        The last write of all, which a request of the next cycle can read.
    """

    x_requests: np.ndarray
    y_requests: np.ndarray
    takes: np.ndarray
    writes: np.ndarray
    scalar_writes: np.ndarray
    finished: int


def vector_cycles(
    instruction: Instruction,
    *,
    row_chunks: RowChunks,
    results: Sequence[int] = (),
    timing: VectorTiming | None = None,
) -> VectorCycles:
    """Return the cycles of a VECTOR.

    Each row of x takes as many slots as its beats need, one after the other. A row of results
    begins when the row before it has been issued and the result is there.

    Parameters
    ----------
    instruction : Instruction
    row_chunks : RowChunks
    results : sequence of int
        For each row that is drained, the cycle from which on it is offered, if it is not drained
        before.
    timing : VectorTiming, optional
    """
    i, timing = instruction, timing or VectorTiming()
    widths = {name: Format(i[f"{name}_format"]).width for name in ("x", "y", "destination")}
    slots = slots_per_beat(i, row_chunks)
    chunks = np.arange(1 if i["function"] else row_chunks.chunks)
    per_row = slots * len(chunks)
    offered, begun = _rows(i, per_row, timing.first_slot, results)

    def requests(name: str) -> np.ndarray:
        """Return when the rows of an operand are requested, (rows of x, buffer rows)."""
        width = widths[name]
        first = chunks[:: row_chunks.chunks_per_row(width)] * slots
        rows = first[:, np.newaxis] + np.arange(row_chunks.rows_per_chunk(width))
        return begun[:, np.newaxis] + rows.ravel()

    none = np.zeros(0, np.int64)
    y_requests = none
    if i["y_source"] == YSource.BUFFER and not i["function"]:
        y_requests = requests("y")
        # The first one does not wait for a result.
        y_requests[:, 0] = offered
    issued = begun + per_row - 1
    outputs = slice(window_size(i) - 1, None, window_size(i))
    scalar_writes = none
    if i["function"]:
        scalar_writes = issued + timing.function
    elif Reduce(i["reduce"]).over_lanes:
        scalar_writes = issued[outputs] + timing.scalar(row_chunks.chunk)
    writes = none
    if i["write"]:
        width = widths["destination"]
        per_buffer_row = row_chunks.chunks_per_row(width)
        complete = (chunks[per_buffer_row - 1 :: per_buffer_row] + 1) * slots - 1
        rows = complete[:, np.newaxis] + np.arange(row_chunks.rows_per_chunk(width))
        writes = (begun[outputs, np.newaxis] + rows.ravel()).ravel() + timing.write
    return VectorCycles(
        x_requests=requests("x").ravel() if i["x_source"] == XSource.BUFFER else none,
        y_requests=y_requests.ravel(),
        takes=issued if i["x_source"] == XSource.RESULTS else none,
        writes=writes,
        scalar_writes=scalar_writes,
        finished=int(max([*writes[-1:], *scalar_writes[-1:]])),
    )


def slots_per_beat(i: Instruction, row_chunks: RowChunks) -> int:
    """Return the slots of each beat, in which one row of x and one of y can be requested."""
    if i["function"] != Function.NONE:
        return ScalarFunction.latency
    operands = {
        "x": i["x_source"] == XSource.BUFFER,
        "y": i["y_source"] == YSource.BUFFER,
        "destination": i["write"],
    }
    slots = [
        row_chunks.rows_per_chunk(Format(i[f"{name}_format"]).width)
        for name, used in operands.items()
        if used
    ]
    if Reduce(i["reduce"]).over_lanes and row_chunks.chunks == 1:
        slots.append(SCALAR_SLOTS)
    return max(slots, default=1)


def _rows(
    i: Instruction, per_row: int, first: int, results: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return when each row of x is the next one, and when its first slot ends: (rows,) each."""
    count = vector_height(i) * window_size(i)
    if i["x_source"] != XSource.RESULTS:
        rows = first + per_row * np.arange(count)
        return rows, rows
    offered, begun = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for row, there in zip(range(count), results, strict=True):
        offered[row] = first
        begun[row] = max(first, there)
        first = begun[row] + per_row
    return offered, begun
