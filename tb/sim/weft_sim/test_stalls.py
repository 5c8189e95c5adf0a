"""Stalls: reproducible from seeds, with the given rates, and checked."""

import os

import numpy as np
import pytest

from weft_sim.stalls import LIST_LENGTH, LONGEST_GAP, Stalls

SEED = int(os.environ["SEED"])
NONE, ALWAYS = np.zeros(LIST_LENGTH, np.uint8), np.ones(LIST_LENGTH, np.uint8)


def lists(stalls: Stalls) -> list[np.ndarray]:
    return [stalls.weight_gaps, stalls.activation_gaps, stalls.ready]


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.7])
def test_rates_are_as_requested(rate):
    stalls = Stalls.draw(SEED, weights=rate, activations=rate, results=rate)
    for gaps in (stalls.weight_gaps, stalls.activation_gaps):
        assert abs((gaps > 0).mean() - rate) < 0.05
        assert gaps.max() <= LONGEST_GAP
    assert abs(1 - stalls.ready.mean() - rate) < 0.05


def test_the_same_seed_draws_the_same():
    one, same, other = (lists(Stalls.draw(seed)) for seed in (SEED, np.int64(SEED), SEED + 1))
    assert all(map(np.array_equal, one, same))
    assert not any(map(np.array_equal, one, other))


def test_results_are_taken_at_least_once_per_list():
    stalls = Stalls.draw(SEED, results=1 - 1e-12)
    assert stalls.ready.sum() == 1


@pytest.mark.parametrize("seed", [-1, 1.5, True, np.bool_(1), "x", None, [1], np.float64(3)])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(ValueError, match=r"^the seed of stalls must be an integer of at least 0"):
        Stalls.draw(seed)


@pytest.mark.parametrize("name", ["weights", "activations", "results"])
@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan"), float("inf"), True, "0.5", None])
def test_bad_rates_are_refused(name, rate):
    with pytest.raises(
        ValueError, match=rf"^{name} must be a number of at least 0 and less than 1, not"
    ):
        Stalls.draw(SEED, **{name: rate})


GOOD = {
    "int64": ALWAYS.astype(np.int64),
    "bools": ALWAYS.astype(bool),
    "a list": ALWAYS.tolist(),
    "big endian": ALWAYS.astype(">i4"),
    "every other": np.repeat(ALWAYS, 2)[::2],
}


@pytest.mark.parametrize("kind", GOOD)
def test_lists_of_integers_are_accepted(kind):
    for array in lists(Stalls(GOOD[kind], GOOD[kind], GOOD[kind])):
        assert array.dtype == np.uint8 and array.flags.c_contiguous
        assert np.array_equal(array, ALWAYS)


def test_lists_are_copied():
    ready = ALWAYS.copy()
    stalls = Stalls(NONE, NONE, ready)
    ready[:] = 0
    assert stalls.ready.all()
    with pytest.raises(ValueError, match="read-only"):
        stalls.ready[:] = 0


BAD = {
    "too short": ALWAYS[1:],
    "empty": ALWAYS[:0],
    "of two dimensions": ALWAYS.reshape(1, -1),
    "one number": 1,
    "floats": ALWAYS.astype(float),
    "negative": -ALWAYS.astype(int),
    "too large": 256 * ALWAYS.astype(int),
    "texts": ALWAYS.astype(str),
    "None": None,
    "masked": np.ma.array(ALWAYS),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("place", range(3))
def test_other_lists_are_refused(case, place):
    given = [NONE, NONE, ALWAYS]
    given[place] = BAD[case]
    name = ("weight_gaps", "activation_gaps", "ready")[place]
    sentence = f"{name} must (be {LIST_LENGTH} integers from 0 to (255|1), not|not be masked)"
    with pytest.raises(ValueError, match=f"^{sentence}") as refusal:
        Stalls(*given)
    assert "\n" not in str(refusal.value)


def test_results_that_are_never_taken_are_refused():
    with pytest.raises(
        ValueError, match=r"^ready must have at least one 1; otherwise no result is ever taken$"
    ):
        Stalls(NONE, NONE, NONE)
    with pytest.raises(ValueError, match=r"^ready must be 4093 integers from 0 to 1, not 2 to 2$"):
        Stalls(NONE, NONE, 2 * ALWAYS)
