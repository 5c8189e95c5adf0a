"""Runs against sets of Python integers."""

import itertools
import os

import numpy as np

from weft_model.core.runs import Runs, corners, strided


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def members(runs: Runs) -> set[int]:
    parts = zip(runs.starts.tolist(), runs.stops.tolist(), strict=True)
    return {member for start, stop in parts for member in range(start, stop)}


def random_runs(draw: np.random.Generator) -> Runs:
    starts = draw.integers(0, 60, draw.integers(1, 6))
    return Runs.of(starts, starts + draw.integers(1, 8, len(starts)))


def is_normal(runs: Runs) -> bool:
    """Whether the ranges are sorted, not empty, and do not touch."""
    return bool((runs.starts < runs.stops).all() and (runs.stops[:-1] < runs.starts[1:]).all())


def test_nested_loops_visit_their_places():
    draw = source()
    for _ in range(300):
        loops = int(draw.integers(0, 5))
        counts = draw.integers(1, 5, loops).tolist()
        strides = draw.integers(-12, 13, loops).tolist()
        size, start = int(draw.integers(1, 5)), int(draw.integers(-9, 10))
        exact = {
            start + byte + sum(step * stride for step, stride in zip(at, strides, strict=True))
            for at in itertools.product(*map(range, counts))
            for byte in range(size)
        }
        runs = strided(start, counts, strides, size)
        assert members(runs) == exact and is_normal(runs)
        assert runs.count == len(exact)
        assert (runs.low, runs.high) == (min(exact), max(exact) + 1)
        assert corners(start, counts, strides, size) == (runs.low, runs.high)


def test_unions_and_spreads():
    draw = source()
    for _ in range(200):
        one, two = random_runs(draw), random_runs(draw)
        both = Runs.union([one, two])
        assert members(both) == members(one) | members(two) and is_normal(both)
        offsets = draw.integers(-30, 30, draw.integers(1, 4))
        spread = one.spread(offsets)
        assert members(spread) == {m + o for m in members(one) for o in offsets.tolist()}
        assert is_normal(spread)
        assert members(one.moved(7)) == {member + 7 for member in members(one)}


def test_the_first_common_member():
    draw = source()
    for _ in range(300):
        one, two = random_runs(draw), random_runs(draw)
        common = members(one) & members(two)
        assert one.first_common(two) == (min(common) if common else None)
        assert two.first_common(one) == one.first_common(two)


def test_members_are_marked_and_missed():
    draw = source()
    for _ in range(100):
        one, two = random_runs(draw), random_runs(draw)
        present = np.zeros(80, bool)
        one.mark(present, True)
        assert set(np.flatnonzero(present).tolist()) == members(one)
        missing = members(two) - members(one)
        assert two.first_missing(present) == (min(missing) if missing else None)
