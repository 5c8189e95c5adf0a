"""Simple units of a core, for benches: what they do with its ports, and the cycles of that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Opcode, XSource, YSource
from weft.isa.instruction import Instruction
from weft_model.core.bank_timing import BankPort
from weft_model.core.cycles import spaced
from weft_model.core.stream_timing import ResultStream


@dataclass(frozen=True)
class StubWork:
    """What a simple unit does for an instruction, from the cycle after its start on.

    It asks for rows on its ports as fast as it gets them, and takes results, all at the same time;
    then it writes rows. It finishes `delay` cycles after all of this.

    Parameters
    ----------
    reads : dict of str to range
        Buffer rows for each read port.
    writes : range
        Buffer rows.
    results, period : int
        The number of result rows that it takes, and the least number of cycles for each.
    delay : int
        At least 1.
    """

    reads: dict[str, range]
    writes: range
    results: int
    period: int
    delay: int

    @classmethod
    def of(cls, instruction: Instruction) -> "StubWork":
        """Return the work of an instruction; its tag has the period and the delay."""
        period, delay = divmod(instruction["tag"], 8)
        timing = {"period": period % 8 + 1, "delay": delay + 1}
        if instruction.opcode != Opcode.VECTOR:
            rows = range(instruction["row"], instruction["row"] + instruction["lines"])
            if instruction.opcode == Opcode.STORE:
                return cls({"store": rows}, range(0), 0, **timing)
            return cls({}, rows, 0, **timing)
        count = instruction["inner_count"]
        sources = {
            "x": instruction["x_source"] == XSource.BUFFER,
            "y": instruction["y_source"] == YSource.BUFFER,
        }
        return cls(
            {
                name: range(instruction[f"{name}_row"], instruction[f"{name}_row"] + count)
                for name, used in sources.items()
                if used
            },
            range(instruction["destination_row"], instruction["destination_row"] + count)
            if instruction["write"]
            else range(0),
            count if instruction["x_source"] == XSource.RESULTS else 0,
            **timing,
        )


class RowReader:
    """Reads or writes given rows in order through a port of the buffer.

    Parameters
    ----------
    port : BankPort
    bank_rows : int

    Members
    -------
    cycles : list of int
        The cycles in which rows were granted.
    """

    def __init__(self, port: BankPort, bank_rows: int):
        self.port = port
        self.cycles: list[int] = []
        self._bank_rows = bank_rows
        self._banks: list[int] = []
        self._next = 0

    def ask(self, rows: Sequence[int], begin: int) -> None:
        """Ask for more rows, from a cycle on; all before it have been granted."""
        self._banks += [row // self._bank_rows for row in rows]
        self._next = begin

    @property
    def left(self) -> int:
        """Rows that have not been granted."""
        return len(self._banks) - len(self.cycles)

    @property
    def waits_for_bank(self) -> int | None:
        return self._next if self.left else None

    def advance(self) -> bool:
        count = len(self.cycles)
        while self.left:
            read, later = self.port.read(self._banks[len(self.cycles)], 1, self._next)
            self._next = later
            if not read:
                break
            self.cycles.append(later - 1)
        return len(self.cycles) > count


class StubTimes:
    """The cycles of a simple unit, which executes one instruction after the other.

    Parameters
    ----------
    readers : dict of str to RowReader
        One for each of its read ports.
    writer : RowReader, optional
    results : ResultStream, optional
    """

    def __init__(
        self,
        readers: dict[str, RowReader],
        writer: RowReader | None = None,
        results: ResultStream | None = None,
    ):
        self.readers, self.writer, self.results = readers, writer, results
        self.starts: list[int] = []
        self.finishes: list[int] = []
        self._given: list[tuple[StubWork, int]] = []
        self._work: StubWork | None = None
        # Result rows that are left, the cycle of the last event, the first cycle for results, that
        # from which the next period counts, and whether it writes.
        self._left = self._last = self._begin = self._paced = 0
        self._writes = False

    def give(self, instruction: Instruction, available: int) -> None:
        self._given.append((StubWork.of(instruction), available))

    def advance(self) -> bool:
        progress = False
        while self._step():
            progress = True
        return progress

    def _step(self) -> bool:
        if self._work is None:
            return self._start()
        moves = [reader.advance() for reader in self.readers.values()]
        if self._left:
            moves.append(self._take(self._work))
        waiting = self._left or any(reader.left for reader in self.readers.values())
        if self.writer is not None:
            if not waiting and not self._writes:
                self._writes = True
                # All that was read comes before the first write.
                self.writer.ask(self._work.writes, self._ended() + 1)
            moves.append(self.writer.advance())
            waiting = waiting or self.writer.left
        if not waiting:
            self.finishes.append(self._ended() + self._work.delay)
            # The next instruction starts one cycle later, and reads in the one after.
            self._limit(self.finishes[-1] + 2)
            self._work = None
            return True
        return any(moves)

    def _start(self) -> bool:
        if len(self.starts) == len(self._given):
            return False
        self._work, available = self._given[len(self.starts)]
        start = max(available, self.finishes[-1] + 1 if self.finishes else 0)
        self.starts.append(start)
        self._last, self._left, self._writes = start, self._work.results, False
        self._begin, self._paced = start + 1, start + 1 - self._work.period
        for name, reader in self.readers.items():
            reader.ask(self._work.reads.get(name, ()), start + 1)
        return True

    def _take(self, work: StubWork) -> bool:
        assert self.results is not None
        least = np.maximum(self.results.waiting[: self._left], self._begin)
        cycles = spaced(least, after=self._paced, period=work.period)
        self.results.taken.extend(cycles)
        if len(cycles):
            self._left -= len(cycles)
            self._last = self._paced = int(cycles[-1])
            self._limit(self._last + 3)
        return len(cycles) > 0

    def _ended(self) -> int:
        """Return the cycle of the last row that was read, taken or written; or the start."""
        used = [*self.readers.values(), *([self.writer] if self.writer else [])]
        rows = [reader.cycles[-1] for reader in used if reader.cycles]
        return max(self._last, *rows) if rows else self._last

    def _limit(self, cycle: int) -> None:
        for reader in self.readers.values():
            reader.port.limit(cycle)
        if self.writer is not None:
            self.writer.port.limit(cycle)
