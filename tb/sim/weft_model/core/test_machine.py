"""The machine executes whole programs, and names the instruction that data do not fit."""

import numpy as np
import pytest

from benches.core import NEEDS, empty_memory
from weft.isa.codes import Function, Opcode, XSource
from weft.isa.instruction import Instruction
from weft.isa.program import Program
from weft_model.core.machine import execute

HALT = Instruction.make(Opcode.HALT)


def test_a_program_changes_the_memory_and_reports_its_progress():
    load = Instruction.make(Opcode.LOAD, lines=2, bytes=4, line_pitch=4)
    store = Instruction.make(Opcode.STORE, region=1, offset=9, lines=2, bytes=3, line_pitch=-3)
    memory, seen = empty_memory(), []
    memory[0][:8] = range(1, 9)
    state = execute(
        Program(NEEDS, (load, store, HALT)), memory, lambda done, total: seen.append((done, total))
    )
    assert memory[1][6:12].tolist() == [5, 6, 7, 1, 2, 3]
    assert state.buffer[:2].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert seen == [(1, 2), (2, 2)]


def test_data_that_do_not_fit_name_the_instruction():
    load = Instruction.make(Opcode.LOAD)
    function = Instruction.make(
        Opcode.VECTOR, x_source=XSource.SCALARS, function=Function.RECIPROCAL
    )
    sentence = r"^instruction 1, VECTOR: the reciprocal needs row scalars above 0, not 0$"
    with pytest.raises(ValueError, match=sentence):
        execute(Program(NEEDS, (load, function, HALT)), empty_memory())


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda memory: memory.pop(), "the memory must have 8 regions, not 7"),
        (
            lambda memory: memory.__setitem__(1, np.zeros(9, np.uint8)),
            "region 1 must have at least 4096 bytes, not 9",
        ),
        (
            lambda memory: memory.__setitem__(0, np.zeros((2, 4096), np.uint8)),
            "region 0 must be bytes, not uint8 of shape (2, 4096)",
        ),
    ],
)
def test_a_memory_that_does_not_fit_is_refused(change, sentence):
    memory = empty_memory()
    change(memory)
    with pytest.raises(ValueError) as refusal:
        execute(Program(NEEDS, (HALT,)), memory)
    assert str(refusal.value) == sentence
