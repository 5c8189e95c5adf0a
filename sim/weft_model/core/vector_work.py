"""VectorWork: the slots of a VECTOR instruction, and the banks of what it reads and writes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from weft.isa.codes import Format, Function, Reduce, XSource, YSource
from weft.isa.instruction import Instruction
from weft.vector.row_chunks import RowChunks
from weft.vector.timing import VectorTiming

from .vector_timing import slots_per_beat
from .walks import vector_height, vector_walk, window_size, window_walk


@dataclass(kw_only=True)
class VectorWork:
    """What a VECTOR instruction does, row of x by row of x.

    A row takes a number of slots, in some of which it requests a buffer row of x or y.

    Parameters
    ----------
    instruction : Instruction
    row_chunks : RowChunks
    bank_rows : int
        Rows of a bank of the buffer.
    """

    instruction: Instruction
    row_chunks: RowChunks
    bank_rows: int

    def __post_init__(self):
        i, chunks = self.instruction, self.row_chunks
        self.window = window_size(i)
        self.rows = vector_height(i) * self.window
        beats = np.arange(1 if i["function"] else chunks.chunks)
        slots = slots_per_beat(i, chunks)
        self.slots = slots * len(beats)
        self.drains = i["x_source"] == XSource.RESULTS
        # The slots of each request, and the bank of each request, (rows, requests of a row).
        self.requests = {"x": np.zeros(0, np.int64), "y": np.zeros(0, np.int64)}
        for name, used in (
            ("x", i["x_source"] == XSource.BUFFER),
            ("y", i["y_source"] == YSource.BUFFER and not i["function"]),
        ):
            if used:
                width = Format(i[f"{name}_format"]).width
                first = beats[:: chunks.chunks_per_row(width)] * slots
                rows = np.arange(chunks.rows_per_chunk(width))
                self.requests[name] = (first[:, np.newaxis] + rows).ravel()
        # The slots that complete buffer rows, and the number of rows that each completes.
        self.completes, self.completed = np.zeros(0, np.int64), 0
        if i["write"]:
            width = Format(i["destination_format"]).width
            per_row = chunks.chunks_per_row(width)
            self.completes = (beats[per_row - 1 :: per_row] + 1) * slots - 1
            self.completed = chunks.rows_per_chunk(width)

    @cached_property
    def banks(self) -> dict[str, np.ndarray]:
        """The bank of each request of x and y, (rows, requests of a row)."""
        i = self.instruction
        x = vector_walk(i, "x_row", "x")[:, np.newaxis] + window_walk(i)
        y = np.repeat(vector_walk(i, "y_row", "y"), self.window)
        return {
            name: (rows.reshape(-1, 1) + np.arange(len(self.requests[name]))) // self.bank_rows
            for name, rows in (("x", x), ("y", y))
        }

    @cached_property
    def written_banks(self) -> np.ndarray:
        """The bank of each write, (output rows, writes of a row)."""
        rows = vector_walk(self.instruction, "destination_row", "destination")
        return (rows[:, np.newaxis] + np.arange(len(self.completes) * self.completed)) // (
            self.bank_rows
        )

    def writes(self, cycles: np.ndarray, timing: VectorTiming) -> np.ndarray:
        """Return when output rows are written, from the cycles of their slots.

        Both are (output rows, cycles); the slots are those of `completes`.
        """
        later = timing.write + np.arange(self.completed)
        return (cycles[:, :, np.newaxis] + later).reshape(len(cycles), -1)

    def finish(self, last: np.ndarray, timing: VectorTiming) -> int:
        """Return the cycle of the last write, from the slots of the last row."""
        ends = []
        if self.completed:
            ends.append(int(last[self.completes[-1]]) + timing.write + self.completed - 1)
        if self.instruction["function"] != Function.NONE:
            ends.append(int(last[-1]) + timing.function)
        elif Reduce(self.instruction["reduce"]).over_lanes:
            ends.append(int(last[-1]) + timing.scalar(self.row_chunks.chunk))
        return max(ends)
