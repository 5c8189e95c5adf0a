"""Which reads of the buffer wait for a bank: exact cycles of all ports, in time order.

In each cycle a bank reads one row, for the first port that asks. So what a port gets depends only
on what the ports before it have read.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

from .cycles import NEVER

# In place of the number of a bank: nothing is read.
NO_BANK = -1

# Cycles in ascending order.
Some = range | np.ndarray


class Reads(Protocol):
    """What a port has read.

    Members
    -------
    quiet : int
        All of its reads before this cycle are known, whatever else is not.
    """

    @property
    def quiet(self) -> int: ...

    def free(self, bank: int, count: int, start: int, stop: int) -> Iterator[Some]:
        """Yield the first `count` cycles from `start` to before `stop` that a bank is not read in.

        There may be fewer. They come in parts that are not empty.
        """
        ...


class ReadRuns:
    """The reads of a port, in runs of one bank.

    A run is either a row per cycle, or any cycles.

    Members
    -------
    quiet : int
        See Reads; it grows as the owner of the port knows more.
    """

    def __init__(self):
        self.quiet = 0
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._banks: list[int] = []
        self._cycles: list[np.ndarray | None] = []

    def add(self, bank: int, cycles: Some) -> None:
        """Add a run, later than those before."""
        start, stop = int(cycles[0]), int(cycles[-1]) + 1
        dense = stop - start == len(cycles)
        follows = dense and self._stops and (self._stops[-1], self._banks[-1]) == (start, bank)
        if follows and self._cycles[-1] is None:
            self._stops[-1] = stop
            return
        self._starts.append(start)
        self._stops.append(stop)
        self._banks.append(bank)
        self._cycles.append(None if dense or isinstance(cycles, range) else cycles)

    def free(self, bank: int, count: int, start: int, stop: int) -> Iterator[Some]:
        """See Reads."""
        run = bisect_right(self._stops, start)
        while count and start < stop and run < len(self._starts):
            if self._banks[run] == bank:
                first, last, cycles = self._starts[run], self._stops[run], self._cycles[run]
                if first > start:
                    part = range(start, min(first, stop, start + count))
                    count -= len(part)
                    yield part
                start = max(start, min(stop, first))
                if count and start < stop and cycles is not None:
                    part = np.setdiff1d(np.arange(start, min(stop, last)), cycles, True)[:count]
                    if len(part):
                        count -= len(part)
                        yield part
                start = max(start, last)
            run += 1
        if count and start < stop:
            yield range(start, min(stop, start + count))


class BankPort:
    """A port of the buffer: it reads rows as soon as their banks are free.

    Parameters
    ----------
    rivals : sequence of Reads
        The ports of higher priority.

    Members
    -------
    reads : ReadRuns
    """

    def __init__(self, rivals: Sequence[Reads] = ()):
        self.rivals = rivals
        self.reads = ReadRuns()
        self._known = 0 if rivals else NEVER

    @property
    def known(self) -> int:
        """All reads of the rivals before this cycle are known."""
        quiet = min((rival.quiet for rival in self.rivals), default=NEVER)
        return max(self._known, quiet)

    @known.setter
    def known(self, cycle: int) -> None:
        self._known = cycle

    def limit(self, cycle: int) -> None:
        """Take back that reads of the rivals from this cycle on are known.

        What the port has read may be a reason for others.
        """
        if self.rivals:
            self._known = min(self._known, cycle)

    def read(self, bank: int, count: int, start: int, *, known: int = 0) -> tuple[int, int]:
        """Read rows of one bank, from a cycle on, at most one per cycle.

        `known`: the caller knows all reads of the rivals before this cycle.

        Returns
        -------
        read, cycle : int
            The number of rows whose cycles are known, and the first cycle after the last of them
            or, if there are fewer than `count`, the first cycle in which the next could be read.
        """
        if bank == NO_BANK:
            return count, start + count
        left, known = count, max(known, self.known)
        for cycles in self._free(bank, count, start, known):
            self.reads.add(bank, cycles)
            left -= len(cycles)
            start = int(cycles[-1]) + 1
        return count - left, start if not left else max(start, known)

    def taken(self, bank: int, cycles: np.ndarray) -> np.ndarray:
        """Return in which of some ascending cycles a rival reads a bank."""
        start, stop = int(cycles[0]), int(cycles[-1]) + 1
        taken = np.zeros(len(cycles), bool)
        for rival in self.rivals:
            free = list(rival.free(bank, stop - start, start, stop))
            if not free or len(free[0]) < stop - start:
                taken |= ~np.isin(cycles, np.concatenate([range(0), *free]))
        return taken

    def _free(self, bank: int, count: int, start: int, known: int) -> Iterator[Some]:
        """Yield the first cycles in which no rival reads a bank, before the cycle `known`."""
        if not self.rivals:
            yield range(start, start + count)
            return
        first, *others = self.rivals
        while count and start < known:
            parts = list(first.free(bank, count, start, known))
            if not parts:
                return
            start = int(parts[-1][-1]) + 1
            for part in parts:
                for rival in others:
                    part = _common(part, rival, bank)
                if len(part):
                    yield part
                    count -= len(part)


def _common(cycles: Some, rival: Reads, bank: int) -> Some:
    """Return those of some cycles in which a port does not read a bank."""
    if not len(cycles):
        return cycles
    start, stop = int(cycles[0]), int(cycles[-1]) + 1
    free = list(rival.free(bank, stop - start, start, stop))
    if free and len(free[0]) == stop - start:
        return cycles
    return np.intersect1d(cycles, np.concatenate([range(0), *free]), assume_unique=True)


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
