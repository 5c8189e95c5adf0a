"""Cycle model: its formula, its lower bound, and the arguments it refuses."""

import itertools

import pytest

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming
from weft_model.cycle_model import lower_bound, predict
from weft_model.schedule import Schedule

SMALL = MatrixUnitConfig(rows=3, columns=4, accumulator_depth=5)


def test_cycles_follow_the_formula():
    """R, then max(M, R) per tile, then the latency of the unit; computed by hand."""
    config = MatrixUnitConfig(rows=16, columns=16)
    assert MatrixUnitTiming.of(config).latency == 16 + 16 + 1 + 1 + 5
    assert predict(config, [Schedule(config, 64, 16, 16)]).cycles == 16 + 63 + 39
    assert predict(config, [Schedule(config, 64, 64, 64)]).cycles == 16 + 15 * 64 + 63 + 39
    assert predict(config, [Schedule(config, 1, 64, 16)]).cycles == 16 + 3 * 16 + 0 + 39
    two = [Schedule(config, 64, 16, 16), Schedule(config, 8, 16, 16)]
    assert predict(config, two).cycles == 16 + 64 + 7 + 39


def test_counters_of_the_model_add_up_to_the_total():
    for m, k, n in itertools.product([1, 2, 3, 4, 17], [1, 7], [1, 9]):
        prediction = predict(SMALL, [Schedule(SMALL, m, k, n)])
        total = prediction.counters.pop("total")
        assert total == prediction.cycles == sum(prediction.counters.values())


def test_no_schedule_is_faster_than_the_lower_bound():
    for m, k, n in itertools.product([1, 2, 5, 6, 16, 40], [1, 3, 4, 20], [1, 4, 5]):
        schedule = Schedule(SMALL, m, k, n)
        bound = lower_bound(SMALL, [schedule])
        cycles = predict(SMALL, [schedule]).cycles
        assert cycles >= bound
        if m <= SMALL.accumulator_depth:
            assert cycles == bound


def test_array_is_busy_across_tiles():
    """With M >= R only the first load and the latency are lost: more than 99.9 % are active."""
    config = MatrixUnitConfig(rows=16, columns=16)
    prediction = predict(config, [Schedule(config, 512, 512, 512)])
    assert prediction.counters["loading_weights"] == 15
    assert prediction.counters["computing"] / prediction.cycles > 0.999


ONE = Schedule(SMALL, 1, 1, 1)
OTHER = Schedule(MatrixUnitConfig(rows=2, columns=4), 1, 1, 1)
REFUSED = {
    "no list": (SMALL, ONE, TypeError, "schedules must be a list of Schedule, not"),
    "no schedules": (
        SMALL,
        [(1, 1, 1)],
        TypeError,
        "schedules must be a list of Schedule, not",
    ),
    "nothing": (SMALL, [], ValueError, "a prediction needs at least one schedule"),
    "another configuration": (
        *(SMALL, [ONE, OTHER], ValueError),
        "the configuration of the prediction, 3x4, int8 x int8 -> int32, not 2x4, int8 x",
    ),
    "no configuration": ({"rows": 3}, [ONE], TypeError, "config must be a MatrixUnitConfig, not"),
    "a class": (MatrixUnitConfig, [ONE], TypeError, "not the class MatrixUnitConfig"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("function", [predict, lower_bound])
def test_illegal_arguments_are_refused(case, function):
    config, schedules, kind, sentence = REFUSED[case]
    with pytest.raises(kind, match=sentence):
        function(config, schedules)


def test_any_iterable_of_schedules_is_accepted():
    expected = predict(SMALL, [ONE, ONE])
    assert predict(SMALL, iter([ONE, ONE])) == predict(SMALL, (ONE, ONE)) == expected
