"""Gaps and back-pressure on the streams of a unit, drawn from a seed; the same for every driver."""

import random
from dataclasses import dataclass

import numpy as np

from .cocotb_streams import chances, coins

# A prime, so that the lists do not keep step with the tiles of a product.
PERIOD = 4093
LONGEST_GAP = 5


@dataclass(frozen=True)
class Stalls:
    """Cyclic lists of PERIOD bytes.

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
            chances(source, weights, LONGEST_GAP),
            chances(source, activations, LONGEST_GAP),
            coins(source, 1 - results),
        )
        return cls(
            *(np.fromiter((next(draws) for _ in range(PERIOD)), np.uint8) for draws in lists)
        )
