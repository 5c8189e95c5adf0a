"""The machine: it executes a program in program order, each instruction as array operations.

It is the definition of what a program means.
"""

from collections.abc import Callable, Sequence

import numpy as np

from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft.isa.program import Program

from .moves import load, store
from .products import matmul, weights
from .state import CoreState
from .vector import vector
from .work import Work

WORKS: dict[Opcode, Callable[[CoreState, Instruction], Work]] = {
    Opcode.LOAD: load,
    Opcode.STORE: store,
    Opcode.WEIGHTS: weights,
    Opcode.MATMUL: matmul,
    Opcode.VECTOR: vector,
}


def work_of(state: CoreState, instruction: Instruction) -> Work:
    """Return the work of any instruction but HALT."""
    return WORKS[instruction.opcode](state, instruction)


def execute(
    program: Program,
    memory: Sequence[np.ndarray],
    progress: Callable[[int, int], None] | None = None,
) -> CoreState:
    """Execute a program that the checker accepts, and return the state at its end.

    Parameters
    ----------
    program : Program
    memory : sequence of ndarray of uint8
        The eight regions; the program changes those that it may write.
    progress : callable, optional
        Called with the number of instructions done, and their total.

    Raises
    ------
    ValueError
        If a region is too small, or data are out of the range of a stage, with the instruction.
    """
    state = CoreState(program.requirements, memory)
    body = program.instructions[:-1]
    for number, instruction in enumerate(body):
        try:
            work = work_of(state, instruction)
            work.run(0, work.parts)
        except ValueError as error:
            raise ValueError(f"instruction {number}, {instruction.kind.name}: {error}") from None
        if progress is not None:
            progress(number + 1, len(body))
    return state
