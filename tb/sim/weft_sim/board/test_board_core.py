"""A core behind a serial line: programs leave what the numpy machine leaves."""

import os

import numpy as np
import pytest

from benches.core_programs import random_core_program, random_memory
from weft import TINY as UNIT
from weft.core.core_config import TINY
from weft.core.errors import CoreError
from weft.core.reporter import Reporter
from weft_model.core.machine import execute
from weft_sim.board import BoardCore, BoardError, BoardMatrixUnit, SimulatedBoard

MEMORY_BYTES = 8192


@pytest.fixture(scope="module")
def board():
    with SimulatedBoard(TINY, memory_bytes=MEMORY_BYTES) as board:
        yield board


@pytest.fixture
def core(board):
    with BoardCore(board.port, baud=board.baud) as core:
        yield core


def random_run(number: int):
    """Return a random program, its memory, and the memory that it leaves."""
    source = np.random.default_rng([int(os.environ["SEED"]), number])
    program = random_core_program(source)
    memory = random_memory(source, program)
    expected = [region.copy() for region in memory]
    execute(program, expected)
    return program, memory, expected


def test_programs_equal_numpy(core):
    """One after the other, also as bytes; the counters are those of each program."""
    assert core.capacity == {name: getattr(TINY.capacity, name) for name in core.capacity}
    for number in range(3):
        program, memory, expected = random_run(number)
        result = core.run(program.encode() if number else program, memory)
        assert result.error == CoreError.NONE, result.sentence
        assert result.sentence == ""
        for region, wanted in zip(memory, expected, strict=True):
            assert np.array_equal(region, wanted)
        assert 0 < result.counters["cycles"] < 100_000
        assert result.seconds == result.counters["cycles"] / core.registers["clock_hz"]


def test_an_error_ends_a_program_and_not_the_next_one(core):
    program, memory, expected = random_run(4)
    result = core.run(b"\0" + program.encode()[1:], memory)
    assert (result.error, result.reporter) == (CoreError.MAGIC, Reporter.PROGRAM)
    assert result.sentence == "PROGRAM: the program does not begin with the bytes WFTP"
    assert core.run(program, memory).error == CoreError.NONE
    assert np.array_equal(memory[1], expected[1])


def test_a_memory_that_the_board_does_not_have_is_refused(core):
    program, memory, _ = random_run(5)
    with pytest.raises(ValueError, match="must have 8 regions, not 7"):
        core.run(program, memory[:7])
    memory[7] = np.zeros(MEMORY_BYTES, np.uint8)
    with pytest.raises(ValueError, match=r"bytes, but the memory of the board has 8,192"):
        core.run(program, memory)


def test_drivers_refuse_the_other_design(board):
    with pytest.raises(BoardError, match="is not a Weft board"):
        BoardMatrixUnit(board.port, baud=board.baud)
    with (
        SimulatedBoard(UNIT, payload_bytes=64) as other,
        pytest.raises(BoardError, match="is not a Weft board with a core"),
    ):
        BoardCore(other.port, baud=other.baud)
