"""The cycles of a program on the bare data path: instructions come after random gaps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benches.stub_times import RowReader
from weft.core.core_config import CoreConfig
from weft.core.data_path import OUTER_READERS
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft_model.core.bank_timing import allow_first
from weft_model.core.core_parts import CoreParts
from weft_model.core.cycles import spaced
from weft_model.core.stream_timing import ResultStream

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


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Rows that another port reads from a cycle on."""

    rows: Sequence[int]
    begin: int


@dataclass(frozen=True)
class DataPathTimes:
    """The cycles of all instructions and of all result rows, from the first offered one.

    `x`, `y`, `store`: the cycles in which the requests of these ports were granted.
    """

    weights_starts: list[int]
    weights_finishes: list[int]
    matrix_starts: list[int]
    matrix_finishes: list[int]
    taken: list[int]
    x: list[int]
    y: list[int]
    store: list[int]


def times_of(
    config: CoreConfig,
    program: Sequence[Instruction],
    *,
    gaps: dict[Opcode, Sequence[int]],
    drain: Drain,
    readings: dict[str, Reading],
) -> DataPathTimes:
    """Return the cycles of a program; each instruction is offered a gap after the one before.

    `readings`: what the other ports of the buffer read; they are keys of OUTER_READERS.
    """
    parts = CoreParts.of(config)
    matrix, weights, results = parts.matrix, parts.weights, parts.results
    readers = {}
    for name in OUTER_READERS:
        reading = readings.get(name, Reading(rows=(), begin=0))
        readers[name] = RowReader(getattr(parts, name), parts.bank_rows)
        readers[name].ask(reading.rows, reading.begin)
    units = {Opcode.WEIGHTS: weights, Opcode.MATMUL: matrix}
    programs = {opcode: [one for one in program if one.opcode == opcode] for opcode in units}
    given = dict.fromkeys(units, 0)
    progress = True
    while progress:
        progress = False
        for opcode, unit in units.items():
            number = given[opcode]
            if number < len(programs[opcode]) and len(unit.starts) == number:
                before = unit.starts[-1] + 1 if unit.starts else 0
                unit.give(programs[opcode][number], before + gaps[opcode][number])
                given[opcode] += 1
                progress = True
            progress |= unit.advance()
        for reader in readers.values():
            progress |= reader.advance()
        taken = len(results.taken)
        drain(results)
        progress |= len(results.taken) > taken
        progress = progress or allow_first((weights, *readers.values()))
    ended = [len(unit.finishes) == len(programs[opcode]) for opcode, unit in units.items()]
    assert all(ended), "a program does not end"
    return DataPathTimes(
        weights.starts,
        weights.finishes,
        matrix.starts,
        matrix.finishes,
        results.taken[:].tolist(),
        *[reader.cycles for reader in readers.values()],
    )
