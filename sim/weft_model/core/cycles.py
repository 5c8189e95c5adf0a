"""Cycles: a list of cycles that grows, as an array."""

import numpy as np

# Before any cycle of a program, so far that no sum of latencies reaches it.
BEFORE = -(1 << 40)
# After all cycles of a program.
NEVER = 1 << 60


class Cycles:
    """Cycles in ascending order, int64; they are only ever appended."""

    def __init__(self):
        self._array = np.empty(1024, np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: slice) -> np.ndarray:
        return self._array[: self._count][place]

    @property
    def last(self) -> int:
        """The latest cycle, or BEFORE."""
        return int(self._array[self._count - 1]) if self._count else BEFORE

    def extend(self, cycles: np.ndarray) -> None:
        """Append some cycles."""
        count = self._count + len(cycles)
        if count > len(self._array):
            grown = np.empty(2 * count, np.int64)
            grown[: self._count] = self._array[: self._count]
            self._array = grown
        self._array[self._count : count] = cycles
        self._count = count


def spaced(least: np.ndarray, *, after: int, period: int) -> np.ndarray:
    """Return the first cycles that are not before `least`, and `period` apart or more.

    The first one is at least `period` cycles after `after`.
    """
    steps = period * np.arange(1, len(least) + 1)
    return np.maximum(np.maximum.accumulate(least - steps), after) + steps
