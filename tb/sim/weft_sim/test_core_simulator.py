"""CoreSimulator: programs on the RTL of a core, compared with the machine in numpy."""

import dataclasses
import os
import zlib

import numpy as np
import pytest

from benches.core_programs import CORE, random_core_program, random_memory
from weft.core.core_config import TINY
from weft.core.errors import CoreError
from weft.core.reporter import Reporter
from weft.isa.codes import Opcode, Unit
from weft.isa.instruction import Instruction
from weft.isa.program import Program
from weft_model.core.machine import execute
from weft_sim.core_driver import MemoryTiming
from weft_sim.core_simulator import CoreResult, CoreSimulator
from weft_sim.verilator import SimulationFailed

MOST_CYCLES = 100_000


@pytest.fixture(scope="module")
def simulator():
    return CoreSimulator(TINY)


@pytest.fixture
def numbers():
    return np.random.default_rng(int(os.environ["SEED"]))


def runs(simulator, program: Program, memory, **options) -> CoreResult:
    """Run a program that must succeed, and compare its memory and its counters."""
    expected = [region.copy() for region in memory]
    execute(program, expected)
    result = simulator.run(program, memory, most_cycles=MOST_CYCLES, **options)
    assert result.sentence == ""
    for number, (got, wanted) in enumerate(zip(memory, expected, strict=True)):
        np.testing.assert_array_equal(got, wanted, f"region {number}")
    given = [sum(i.unit == unit for i in program.instructions) for unit in Unit]
    for cycles in (result.starts, result.finishes):
        assert [len(of_unit) for of_unit in cycles] == given
    for unit in Unit:
        counts = [v for n, v in result.counters.items() if n.startswith(f"{unit.name.lower()}_")]
        assert sum(counts) == result.counters["cycles"]
    return result


def drawn(source) -> tuple[Program, list[np.ndarray]]:
    program = random_core_program(source)
    return program, random_memory(source, program)


def timing_of(source) -> MemoryTiming:
    """Return a memory that is fast or slow, regular or not."""
    return MemoryTiming(
        read_latency=int(source.integers(1, 60)),
        read_bytes=float(source.choice([4.0, 1.3])),
        write_latency=int(source.integers(1, 40)),
        write_bytes=float(source.choice([4.0, 0.7])),
        jitter=int(source.integers(0, 6)),
        seed=int(source.integers(1, 1 << 30)),
    )


def test_random_programs_equal_the_machine(simulator, numbers):
    """Each after the one before, mostly without a reset."""
    for _ in range(25):
        program, memory = drawn(numbers)
        reset = bool(numbers.random() < 0.2)
        runs(simulator, program, memory, timing=timing_of(numbers), reset=reset)


def test_the_same_run_takes_the_same_cycles(simulator, numbers):
    program, memory = drawn(numbers)
    results = [runs(simulator, program, [region.copy() for region in memory]) for _ in range(2)]
    one, two = (dataclasses.replace(result, seconds=0.0) for result in results)
    assert one == two


def test_a_program_that_does_not_end_in_time_is_reported(simulator, numbers):
    program, memory = drawn(numbers)
    with pytest.raises(SimulationFailed, match="has not ended after 20 cycles"):
        simulator.run(program, memory, most_cycles=20)


def fails(simulator, program: Program | bytes, memory, error: CoreError, **options) -> CoreResult:
    result = simulator.run(program, memory, most_cycles=4_000_000, **options)
    assert result.error == error, result
    return result


def damaged(data: bytes, word: int, value: int) -> bytes:
    """Return a program with another word; words are counted from the header on."""
    return data[: 4 * word] + value.to_bytes(4, "little") + data[4 * word + 4 :]


def with_crc(data: bytes) -> bytes:
    """Return a program with the CRC that it should have."""
    return damaged(data, 3, zlib.crc32(damaged(data, 3, 0)))


def test_programs_that_are_damaged_are_refused(simulator, numbers):
    """The header and the CRC are checked before anything happens; then the next program runs."""
    program, memory = drawn(numbers)
    data = program.encode()
    # The body begins after 24 words.
    for error, bad, place in (
        (CoreError.MAGIC, damaged(data, 0, 1), (0, 0)),
        (CoreError.VERSION, damaged(data, 1, 7), (0, 1)),
        (CoreError.HEADER, damaged(data, 4, 0xFF08_0000 | CORE.lanes), (0, 4)),
        (CoreError.GEOMETRY, damaged(data, 6, 1 << 18), (0, 6)),
        (CoreError.CRC, damaged(data, 30, 0x1234), (0, 3)),
        (CoreError.UNKNOWN_OPCODE, with_crc(damaged(data, 24, 0xFF)), (0, 0)),
    ):
        before = [region.copy() for region in memory]
        result = fails(simulator, bad, memory, error, reset=False)
        assert (result.unit, result.word) == place, error
        sequencer = error == CoreError.UNKNOWN_OPCODE
        assert result.reporter == (Reporter.SEQUENCER if sequencer else Reporter.PROGRAM)
        assert all(map(np.array_equal, memory, before))
        # Those of the program before do not stay.
        assert sequencer or set(result.counters.values()) == {0}
        runs(simulator, *drawn(numbers), reset=False)


def test_errors_of_instructions_end_the_program(simulator, numbers):
    """Then the next program runs without a reset."""
    halt = Instruction.make(Opcode.HALT)
    load = {"bytes": 4, "line_pitch": 4}
    for error, reporter, wrong in (
        (CoreError.REGION, Reporter.LOAD, [Instruction.make(Opcode.LOAD, offset=256, **load)]),
        (CoreError.RANGE, Reporter.LOAD, [Instruction.make(Opcode.LOAD, row=1024, **load)]),
        (CoreError.RANGE, Reporter.MATRIX, [Instruction.make(Opcode.MATMUL, row=5000)]),
        (
            CoreError.RANGE,
            Reporter.VECTOR,
            [Instruction.make(Opcode.VECTOR, x_row=1024, write=1)],
        ),
        (
            CoreError.LEFT_OVER,
            Reporter.SEQUENCER,
            [Instruction.make(Opcode.WEIGHTS, valid_rows=4, valid_columns=4, row_pitch=4)],
        ),
        (
            CoreError.STANDSTILL,
            Reporter.STANDSTILL,
            [Instruction.make(Opcode.VECTOR, x_source=1, write=1)],
        ),
        (
            CoreError.MATRIX,
            Reporter.MATRIX,
            [
                Instruction.make(Opcode.WEIGHTS, valid_rows=4, valid_columns=4, row_pitch=4),
                Instruction.make(Opcode.MATMUL, accumulator=16, first=1, last=1),
                Instruction.make(Opcode.VECTOR, x_source=1, write=1),
            ],
        ),
    ):
        memory = random_memory(numbers, random_core_program(numbers))
        result = fails(simulator, Program(CORE, (*wrong, halt)), memory, error)
        assert result.reporter == reporter, result
        runs(simulator, *drawn(numbers), reset=False)


def test_errors_of_the_memory_end_the_program(simulator, numbers):
    """An answer with an error, or none at all."""
    base = 2 << 33
    for error, faults in (
        (CoreError.READ_RESPONSE, {"fail_start": base, "fail_stop": base + 256}),
        (CoreError.READ_RESPONSE, {"fail_start": 1 << 33, "fail_stop": (1 << 33) + 4}),
        (CoreError.STANDSTILL, {"answered_reads": 40}),
    ):
        program, memory = drawn(numbers)
        fails(simulator, program, memory, error, faults=faults)
        # Late answers to the reads of the program before are discarded.
        runs(simulator, *drawn(numbers), reset=False)


def test_the_host_can_end_a_program_at_any_time(simulator, numbers):
    ended = 0
    for _ in range(12):
        program, memory = drawn(numbers)
        result = simulator.run(
            program,
            memory,
            timing=timing_of(numbers),
            abort_after=int(numbers.integers(1, 1500)),
            most_cycles=MOST_CYCLES,
            reset=False,
        )
        assert result.error in (CoreError.NONE, CoreError.ABORTED)
        ended += result.error == CoreError.ABORTED
        runs(simulator, *drawn(numbers), reset=False)
    assert ended > 3
