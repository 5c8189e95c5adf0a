"""Which reads of the buffer wait for a bank: exact cycles of all ports, in time order.

In each cycle a bank reads one row, for the first port that asks. So what a port gets depends only
on what the ports before it have read.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

from .cycles import NEVER

# Cycles that are searched at once for those in which a bank is free.
WINDOW = 64
# In place of the number of a bank: nothing is read.
NO_BANK = -1


class Reads(Protocol):
    """What a port has read."""

    def busy(self, bank: int, start: int, stop: int) -> np.ndarray | None:
        """Return in which cycles from `start` to before `stop` a bank was read; None: in none."""


class ReadRuns:
    """The reads of a port, as runs: one row per cycle, of the same bank."""

    def __init__(self):
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._banks: list[int] = []

    def add(self, bank: int, start: int, count: int) -> None:
        """Add a run, later than those before."""
        if self._stops and self._stops[-1] == start and self._banks[-1] == bank:
            self._stops[-1] += count
            return
        self._starts.append(start)
        self._stops.append(start + count)
        self._banks.append(bank)

    def busy(self, bank: int, start: int, stop: int) -> np.ndarray | None:
        """See Reads."""
        found = None
        run = bisect_right(self._stops, start)
        while run < len(self._starts) and self._starts[run] < stop:
            if self._banks[run] == bank:
                if found is None:
                    found = np.zeros(stop - start, bool)
                found[max(0, self._starts[run] - start) : self._stops[run] - start] = True
            run += 1
        return found


class BankPort:
    """A port of the buffer: it reads rows as soon as their banks are free.

    Parameters
    ----------
    rivals : sequence of Reads
        The ports of higher priority.

    Members
    -------
    reads : ReadRuns
    known : int
        All reads of the rivals before this cycle are known.
    """

    def __init__(self, rivals: Sequence[Reads] = ()):
        self.rivals = rivals
        self.reads = ReadRuns()
        self.known = NEVER if not rivals else 0

    def limit(self, cycle: int) -> None:
        """Take back that reads of the rivals from this cycle on are known.

        What the port has read may be a reason for others.
        """
        if self.rivals:
            self.known = min(self.known, cycle)

    def read(self, bank: int, count: int, start: int) -> tuple[int, int]:
        """Read rows of one bank, from a cycle on, at most one per cycle.

        Returns
        -------
        read, cycle : int
            The number of rows whose cycles are known, and the first cycle after the last of them
            or, if there are fewer than `count`, the first cycle in which the next could be read.
        """
        if bank == NO_BANK:
            return count, start + count
        left = count
        while left and start < self.known:
            stop = min(self.known, start + max(left, WINDOW))
            busy = self._busy(bank, start, stop)
            if busy is None:
                length = min(left, stop - start)
                self.reads.add(bank, start, length)
                left, start = left - length, start + length
                continue
            free = np.flatnonzero(~busy)[:left]
            for run in np.split(free, np.flatnonzero(np.diff(free) != 1) + 1):
                if len(run):
                    self.reads.add(bank, start + int(run[0]), len(run))
            left -= len(free)
            start = stop if left else start + int(free[-1]) + 1
        return count - left, start

    def _busy(self, bank: int, start: int, stop: int) -> np.ndarray | None:
        total = None
        for rival in self.rivals:
            busy = rival.busy(bank, start, stop)
            if busy is not None:
                total = busy if total is None else total | busy
        return total


def bank_runs(banks: np.ndarray) -> list[tuple[int, int]]:
    """Return the runs of equal numbers in a list of banks, each with its length."""
    edges = [0, *(np.flatnonzero(np.diff(banks)) + 1).tolist(), len(banks)]
    return [(int(banks[start]), stop - start) for start, stop in pairwise(edges)]


class Waiting(Protocol):
    """A reader that advances as far as the reads of its rivals are known.

    Members
    -------
    waits_for_bank : int or None
        The first cycle in which it may read, if only unknown reads of others delay it.
    """

    port: BankPort

    @property
    def waits_for_bank(self) -> int | None: ...


def allow_first(readers: Sequence[Waiting]) -> bool:
    """Let the reader that may read first go on; return whether there is one.

    To be called when everything is known that does not depend on the reads of these readers, given
    from the highest priority to the lowest. Everything else happens after the next read of one of
    them. So the others leave the first one alone until the first cycle in which they may read, and
    in this cycle if they have a lower priority.
    """
    first, known = None, NEVER
    least = NEVER
    for reader in readers:
        cycle = reader.waits_for_bank
        if cycle is None:
            continue
        if cycle < least:
            # A reader before this one has the higher priority.
            first, known, least = reader, min(known, least), cycle
        else:
            known = min(known, cycle + 1)
    if first is None:
        return False
    first.port.known = known
    return True
