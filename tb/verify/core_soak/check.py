"""Check a case: each program on the RTL of its core, against the machine in numpy."""

import functools
import operator
import os
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from weft.core.core_config import CoreConfig
from weft.core.errors import CoreError
from weft.isa.codes import Opcode, Unit
from weft.isa.program import Program
from weft_model.core import checker
from weft_model.core.machine import execute
from weft_model.core.walks import line_offsets
from weft_sim.core_driver import MemoryTiming
from weft_sim.core_simulator import APART, CoreResult, CoreSimulator

from .cases import CORES, Case
from .damage import damaged
from .programs import PERMISSIONS, memory_of, needs_of, random_program

# No program takes so long, even on the slowest memory.
MOST_CYCLES = 500_000
# A damaged program may count to any number; the host ends it after so many cycles.
PATIENCE = 15_000
KINDS = {"whole": 0.66, "aborted": 0.12, "failing": 0.06, "stuck": 0.02, "damaged": 0.14}
DATA_ERRORS = (CoreError.MULTIPLIER, CoreError.RECIPROCAL)


@dataclass
class CaseResult:
    """Result of a case: the first difference, or "", and the work done until then.

    `endings`: how often each kind of run ended with each error. `instructions`: of the programs
    that were compared with numpy, of each kind.
    """

    difference: str = ""
    programs: int = 0
    compared: int = 0
    cycles: int = 0
    endings: Counter = field(default_factory=Counter)
    instructions: Counter = field(default_factory=Counter)
    processor_seconds: float = field(default=0.0, compare=False)


@functools.cache
def simulator(core: str) -> CoreSimulator:
    return CoreSimulator(CORES[core])


def check(case: Case) -> CaseResult:
    """Run a case in this process; any exception is also a difference."""
    result, before = CaseResult(), _processor_seconds()
    core = simulator(case.core)
    for place, number in enumerate(case.runs):
        source = np.random.default_rng([case.seed, number])
        run = CheckedRun(core, source, result, reset=source.random() < 0.1 or place == 0)
        try:
            run.check()
        except Exception as error:
            result.difference = f"run {number}, {run.kind}: {type(error).__name__}: {error}"
            break
        result.programs += 1
    result.processor_seconds = _processor_seconds() - before
    return result


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system


class CheckedRun:
    """One program, which runs whole, is aborted, damaged, or on a memory that fails.

    Parameters
    ----------
    core : CoreSimulator
    source : numpy Generator
    result : CaseResult
        Where the run is counted.
    reset : bool
    """

    def __init__(
        self,
        core: CoreSimulator,
        source: np.random.Generator,
        result: CaseResult,
        *,
        reset: bool,
    ):
        self.core, self.source, self.result, self.reset = core, source, result, reset
        self.needs = needs_of(core.config, source)
        self.program = random_program(self.needs, source)
        self.memory = memory_of(self.needs, source)
        self.kind = str(source.choice(list(KINDS), p=list(KINDS.values())))
        self.timing = timing_of(source)

    def check(self) -> None:
        """Run the program.

        Raises
        ------
        AssertionError, SimulationFailed
            If something is wrong.
        """
        getattr(self, f"_{self.kind}")()

    def _run(self, program: Program | bytes, **options) -> CoreResult:
        before = [region.copy() for region in self.memory]
        result = self.core.run(
            program,
            self.memory,
            timing=self.timing,
            permissions=PERMISSIONS,
            most_cycles=MOST_CYCLES,
            reset=self.reset,
            **options,
        )
        self.result.cycles += result.cycles
        self.result.endings[f"{self.kind}, {result.error.name}"] += 1
        for number, region in enumerate(before):
            if not PERMISSIONS[number] & 2:
                assert np.array_equal(self.memory[number], region), f"region {number} was written"
        for unit in Unit:
            name = f"{unit.name.lower()}_"
            counts = [n for key, n in result.counters.items() if key.startswith(name)]
            assert sum(counts) == result.counters["cycles"], f"{name} counters: {result.counters}"
        return result

    def _whole(self) -> None:
        before = [region.copy() for region in self.memory]
        self._compare(self.program, before, self._run(self.program))

    def _compare(self, program: Program, memory: list[np.ndarray], result: CoreResult) -> None:
        """Compare a run with that of the machine in numpy, on the memory before the run."""
        try:
            execute(program, memory)
        except ValueError as error:
            assert result.error in DATA_ERRORS, f"{result.sentence or 'HALT'}, numpy: {error}"
            return
        assert result.error == CoreError.NONE, f"{result.sentence}: {result}"
        for number, (got, wanted) in enumerate(zip(self.memory, memory, strict=True)):
            wrong = np.flatnonzero(got != wanted)
            assert not len(wrong), (
                f"byte {wrong[0]} of region {number} is {got[wrong[0]]}, numpy has "
                f"{wanted[wrong[0]]}; {len(wrong)} bytes differ"
            )
        given = [sum(i.unit == unit for i in program.instructions) for unit in Unit]
        for cycles in (result.starts, result.finishes):
            found = [len(of_unit) for of_unit in cycles]
            assert found == given, f"instructions of each unit: {found}, not {given}"
        counted = result.counters["cycles"]
        assert 0 < counted <= result.cycles, f"{counted} cycles counted of {result.cycles}"
        self.result.compared += 1
        self.result.instructions.update(i.kind.name for i in program.instructions)

    def _partly(self, legal: tuple[CoreError, ...], **options) -> None:
        """Run a program that may end early; bytes that it never stores must not change."""
        before = [region.copy() for region in self.memory]
        result = self._run(self.program, **options)
        if result.error == CoreError.NONE:
            self._compare(self.program, before, result)
            return
        assert result.error in (*legal, *DATA_ERRORS), result.sentence
        for number, kept in enumerate(unstored(self.program)):
            same = np.array_equal(self.memory[number][kept], before[number][kept])
            assert same, f"a byte of region {number} that is not stored has changed"

    def _aborted(self) -> None:
        cycles = int(self.source.integers(1, 1 << int(self.source.integers(4, 14))))
        self._partly((CoreError.ABORTED,), abort_after=cycles)

    def _failing(self) -> None:
        """Some addresses of the memory answer with an error."""
        place = int(self.source.integers(0, 5))
        size = len(self.program.encode()) if place == 0 else len(self.memory[place - 1])
        start = (place + 1 << APART) + int(self.source.integers(0, size))
        faults = {"fail_start": start, "fail_stop": start + int(self.source.integers(1, 64))}
        self._partly((CoreError.READ_RESPONSE, CoreError.WRITE_RESPONSE), faults=faults)

    def _stuck(self) -> None:
        """The memory answers only some reads, until the next program runs."""
        faults = {"answered_reads": int(self.source.integers(0, 1000))}
        self._partly((CoreError.ABORTED,), faults=faults, abort_after=PATIENCE)

    def _damaged(self) -> None:
        """It ends, whatever it means; if the checker accepts it, then as in numpy."""
        before = [region.copy() for region in self.memory]
        data, sealed = damaged(self.program.encode(), self.source)
        result = self._run(data, abort_after=PATIENCE)
        assert result.cycles < PATIENCE + MOST_CYCLES // 10, f"an abort took {result.cycles} cycles"
        assert sealed or result.error != CoreError.NONE, "a damaged program was accepted"
        if result.error == CoreError.ABORTED:
            return
        program = _accepted(data, self.core.config, list(map(len, before)))
        if program is not None:
            self._compare(program, before, result)

    def __repr__(self) -> str:
        return f"{self.kind} run of {len(self.program.instructions)} instructions"


def _accepted(data: bytes, config: CoreConfig, sizes: list[int]) -> Program | None:
    """Return the program of bytes, if it is accepted and can run; otherwise None.

    Parameters
    ----------
    data : bytes
    config : CoreConfig
        It must have all that the program needs.
    sizes : list of int
        Of the regions that the host provides.
    """
    try:
        program = Program.decode(data)
    except ValueError:
        return None
    needs = program.requirements
    denied = any(not PERMISSIONS[region] & 1 for region in needs.readable)
    denied |= any(not PERMISSIONS[region] & 2 for region in needs.writable)
    denied |= any(map(operator.gt, needs.regions, sizes))
    if denied or config.lacks(needs) or checker.faults(program):
        return None
    return program


def unstored(program: Program) -> list[np.ndarray]:
    """Return, for each region, which of its bytes no STORE of a program writes."""
    kept = [np.ones(size, bool) for size in program.requirements.regions]
    for instruction in program.instructions:
        if instruction.opcode == Opcode.STORE:
            places = line_offsets(instruction)[:, np.newaxis] + np.arange(instruction["bytes"])
            kept[instruction["region"]][places] = False
    return kept


def timing_of(source: np.random.Generator) -> MemoryTiming:
    """Return a memory that is fast or slow, regular or not."""
    return MemoryTiming(
        read_latency=int(source.choice([1, 3, 20, 60])),
        read_bytes=float(source.choice([64.0, 4.0, 1.3])),
        write_latency=int(source.choice([1, 10, 40])),
        write_bytes=float(source.choice([64.0, 4.0, 0.7])),
        jitter=int(source.choice([0, 0, 2, 6])),
        seed=int(source.integers(1, 1 << 30)),
    )
