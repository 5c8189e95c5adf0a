"""Gaps and back-pressure on the streams of a unit, drawn from a seed; the same for every driver."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# A prime, so that the lists do not keep step with the tiles of a product.
LIST_LENGTH = 4093
LONGEST_GAP = 5


@dataclass(frozen=True)
class Stalls:
    """Cyclic lists of LIST_LENGTH bytes.

    `weight_gaps`, `activation_gaps`: idle cycles before each transfer, LONGEST_GAP at most.
    `ready`: whether results are taken, cycle by cycle.
    """

    weight_gaps: np.ndarray
    activation_gaps: np.ndarray
    ready: np.ndarray

    @classmethod
    def draw(
        cls, seed: int, *, weights: float = 0.2, activations: float = 0.2, results: float = 0.2
    ) -> "Stalls":
        """One transfer in five waits, and results are not taken in one cycle of five.

        Parameters
        ----------
        weights, activations, results : float
            Parts of the transfers and of the cycles, from 0 up to but without 1, if others.
        """
        source = random.Random(seed)
        lists = (
            random_gaps(source, weights, LONGEST_GAP),
            random_gaps(source, activations, LONGEST_GAP),
            random_bools(source, 1 - results),
        )
        return cls(
            *(np.fromiter((next(draws) for _ in range(LIST_LENGTH)), np.uint8) for draws in lists)
        )


def random_gaps(source: random.Random, likely: float, longest: int) -> Iterator[int]:
    """Numbers of idle cycles: mostly none, now and then up to `longest`."""
    while True:
        yield source.randint(1, longest) if source.random() < likely else 0


def random_bools(source: random.Random, likely: float) -> Iterator[bool]:
    """True with a probability."""
    while True:
        yield source.random() < likely
