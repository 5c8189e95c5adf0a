"""Draws of random walks that stay inside a memory."""

from collections.abc import Iterable, Sequence

import numpy as np

from weft_model.core.runs import corners


class Draws:
    """Random numbers, choices and walks.

    Parameters
    ----------
    source : numpy Generator
    """

    def __init__(self, source: np.random.Generator):
        self.source = source

    def number(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return int(self.source.integers(low, high, endpoint=True))

    def pick(self, choices: Iterable) -> int:
        return int(self.source.choice([int(choice) for choice in choices]))

    def chance(self, probability: float) -> bool:
        return bool(self.source.random() < probability)

    def counts(self, loops: int, most: int) -> list[int]:
        """Return the steps of loops, whose product is at most `most`."""
        counts = []
        for _ in range(loops):
            counts.append(self.number(1, max(1, min(5, most))))
            most //= counts[-1]
        return [counts[place] for place in self.source.permutation(loops)]

    def strides(self, loops: int, most: int) -> list[int]:
        """Return any strides, of either sign."""
        return [self.number(-most, most) for _ in range(loops)]

    def apart(self, counts: Sequence[int], size: int) -> list[int]:
        """Return strides with which no step overlaps with another, of loops nested in any order."""
        strides, extent = [0] * len(counts), size
        for place in self.source.permutation(len(counts)).tolist():
            stride = extent + self.pick((0, 0, 0, 1))
            strides[place] = stride * self.pick((1, 1, 1, -1))
            extent = stride * (counts[place] - 1) + extent
        return strides

    def start(
        self, counts: Sequence[int], strides: Sequence[int], size: int, total: int
    ) -> int | None:
        """Return a start of a walk that stays below `total`; None if there is none."""
        low, high = corners(0, counts, strides, size)
        return self.number(-low, total - high) if high - low <= total else None
