"""Gaps and back-pressure on the streams of a unit, from a seed and the same for every driver."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from weft.checks import check, checked_integer, described, is_masked, is_number

# A prime, so that the lists do not align with the tiles of a product.
LIST_LENGTH = 4093
LONGEST_GAP = 5
# Largest legal value in each list.
HIGHEST = {"weight_gaps": 255, "activation_gaps": 255, "ready": 1}


@dataclass(frozen=True, eq=False)
class Stalls:
    """Cyclic lists of LIST_LENGTH bytes; the object keeps read-only copies.

    `weight_gaps`, `activation_gaps`: idle cycles before each transfer, 0 to 255.
    `ready`: whether results are taken, cycle by cycle, 0 or 1, with at least one 1.

    Raises
    ------
    ValueError
        For lists of another length, dtype or range.
    """

    weight_gaps: np.ndarray
    activation_gaps: np.ndarray
    ready: np.ndarray

    def __post_init__(self):
        for field in fields(self):
            kept = _checked_list(field.name, getattr(self, field.name), HIGHEST[field.name])
            object.__setattr__(self, field.name, kept)
        check(
            bool(self.ready.any()),
            "ready must have at least one 1; otherwise no result is ever taken",
        )

    @classmethod
    def draw(
        cls, seed: int, *, weights: float = 0.2, activations: float = 0.2, results: float = 0.2
    ) -> "Stalls":
        """Draw stalls from a seed.

        Parameters
        ----------
        seed : int
            At least 0.
        weights, activations, results : float
            Fractions of the transfers with a gap, and of the cycles in which no result is taken;
            at least 0 and less than 1.

        Raises
        ------
        ValueError
            For an illegal seed or fraction.
        """
        source = random.Random(checked_integer("the seed of stalls", seed, low=0))
        rates = {"weights": weights, "activations": activations, "results": results}
        for name, rate in rates.items():
            check(
                is_number(rate) and 0 <= rate < 1,
                f"{name} must be a number of at least 0 and less than 1, not {described(rate)}",
            )
        lists = (
            random_gaps(source, weights, LONGEST_GAP),
            random_gaps(source, activations, LONGEST_GAP),
            random_bools(source, 1 - results),
        )
        gaps, activation_gaps, ready = (
            np.fromiter((next(draws) for _ in range(LIST_LENGTH)), np.uint8) for draws in lists
        )
        # If the fraction is close to 1, there may be no cycle left in which a result is taken.
        ready[-1] |= not ready.any()
        return cls(gaps, activation_gaps, ready)


def _checked_list(name: str, given: object, high: int) -> np.ndarray:
    """Return a read-only copy of a list of integers from 0 to `high`."""
    check(not is_masked(given), f"{name} must not be masked")
    array = np.asarray(given)
    is_list = array.shape == (LIST_LENGTH,) and array.dtype.kind in "biu"
    found = f"{array.min()} to {array.max()}" if is_list else f"{array.dtype} of {array.shape}"
    check(
        is_list and array.min() >= 0 and array.max() <= high,
        f"{name} must be {LIST_LENGTH} integers from 0 to {high}, not {found}",
    )
    kept = array.astype(np.uint8)
    kept.setflags(write=False)
    return kept


def random_gaps(source: random.Random, likely: float, longest: int) -> Iterator[int]:
    """Yield numbers of idle cycles: 1 to `longest` with probability `likely`, otherwise 0."""
    while True:
        yield source.randint(1, longest) if source.random() < likely else 0


def random_bools(source: random.Random, likely: float) -> Iterator[bool]:
    """Yield booleans that are True with probability `likely`."""
    while True:
        yield source.random() < likely
