"""Runs: sets of rows or bytes, as sorted ranges that do not touch each other."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .walks import steps


@dataclass(frozen=True, eq=False)
class Runs:
    """A set of integers: all from `starts[i]` up to, not including, `stops[i]`.

    Parameters
    ----------
    starts, stops : ndarray of int64
        Ascending, with a gap between each stop and the next start.
    """

    starts: np.ndarray
    stops: np.ndarray

    @classmethod
    def of(cls, starts: np.ndarray, stops: np.ndarray) -> "Runs":
        """Return the union of ranges in any order, which may overlap."""
        order = np.argsort(starts, kind="stable")
        starts, stops = starts[order], np.maximum.accumulate(stops[order])
        first = np.ones(len(starts), bool)
        first[1:] = starts[1:] > stops[:-1]
        return cls(starts[first], stops[np.append(first[1:], True)] if len(starts) else stops)

    @classmethod
    def union(cls, parts: Iterable["Runs"]) -> "Runs":
        """Return the union of sets."""
        parts = list(parts)
        starts = np.concatenate([part.starts for part in parts])
        return cls.of(starts, np.concatenate([part.stops for part in parts]))

    @property
    def low(self) -> int:
        """The smallest member; the set is not empty."""
        return int(self.starts[0])

    @property
    def high(self) -> int:
        """One more than the largest member; the set is not empty."""
        return int(self.stops[-1])

    @property
    def count(self) -> int:
        """Number of members."""
        return int((self.stops - self.starts).sum())

    def moved(self, offset: int) -> "Runs":
        """Return the set with an offset added to every member."""
        return Runs(self.starts + offset, self.stops + offset)

    def spread(self, offsets: np.ndarray) -> "Runs":
        """Return the union of this set, moved by each of the offsets."""
        starts = np.add.outer(offsets, self.starts).ravel()
        return Runs.of(starts, np.add.outer(offsets, self.stops).ravel())

    def first_common(self, other: "Runs") -> int | None:
        """Return the smallest member of both sets, or None."""
        if not len(self.starts) or not len(other.starts):
            return None
        # The first range of the other set that ends after each start.
        after = np.searchsorted(other.stops, self.starts, side="right")
        inside = after < len(other.stops)
        after = np.minimum(after, len(other.stops) - 1)
        common = np.flatnonzero(inside & (other.starts[after] < self.stops))
        if not len(common):
            return None
        place = common[0]
        return int(max(self.starts[place], other.starts[after[place]]))

    def first_missing(self, present: np.ndarray) -> int | None:
        """Return the smallest member that is False in an array of bool, or None."""
        for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True):
            part = present[start:stop]
            if not part.all():
                return start + int(np.argmin(part))
        return None

    def mark(self, array: np.ndarray, value: bool) -> None:
        """Set all members in an array of bool."""
        for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True):
            array[start:stop] = value


def strided(start: int, counts: Sequence[int], strides: Sequence[int], size: int = 1) -> Runs:
    """Return the members of ranges of `size` that nested loops visit."""
    return _strided(tuple(counts), tuple(strides), size).moved(start)


@functools.lru_cache(maxsize=4096)
def _strided(counts: tuple[int, ...], strides: tuple[int, ...], size: int) -> Runs:
    start, length = 0, size
    sparse: list[tuple[int, int]] = []
    loops = zip(strides, counts, strict=True)
    for stride, count in sorted(loops, key=lambda loop: abs(loop[0])):
        start += min(0, stride * (count - 1))
        stride = abs(stride)
        if stride <= length:
            # The ranges of this loop touch or overlap; later strides are not smaller.
            length += stride * (count - 1)
        elif count > 1:
            sparse.append((stride, count))
    one = Runs(np.array([start]), np.array([start + length]))
    if not sparse:
        return one
    return one.spread(steps([count for _, count in sparse], [stride for stride, _ in sparse]))


def corners(start: int, counts: Sequence[int], strides: Sequence[int], size: int = 1):
    """Return the smallest member of `strided`, and one more than the largest."""
    spans = [stride * (count - 1) for stride, count in zip(strides, counts, strict=True)]
    low = start + sum(min(0, span) for span in spans)
    return low, start + sum(max(0, span) for span in spans) + size
