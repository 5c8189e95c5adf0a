"""When MATMUL instructions start, request and admit their rows, and finish: exact cycles."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from weft.isa.instruction import Instruction

from .bank_timing import Some
from .cycles import BEFORE, spaced
from .matrix_work import MatrixWork
from .request_runs import RequestRuns
from .stream_timing import ResultStream, TileStream
from .weights_timing import WeightsTimes


def _moved(places: Some, distance: int) -> Some:
    if isinstance(places, range):
        return range(places.start + distance, places.stop + distance)
    return places + distance


class MatrixTimes:
    """The cycles of MATMUL instructions.

    Rows are numbered through all instructions. Row e is requested from the buffer, moves to
    `activations`, and is then admitted to the array:

        request(e)   = max(request(e - 1) + 1, admit(e - 8) + 1, start + 2)
        admit(e)     = max(admit(e - 1) + 1, request(e) + 7, complete(its tile), room(its result))
        start(n)     = max(available(n), start(n - 1) + 1, request of the last row but one of n - 1)
        finish(n)    = max(request(last row) + 6, admit(last row but one))

    The tile counts for the first row that meets it, and the room for rows that have a result. Since
    admit(e - 8) + 8 is never later than admit(e), requests delay only the first row of an
    instruction. MATRIX is the first reader of the buffer, so no bank delays it.

    Parameters
    ----------
    tiles : TileStream
    results : ResultStream
    bank_rows : int
        Rows of a bank of the buffer.

    Members
    -------
    starts, finishes : list of int
    weights : WeightsTimes or None
        Where tiles come from. If it is given, rows are admitted tile by tile as these are written.
    """

    def __init__(self, tiles: TileStream, results: ResultStream, *, bank_rows: int):
        self.tiles, self.results, self.bank_rows = tiles, results, bank_rows
        self.timing = tiles.timing
        self.weights: WeightsTimes | None = None
        self.starts: list[int] = []
        self.finishes: list[int] = []
        self._works: list[MatrixWork] = []
        # The first row of each instruction, and the one after the last.
        self._firsts = [0]
        # Admitted rows, and the cycles of the last two.
        self._admitted = 0
        self._last = self._last_but_one = BEFORE
        self._requests = RequestRuns(self.timing.rows_ahead)
        # The instruction whose rows are admitted, its tile, and the row in it; and the banks that
        # may be read while its tiles are written.
        self._number = self._tile = self._row = 0
        self._banks = 0

    def give(self, instruction: Instruction, available: int) -> None:
        """Add the next instruction, which can start from the cycle `available` on."""
        work = MatrixWork(instruction=instruction, available=available, bank_rows=self.bank_rows)
        self._works.append(work)
        self._firsts.append(self._firsts[-1] + work.tiles * work.rows)

    @property
    def quiet(self) -> int:
        """The cycle before which all requests are known; see bank_timing.Reads."""
        requests = self._requests
        if not requests.count:
            return 0
        quiet = requests.cycle(requests.count - 1) + 1
        if requests.count == self._admitted + requests.ahead:
            # The next one waits for the admission of the next row.
            quiet = max(quiet, self._last + 2)
        return quiet

    def free(self, bank: int, count: int, start: int, stop: int) -> Iterator[Some]:
        """Yield the first cycles in which a bank is not read; see bank_timing.Reads."""
        for row, cycle, length in self._requests.between(start, stop):
            if cycle > start:
                yield range(start, min(cycle, start + count))
                count -= min(count, cycle - start)
            start = cycle + length
            while length and count:
                number = bisect_right(self._firsts, row) - 1
                part = min(length, self._firsts[number + 1] - row)
                found = self._free_of(number, bank, count, row, part)
                if len(found):
                    # From rows to cycles.
                    yield _moved(found, cycle - row)
                    count -= len(found)
                row, cycle, length = row + part, cycle + part, length - part
            if not count:
                return
        if count and start < stop:
            yield range(start, min(stop, start + count))

    def _free_of(self, number: int, bank: int, count: int, row: int, length: int) -> Some:
        """Return the first of some rows of an instruction that are not read from a bank."""
        work, first = self._works[number], self._firsts[number]
        if not work.banks >> bank & 1:
            return range(row, row + min(length, count))
        unread = work.unread(bank)
        start = int(unread.searchsorted(row - first))
        found = unread[start : start + count]
        if len(found) and found[-1] >= row - first + length:
            found = found[: found.searchsorted(row - first + length)]
        return found + first

    def advance(self) -> bool:
        """Do what is known; return whether that was anything."""
        progress = False
        while self._step():
            progress = True
        return progress

    def _step(self) -> bool:
        moves = self._start(), self._request(), self._finish(), self._admit()
        return any(moves)

    def _start(self) -> bool:
        """Start the next instruction, if it is known when."""
        number = len(self.starts)
        if number == len(self._works):
            return False
        start, first = self._works[number].available, self._firsts[number]
        if number:
            # The walk is free when its last step moves on, as the one before it is requested.
            if self._requests.count < first - 1:
                return False
            start = max(start, self.starts[-1] + 1)
            if first > 1:
                start = max(start, self._requests.cycle(first - 2))
        self.starts.append(start)
        self._requests.begin(first, start + self.timing.walk)
        return True

    def _request(self) -> bool:
        """Request the rows of instructions that have started, as far as it is known when."""
        ahead = self._admitted + self._requests.ahead
        return self._requests.advance(min(ahead, self._firsts[len(self.starts)]))

    def _admit(self) -> bool:
        """Admit rows of one instruction, as far as it is known when."""
        number, admitted = self._number, self._admitted
        # The one before must have finished, since that depends on its last two rows.
        if number == len(self.starts) or number > len(self.finishes):
            return False
        work = self._works[number]
        if not self._tile and not self._row:
            self._banks = self._recent_banks(number)
        plain = work.tiles - work.emits
        while self._tile < plain and self._admit_tile(work):
            pass
        if self._tile == plain and work.emits:
            self._admit_results(work)
        if self._tile == work.tiles:
            self._number, self._tile = number + 1, 0
        return self._admitted > admitted

    def _recent_banks(self, number: int) -> int:
        """Return the banks that may be read after the room of the next tile is known.

        This is when the tile T + 1 before it has been switched to.
        """
        banks, tiles = self._works[number].banks, self.timing.tiles + 1
        while number and tiles > 0:
            number -= 1
            banks |= self._works[number].banks
            tiles -= self._works[number].tiles
        return banks

    def _switch(self) -> int | None:
        """Return the first cycle in which the array can switch to the next tile, if known."""
        tile = len(self.tiles.switches)
        if tile >= len(self.tiles.written) and not self._fetch_tile():
            return None
        switch = max(self._last + 1, self.tiles.complete(tile))
        if not self._tile:
            first = self._requests.cycle(self._firsts[self._number])
            switch = max(switch, first + self.timing.row + self.timing.gate)
        return switch

    def _fetch_tile(self) -> bool:
        """Write the tile that the next row waits for, if it is known when."""
        if self.weights is None:
            return False
        # While a row waits for this tile, only rows are requested that can be ahead of it.
        left = self._firsts[self._number + 1] - self._admitted
        if left >= self._requests.ahead and self.weights.write_apart(self._banks):
            return True
        self._start()
        self._request()
        if self._requests.count < self._admitted + self._requests.ahead:
            return False
        return self.weights.write_alone()

    def _admit_tile(self, work: MatrixWork) -> bool:
        """Admit all rows that meet a tile without results."""
        switch = self._switch()
        if switch is None:
            return False
        self._admit_run(switch, work.rows)
        self.tiles.switches.append(switch)
        self._tile += 1
        return True

    def _admit_run(self, cycle: int, rows: int) -> None:
        """Admit rows in consecutive cycles."""
        if cycle > self._last + 1:
            self._requests.admit(self._admitted, cycle)
        self._last_but_one = cycle + rows - 2 if rows > 1 else self._last
        self._last = cycle + rows - 1
        self._admitted += rows

    def _admit_results(self, work: MatrixWork) -> None:
        """Admit rows of the last tile, as far as their room is known."""
        results = self.results
        start = len(results.admitted)
        count = min(work.rows - self._row, results.rooms - start)
        least = self._last + 1
        if count and not self._row:
            switch = self._switch()
            count, least = (count, switch) if switch is not None else (0, least)
        if not count:
            return
        rooms = results.room(start, start + count)
        cycles = np.arange(least, least + count)
        if len(rooms) and rooms[-1] > least:
            # Rows that always have room come first.
            cycles[count - len(rooms) :] = np.maximum(cycles[count - len(rooms) :], rooms)
            cycles = spaced(cycles, after=BEFORE, period=1)
        if not self._row:
            self.tiles.switches.append(int(cycles[0]))
        edges = np.flatnonzero(np.diff(cycles) != 1) + 1
        for place, stop in pairwise([0, *edges.tolist(), count]):
            self._admit_run(int(cycles[place]), stop - place)
        results.admitted.extend(cycles)
        self._row += count
        if self._row == work.rows:
            self._tile, self._row = self._tile + 1, 0

    def _finish(self) -> bool:
        """Finish an instruction, if its last row has been requested and moves to the unit."""
        number = len(self.finishes)
        if number == len(self.starts):
            return False
        last = self._firsts[number + 1] - 1
        if self._admitted < last or self._requests.count <= last:
            return False
        before = self._last_but_one if self._admitted > last else self._last
        self.finishes.append(max(self._requests.cycle(last) + self.timing.row, before))
        return True
