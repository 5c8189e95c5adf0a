"""The cycles of a program on the bare data path: instructions come after random gaps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from weft.core.core_config import CoreConfig
from weft.core.data_path import OUTER_READERS
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft_model.core.bank_timing import BankPort, allow_first
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


class RowReader:
    """Reads given rows in order through a port of the buffer, from a cycle on.

    Parameters
    ----------
    port : BankPort
    banks : sequence of int
        The bank of each row.
    begin : int
        The cycle in which it asks for the first row.

    Members
    -------
    cycles : list of int
        The cycles in which rows were granted.
    """

    def __init__(self, port: BankPort, banks: Sequence[int], begin: int):
        self.port = port
        self.cycles: list[int] = []
        self._banks = banks
        self._next = begin

    @property
    def waits_for_bank(self) -> int | None:
        return self._next if len(self.cycles) < len(self._banks) else None

    def advance(self) -> bool:
        count = len(self.cycles)
        while len(self.cycles) < len(self._banks):
            read, later = self.port.read(self._banks[len(self.cycles)], 1, self._next)
            self._next = later
            if not read:
                break
            self.cycles.append(later - 1)
        return len(self.cycles) > count


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
    timing = DataPathTiming.of(config)
    tiles, results = TileStream(timing), ResultStream(timing)
    bank_rows = config.buffer.rows // config.buffer.banks
    matrix = MatrixTimes(tiles, results)
    weights = WeightsTimes(tiles, BankPort([matrix]))
    rivals, readers = [matrix, weights.port.reads], {}
    for name in OUTER_READERS:
        reading = readings.get(name, Reading(rows=(), begin=0))
        banks = [row // bank_rows for row in reading.rows]
        readers[name] = RowReader(BankPort(tuple(rivals)), banks, reading.begin)
        rivals.append(readers[name].port.reads)
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
                available = before + gaps[opcode][number]
                instruction = programs[opcode][number]
                work = {"instruction": instruction, "available": available, "bank_rows": bank_rows}
                if opcode == Opcode.WEIGHTS:
                    weights.give(WeightsWork(**work, lanes=config.lanes))
                else:
                    matrix.give(MatrixWork(**work))
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
