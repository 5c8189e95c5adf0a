"""LOAD and STORE: lines of bytes between the memory and the rows of the core."""

import numpy as np

from weft.isa.codes import Target
from weft.isa.instruction import Instruction

from .state import CoreState
from .walks import line_offsets
from .work import Work


def load(state: CoreState, instruction: Instruction) -> Work:
    """Return the work of LOAD; its parts are lines."""
    rows = state.target(Target(instruction["target"]))
    offsets, size = line_offsets(instruction), instruction["bytes"]
    memory = state.memory[instruction["region"]]
    per_line = -(-size // rows.shape[1])
    first = instruction["row"]

    def run(start: int, stop: int) -> None:
        filled = np.full((stop - start, per_line * rows.shape[1]), instruction["fill"], np.uint8)
        filled[:, :size] = memory[offsets[start:stop, np.newaxis] + np.arange(size)]
        rows[first + start * per_line : first + stop * per_line] = filled.reshape(-1, rows.shape[1])

    return Work(parts=len(offsets), run=run)


def store(state: CoreState, instruction: Instruction) -> Work:
    """Return the work of STORE; its parts are lines."""
    rows = state.buffer
    offsets, size = line_offsets(instruction), instruction["bytes"]
    memory = state.memory[instruction["region"]]
    per_line = -(-size // rows.shape[1])
    first = instruction["row"]

    def run(start: int, stop: int) -> None:
        lines = rows[first + start * per_line : first + stop * per_line]
        lines = lines.reshape(stop - start, -1)[:, :size]
        # One after the other, because lines may overlap.
        for offset, line in zip(offsets[start:stop], lines, strict=True):
            memory[offset : offset + size] = line

    return Work(parts=len(offsets), run=run)
