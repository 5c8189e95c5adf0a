"""VectorTimes: when VECTOR instructions start, read, take results, write and finish."""

import numpy as np

from weft.isa.instruction import Instruction
from weft.matrix.admission import Admission
from weft.sequencer.unit_queue import UnitQueue
from weft.vector.timing import VectorTiming

from .bank_timing import BankPort, bank_runs
from .core_parts import CoreParts
from .cycles import NEVER, spaced
from .vector_work import VectorWork

# From the transfer of a result to the first request of a row for which it makes room.
EFFECT = Admission.credit_latency + 1
# Rows that are tried at once after a row had to wait for a bank.
FEW_ROWS = 8


class _Asking:
    """A port that asks for one row, from the cycle `waits_for_bank` on."""

    def __init__(self, port: BankPort):
        self.port = port
        self.waits_for_bank: int | None = None

    def ask(self, bank: int, cycle: int, *, known: int) -> int | None:
        """Return the cycle in which a row is granted, if it is known; ask until then.

        `known`: see BankPort.read.
        """
        first = max(cycle, self.waits_for_bank or cycle)
        read, later = self.port.read(bank, 1, first, known=known)
        self.waits_for_bank = None if read else later
        return later - 1 if read else None


class VectorTimes:
    """The cycles of VECTOR instructions, one after the other.

    A row of x takes a fixed number of slots, one after the other. A slot requests its rows of x and
    y when it begins, and goes on when they are granted and, if x comes from the results, a result
    is there. The result is taken with the last slot of its row:

        begin(s) = go(s - 1) + 1, or start + first_slot
        go(s)    = max(begin(s), grant of x, grant of y, ready(result))
        start(n) = max(available(n), finish(n - 1) + 1)

    Writes come a fixed time after the slots, and never wait.

    Parameters
    ----------
    parts : CoreParts

    Members
    -------
    starts, finishes : list of int
    waiting : its readers, see bank_timing.Waiting
    """

    def __init__(self, parts: CoreParts):
        self.parts = parts
        self.timing = VectorTiming()
        self.starts: list[int] = []
        self.finishes: list[int] = []
        self._given: list[tuple[Instruction, int]] = []
        self._work: VectorWork | None = None
        self._readers = {name: _Asking(getattr(parts, name)) for name in ("x", "y")}
        self.waiting = tuple(self._readers.values())
        # The next row and slot, the first cycle of that slot, and when its rows are granted.
        self._row = self._slot = self._begin = 0
        self._grants: dict[str, int] = {}
        # The slots of the row so far.
        self._cycles = np.zeros(0, np.int64)
        self._most = FEW_ROWS

    def give(self, instruction: Instruction, available: int) -> None:
        """Add the next instruction, which can start from the cycle `available` on."""
        self._given.append((instruction, available))

    def advance(self) -> bool:
        """Do what is known; return whether that was anything."""
        progress = False
        while self._step():
            progress = True
        return progress

    def _step(self) -> bool:
        if self._work is None:
            return self._start()
        if self._row == self._work.rows:
            self._finish(self._work)
            return True
        if not self._slot and not self._grants and not any(self._asks):
            rows = self._free_rows(self._work)
            if rows:
                return True
        return self._next_slot(self._work)

    @property
    def _asks(self) -> list[bool]:
        return [reader.waits_for_bank is not None for reader in self.waiting]

    def _start(self) -> bool:
        number = len(self.starts)
        if number == len(self._given):
            return False
        instruction, available = self._given[number]
        self._work = VectorWork(
            instruction=instruction,
            row_chunks=self.parts.config.row_chunks,
            bank_rows=self.parts.bank_rows,
        )
        start = max(available, self.finishes[-1] + 1) if number else available
        self.starts.append(start)
        self._row, self._begin = 0, start + self.timing.first_slot
        self._cycles = np.zeros(self._work.slots, np.int64)
        self._most = self._work.rows
        return True

    def _finish(self, work: VectorWork) -> None:
        finish = work.finish(self._cycles, self.timing)
        self.finishes.append(finish)
        self._limit(finish + UnitQueue.wait_latency + 1)
        self._work = None

    def _limit(self, cycle: int) -> None:
        for reader in self.waiting:
            reader.port.limit(cycle)

    @property
    def _quiet(self) -> int:
        """The cycle before which all reads of other units that come before x are known."""
        return min(rival.quiet for rival in self.parts.x.rivals)

    def _free_rows(self, work: VectorWork) -> int:
        """Do the next rows up to the first one that waits for a bank; return their number."""
        slots, results = work.slots, self.parts.results
        count = min(work.rows - self._row, self._most)
        if work.drains:
            ready = results.waiting[:count]
            count = len(ready)
            begun = spaced(ready, after=self._begin - slots, period=slots)
        else:
            begun = self._begin + slots * np.arange(count)
        if not count:
            return 0
        cycles = begun[:, np.newaxis] + np.arange(slots)
        asked = cycles.copy()
        # The first slot of a row asks when the row before is done.
        asked[0, 0], asked[1:, 0] = self._begin, cycles[:-1, -1] + 1
        # A result that is taken may let MATRIX read again.
        full = work.drains and results.full
        known = max(self._quiet, int(cycles[0, -1]) + EFFECT) if full else NEVER
        free = self._uncontested(work, asked, known)
        self._most = min(work.rows, 2 * self._most) if free == count else FEW_ROWS
        if not free:
            return 0
        for name, reader in self._readers.items():
            requests = asked[:free, work.requests[name]].ravel()
            if len(requests):
                banks = work.banks[name][self._row : self._row + free].ravel()
                _add_runs(reader.port, banks, requests)
        self._done(work, cycles[:free])
        self._row += free
        self._begin = int(cycles[free - 1, -1]) + 1
        if work.drains:
            self._take(cycles[:free, -1])
        return free

    def _uncontested(self, work: VectorWork, asked: np.ndarray, known: int) -> int:
        """Return the number of rows whose requests are granted at once, as far as is known.

        `known`: no later than this cycle, where reads of others are known.
        """
        count, of_x = len(asked), np.zeros(0, np.int64)
        for name, reader in self._readers.items():
            slots = work.requests[name]
            if not len(slots) or not count:
                continue
            requests = asked[:count, slots].ravel()
            banks = work.banks[name][self._row : self._row + count].ravel()
            # What the unit itself reads on x is known.
            late = requests >= min(known, max(one.port.known for one in self.waiting))
            for bank in set(banks.tolist()):
                late |= (banks == bank) & reader.port.taken(bank, requests)
            # No bank has a number that large.
            numbers = requests * 256 + banks
            late |= np.isin(numbers, of_x)
            of_x = numbers
            if late.any():
                count = int(late.argmax()) // len(slots)
        return count

    def _next_slot(self, work: VectorWork) -> bool:
        """Do the next slot, if it is known when; return whether it was."""
        for reader in self.waiting:
            reader.port.reads.quiet = self._begin
        for name, reader in self._readers.items():
            places = np.flatnonzero(work.requests[name] == self._slot)
            if not len(places) or name in self._grants:
                continue
            bank = int(work.banks[name][self._row, places[0]])
            # The next request on x comes after what is granted here.
            asks = self._readers["x"].waits_for_bank is not None
            known = 0 if asks else self.parts.x.known
            granted = reader.ask(bank, self._begin, known=known)
            if granted is not None:
                self._grants[name] = granted
            elif name == "x" and reader.waits_for_bank is not None:
                # What y gets depends on what x will get.
                self._readers["y"].port.limit(reader.waits_for_bank)
        if any(self._asks):
            return False
        go = max(self._begin, *self._grants.values()) if self._grants else self._begin
        results = self.parts.results
        if work.drains:
            waiting = results.waiting[:1]
            if not len(waiting):
                return False
            # The one before has been taken in an earlier slot.
            go = max(go, int(waiting[0]))
        self._cycles[self._slot] = go
        self._grants, self._begin = {}, go + 1
        places = np.flatnonzero(work.completes == self._slot)
        if len(places) and (self._row + 1) % work.window == 0:
            self._write(work, int(places[0]), go)
        self._slot += 1
        if self._slot == work.slots:
            self._slot, self._row = 0, self._row + 1
            if work.drains:
                self._take(np.array([go]))
        return True

    def _take(self, cycles: np.ndarray) -> None:
        """Take result rows."""
        results = self.parts.results
        full = results.full
        results.taken.extend(cycles)
        if full:
            self._limit(int(cycles[0]) + EFFECT)

    def _write(self, work: VectorWork, place: int, cycle: int) -> None:
        """Write the buffer rows that a slot completes."""
        writes = work.writes(np.array([[cycle]]), self.timing)[0]
        first = place * work.completed
        banks = work.written_banks[self._row // work.window, first : first + work.completed]
        _add_runs(self.parts.vector, banks, writes)

    def _done(self, work: VectorWork, cycles: np.ndarray) -> None:
        """Write what some rows complete, whose slots are (rows, slots); and keep the last."""
        self._cycles = cycles[-1].copy()
        if work.completed:
            # Output rows are the last ones of their windows.
            first = -(self._row + 1) % work.window
            outputs = cycles[first :: work.window, work.completes]
            if len(outputs):
                row = (self._row + first) // work.window
                banks = work.written_banks[row : row + len(outputs)]
                writes = work.writes(outputs, self.timing)
                _add_runs(self.parts.vector, banks.ravel(), writes.ravel())


def _add_runs(port: BankPort, banks: np.ndarray, cycles: np.ndarray) -> None:
    """Add reads or writes of banks, in the order of their cycles."""
    place = 0
    for bank, count in bank_runs(banks):
        port.reads.add(bank, cycles[place : place + count])
        place += count
