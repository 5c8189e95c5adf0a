"""The cycles of a program on the bare data path: instructions come after random gaps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft_model.core.cycles import spaced
from weft_model.core.data_path_timing import DataPathTiming
from weft_model.core.matrix_timing import MatrixTimes, MatrixWork
from weft_model.core.stream_timing import ResultStream, TileStream
from weft_model.core.weights_timing import WeightsTimes, WeightsWork

# Takes the result rows that are on `results`, from a cycle on.
Drain = Callable[[ResultStream], None]


def at_a_rate(period: int, *, begin: int) -> Drain:
    """Return a drain that takes a row in every `period` cycles at most."""

    def drain(results: ResultStream) -> None:
        least = np.maximum(results.waiting, begin)
        results.taken.extend(spaced(least, after=results.taken.last, period=period))

    return drain


def when_ready(cycles: np.ndarray) -> Drain:
    """Return a drain that takes rows in given cycles, if there is one."""

    def drain(results: ResultStream) -> None:
        places = np.searchsorted(cycles, results.waiting)
        last = int(np.searchsorted(cycles, results.taken.last)) if len(results.taken) else -1
        results.taken.extend(cycles[spaced(places, after=last, period=1)])

    return drain


@dataclass(frozen=True)
class DataPathTimes:
    """The cycles of all instructions and of all result rows, from the first offered one."""

    weights_starts: list[int]
    weights_finishes: list[int]
    matrix_starts: list[int]
    matrix_finishes: list[int]
    taken: list[int]


def times_of(
    config: CoreConfig,
    program: Sequence[Instruction],
    *,
    gaps: dict[Opcode, Sequence[int]],
    drain: Drain,
) -> DataPathTimes:
    """Return the cycles of a program; each instruction is offered a gap after the one before."""
    timing = DataPathTiming.of(config)
    tiles, results = TileStream(timing), ResultStream(timing)
    weights, matrix = WeightsTimes(tiles), MatrixTimes(tiles, results)
    units = {Opcode.WEIGHTS: (weights, WeightsWork), Opcode.MATMUL: (matrix, MatrixWork)}
    programs = {opcode: [one for one in program if one.opcode == opcode] for opcode in units}
    given = dict.fromkeys(units, 0)
    progress = True
    while progress:
        progress = False
        for opcode, (unit, work) in units.items():
            number = given[opcode]
            if number < len(programs[opcode]) and len(unit.starts) == number:
                before = unit.starts[-1] + 1 if unit.starts else 0
                available = before + gaps[opcode][number]
                unit.give(work.of(programs[opcode][number], available=available))
                given[opcode] += 1
                progress = True
            progress |= unit.advance()
        taken = len(results.taken)
        drain(results)
        progress |= len(results.taken) > taken
    ended = [len(unit.finishes) == len(programs[opcode]) for opcode, (unit, _) in units.items()]
    assert all(ended), "a program does not end"
    return DataPathTimes(
        weights.starts,
        weights.finishes,
        matrix.starts,
        matrix.finishes,
        results.taken[:].tolist(),
    )
