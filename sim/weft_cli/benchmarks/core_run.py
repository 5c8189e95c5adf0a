"""A program on the RTL of a core, compared with the machine in numpy, and where its cycles went."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Unit
from weft_model.core.machine import execute
from weft_model.core.walks import matmul_height, tile_count
from weft_model.programs.program_builder import BuiltProgram
from weft_sim.core_driver import MemoryTiming
from weft_sim.core_simulator import CoreResult, CoreSimulator
from weft_sim.verilator import SimulationFailed


@dataclass(frozen=True, kw_only=True)
class CoreRun:
    """A program that ran on the RTL, with the results of numpy.

    Parameters
    ----------
    result : CoreResult
    active : int
        Cycles in which a row enters the array.
    begin, first, drained : int
        The cycles, from the launch on, of the start of the first instruction, of the start of the
        first MATMUL, and of the end of the last VECTOR.
    instructions, bytes : int
        Of the program.
    traffic : int
        Bytes of the memory that were read and written; those of the program count twice, because it
        is checked first.
    """

    result: CoreResult
    active: int
    begin: int
    first: int
    drained: int
    instructions: int
    bytes: int
    traffic: int

    @property
    def cycles(self) -> int:
        """From the launch to the interrupt."""
        return self.result.cycles

    @property
    def body_cycles(self) -> int:
        """Without those in which the program is checked."""
        return self.cycles - self.begin

    def working(self, unit: Unit) -> float:
        """Return the share of the body's cycles in which a unit works."""
        return self.result.counters[f"{unit.name.lower()}_working"] / self.body_cycles


def run_compared(
    simulator: CoreSimulator,
    built: BuiltProgram,
    inputs: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    *,
    timing: MemoryTiming,
) -> CoreRun:
    """Run a program on the RTL.

    Raises
    ------
    SimulationFailed
        If it ends with an error, or its memory differs from that of the machine in numpy, or its
        outputs from those of the network in numpy.
    """
    memory = built.memory(*inputs)
    wanted = [region.copy() for region in memory]
    execute(built.program, wanted)
    result = simulator.run(built.program, memory, timing=timing)
    if result.sentence:
        raise SimulationFailed(f"the program ended with an error: {result.sentence}")
    pairs = [*zip(memory, wanted, strict=True)]
    pairs += zip(built.results(memory), expected, strict=True)
    if not all(np.array_equal(got, right) for got, right in pairs):
        raise SimulationFailed("the memory differs from numpy's")
    beat = simulator.config.bus.data_width // 8
    return CoreRun(
        result=result,
        active=sum(
            matmul_height(one) * tile_count(one)
            for one in built.program.instructions
            if one.unit == Unit.MATRIX
        ),
        begin=min(starts[0] for starts in result.starts if starts),
        first=result.starts[Unit.MATRIX][0],
        drained=result.finishes[Unit.VECTOR][-1],
        instructions=len(built.program.instructions),
        bytes=len(built.program.encode()),
        traffic=(result.read_beats + result.write_beats) * beat,
    )
