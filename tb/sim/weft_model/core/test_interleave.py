"""Programs that the checker accepts have one result, whatever the timing."""

import dataclasses
import os

import numpy as np
import pytest

from benches.core import NEEDS, empty_memory, first_difference
from benches.core_programs import random_core_program, random_memory
from weft.isa.codes import Format, Opcode, Reduce, XSource
from weft.isa.instruction import Instruction
from weft.isa.program import Program
from weft_model.core.checker import faults
from weft_model.core.interleave import interleave
from weft_model.core.machine import execute


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def test_random_programs_end_as_in_program_order():
    draw = source()
    for _ in range(12):
        program = random_core_program(draw)
        assert not faults(program)
        memory = random_memory(draw, program)
        expected = execute(program, [region.copy() for region in memory])
        for slots, tiles, rows in ((None, None, None), (8, 4, 20), (255, 255, 4096)):
            state = interleave(
                program,
                [region.copy() for region in memory],
                draw,
                **dict(queue_slots=slots, fifo_tiles=tiles, result_rows=rows),
            )
            assert state is not None
            assert not first_difference(state, expected)


def test_without_waits_a_result_moves():
    """The interleavings are wide enough to show most races."""
    draw = source()
    moved = total = 0
    for _ in range(12):
        program = random_core_program(draw)
        body = [
            instruction.replaced(
                **{f"wait_{name}": 0 for name in ("load", "store", "weights", "matrix", "vector")}
            )
            for instruction in program.instructions
        ]
        free = Program(program.requirements, tuple(body))
        memory = random_memory(draw, free)
        expected = execute(free, [region.copy() for region in memory])
        states = [interleave(free, [region.copy() for region in memory], draw) for _ in range(4)]
        total += 1
        moved += any(state is None or first_difference(state, expected) for state in states)
    assert moved > total // 2


def test_a_window_of_results_is_drained_row_by_row():
    """The maximum of all six rows of a product, with room for a single result row."""
    draw = source()
    body = [
        Instruction.make(Opcode.LOAD, lines=6, bytes=4, line_pitch=4),
        Instruction.make(Opcode.WEIGHTS, valid_rows=4, valid_columns=4, row_pitch=4),
        Instruction.make(
            Opcode.MATMUL,
            **dict(x_count=6, x_stride=1, width=6, first=1, last=1, wait_load=1),
        ),
        Instruction.make(
            Opcode.VECTOR,
            **dict(x_source=XSource.RESULTS, reduce=Reduce.ROWS_MAX, reduce_inner_count=3),
            **dict(inner_count=2, destination_inner=4, write=1, valid_lanes=4, wait_load=1),
            **dict(destination_row=40, destination_format=Format.INT32),
        ),
        Instruction.make(Opcode.HALT),
    ]
    program = Program(dataclasses.replace(NEEDS, result_rows=1), tuple(body))
    assert not faults(program)
    memory = random_memory(draw, program)
    state = interleave(program, memory, draw)
    assert state is not None
    a = memory[0][:24].view(np.int8).reshape(6, 4).astype(int)
    b = memory[0][:16].view(np.int8).reshape(4, 4).astype(int)
    found = state.elements(np.array([40, 44]), Format.INT32)
    assert np.array_equal(found, (a @ b).reshape(2, 3, 4).max(axis=1))


@pytest.mark.parametrize("waits", [{}, {"wait_load": 1}])
def test_a_wait_is_obeyed(waits):
    """STORE of what LOAD writes: in some orders wrong without a wait, in none with it."""
    load = Instruction.make(Opcode.LOAD, lines=8, bytes=4, line_pitch=4)
    store = Instruction.make(Opcode.STORE, region=1, lines=8, bytes=4, line_pitch=4, **waits)
    draw, wrong = source(), 0
    program = Program(NEEDS, (load, store, Instruction.make(Opcode.HALT)))
    for _ in range(20):
        memory = empty_memory()
        memory[0][:32] = np.arange(1, 33)
        assert interleave(program, memory, draw) is not None
        wrong += not np.array_equal(memory[1][:32], memory[0][:32])
    assert bool(wrong) != bool(waits)
