"""RequestRuns: the rows that a walk requests, as runs with a row per cycle."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator


class RequestRuns:
    """Rows that are requested in order, at most one per cycle.

    They are kept as runs: consecutive rows in consecutive cycles. So is what delays them: a run of
    rows that are admitted in consecutive cycles allows a run of requests.

    Parameters
    ----------
    ahead : int
        A row is requested at the earliest in the cycle after row - `ahead` has been admitted.

    Members
    -------
    count : int
        Rows whose requests are known.
    rows, cycles : list of int
        The first row of each run, and its cycle.
    """

    def __init__(self, ahead: int):
        self.ahead = ahead
        self.count = 0
        self.rows: list[int] = []
        self.cycles: list[int] = []
        # Rows at which the distance from the number of a row to its cycle may grow, each with the
        # least distance: for reasons that come in the order of the rows, one list each.
        self._begins: deque[tuple[int, int]] = deque()
        self._delays: deque[tuple[int, int]] = deque()

    def begin(self, row: int, cycle: int) -> None:
        """Rows from `row` on are those of an instruction, the first one not before a cycle."""
        self._begins.append((row, cycle - row))

    def admit(self, row: int, cycle: int) -> None:
        """A run of admissions begins with `row` in a cycle, not directly after the row before."""
        later = row + self.ahead
        self._delays.append((later, cycle + 1 - later))

    def advance(self, limit: int) -> bool:
        """Request rows up to, not including, `limit`; return whether there was any.

        All of them have begun, and all rows `ahead` before them have been admitted.
        """
        if self.count >= limit:
            return False
        while self.count < limit:
            stop = limit
            for reasons in (self._begins, self._delays):
                while reasons and reasons[0][0] <= self.count:
                    self._grow(reasons.popleft()[1])
                if reasons:
                    stop = min(stop, reasons[0][0])
            self.count = stop
        return True

    def _grow(self, distance: int) -> None:
        """Begin a run with the next row if the distance is greater than before."""
        row = self.count
        if not self.rows or row + distance > self.cycle(row):
            self.rows.append(row)
            self.cycles.append(row + distance)

    def cycle(self, row: int) -> int:
        """Return the cycle in which a row is requested, or would be in the latest run."""
        # Mostly in the latest runs.
        run = len(self.rows) - 1
        while self.rows[run] > row:
            run -= 1
        return self.cycles[run] + row - self.rows[run]

    def between(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Yield the runs of the requests from cycle `start` to before cycle `stop`.

        Each is the first row, its cycle, and the number of rows.
        """
        run = max(0, bisect_right(self.cycles, start) - 1)
        while run < len(self.rows) and self.cycles[run] < stop:
            later = self.rows[run + 1] if run + 1 < len(self.rows) else self.count
            skipped = max(0, start - self.cycles[run])
            row, cycle = self.rows[run] + skipped, self.cycles[run] + skipped
            count = min(later - row, stop - cycle)
            if count > 0:
                yield row, cycle, count
            run += 1
