"""The soak: cases are reproducible, a sound unit passes, and defects are found and shrunk"""

import dataclasses
import itertools
import json
import os
import random
import re

import numpy as np
import pytest

from benches.hangs import without_last_rows_if_stalled
from verify.soak import check as checking
from verify.soak import command, draws
from verify.soak.cases import Case, PlannedRun, Product, StallRates
from verify.soak.check import CaseResult, check
from verify.soak.shrink import shrink
from verify.soak_cases import PLAIN, products_of
from weft import TINY, MatrixUnitConfig
from weft.float_format import BFLOAT16, OPERAND_FLOATS
from weft_model import matmul, predict
from weft_model.quantized import checked_operands
from weft_sim.native_driver import StimulusBuffers

SMALL_KINDS = (draws.Kind(1, (1, 2, 3, 4), 3000),)
STALLS = StallRates(1, 0.2, 0.2, 0.2)


def seed() -> int:
    return int(os.environ["SEED"])


def test_a_seed_always_gives_the_same_cases():
    """Independent of earlier draws; and each case survives conversion to text and back."""
    drawn = list(itertools.islice(draws.cases(seed()), 200))
    assert drawn[::7] == [draws.draw_case(seed(), number) for number in range(0, 200, 7)]
    assert drawn[:20] != list(itertools.islice(draws.cases(seed() + 1), 20))
    assert [Case.from_text(case.to_text()) for case in drawn] == drawn
    assert all("\n" not in case.to_text() for case in drawn)


def test_cases_are_of_every_kind():
    drawn = list(itertools.islice(draws.cases(seed()), 400))
    configs = [case.config for case in drawn]
    assert len(set(configs)) > 390
    for name, values in {
        "multiplier_stages": range(4),
        "adder_stages": range(1, 5),
        "inner_product": ("plain", "fast", "packed"),
        "checksum": (False, True),
    }.items():
        assert {getattr(config, name) for config in configs} == set(values)
    formats = {f for config in configs for f in (*config.activation, *config.weight)}
    assert len(formats) == 32 + len(OPERAND_FLOATS)
    for several in (
        lambda config: config.zero_points,
        lambda config: config.result_format == BFLOAT16,
        lambda config: config.shift_bits > 1,
        lambda config: config.activation_port.signed_at_run_time,
        lambda config: config.weight_port.signed_at_run_time and config.checksum,
    ):
        assert 3 <= sum(map(several, configs)) < 200
    assert any(0 < config.soft_columns < config.columns for config in configs)
    assert max(config.rows for config in configs) >= 100 and min(c.rows for c in configs) == 1
    for case in drawn:
        assert any(run.stalls for run in case.runs)
        assert any(run.reset_after is not None for run in case.runs)
        assert case.runs[-1].reset_after is None and case.runs[-1].stalls is None
    shapes = [
        (p, p.m, p.k, p.n, case.config) for case in drawn for run in case.runs for p in run.products
    ]
    assert any(m == 1 and k > 20 * config.rows for _, m, k, _, config in shapes)
    assert any(m > config.accumulator_depth and k > config.rows for _, m, k, _, config in shapes)
    assert any((m, k, n) == (1, 1, 1) for _, m, k, n, _ in shapes)
    for product, *_, config in shapes:
        assert predict(config, [product.schedule(config)]).cycles <= 700_000


@pytest.mark.parametrize("width", [1, 2, 8, 16])
@pytest.mark.parametrize("sign", ["", "u"])
def test_operands_are_in_range_and_often_extremes(width, sign):
    config = MatrixUnitConfig(activation=f"{sign}int{width}", weight="int3")  # type: ignore
    number = config.activation.default
    extremes = []
    for product_seed in range(100):
        product = Product(5, 7, 3, product_seed)
        a, b = product.operands(config)
        checked_operands(config, a, b)
        assert a.values.dtype == number.dtype
        assert np.array_equal(a.values, product.operands(config)[0].values)
        extremes.append(np.isin(a.values, [number.minimum, number.maximum, 0]).mean())
    assert min(extremes) < max(extremes) == 1 or width == 1
    assert np.mean(extremes) > 0.3


def test_a_short_soak_of_a_sound_unit_finds_nothing(monkeypatch, tmp_path, capsys):
    """The whole command, with one process per case; the report is correct, also after a resume."""
    monkeypatch.setattr(draws, "KINDS", SMALL_KINDS)
    report = tmp_path / "report.json"
    assert command.soak(5, command.Tally(seed()), 2, report, 2)
    assert json.loads(report.read_text())["configurations"] == 2
    assert command.soak(5, command.resumed(report), 2, report, 1)
    read = json.loads(report.read_text())
    drawn = list(itertools.islice(draws.cases(seed()), 3))
    runs = [run for case in drawn for run in case.runs]
    done = [run for run in runs if run.reset_after is None]
    products = [product for run in done for product in run.products]
    expected = {
        "configurations": 3,
        "distinct": len({case.config for case in drawn}),
        "products": len(products),
        "macs": sum(product.macs for product in products),
        "resets": len(runs) - len(done),
        "stalled_runs": sum(run.stalls is not None for run in runs),
        "mismatches": 0,
        "failures": [],
        "interrupted": False,
        "seed": seed(),
    }
    assert type(read["numbers_before_resets"]) is int
    assert {name: read[name] for name in expected} == expected
    assert (
        read["cycles"] > 0
        and read["processor_seconds"] > 0
        and read["seconds"] > 0
        and read["machine"]["cores"]
    )
    assert f"3 configurations, {len(products)} products" in capsys.readouterr().out


def broken_matmul(config, a, b):
    z = matmul(config, a, b)
    z[-1, -1] ^= 1
    return z


def wrong_everywhere(config, a, b):
    return matmul(config, a, b) ^ 1


def longer_predict(config, schedules):
    prediction = predict(config, schedules)
    return dataclasses.replace(prediction, cycles=prediction.cycles + 1)


def idler_predict(config, schedules):
    prediction = predict(config, schedules)
    counters = prediction.counters | {"idle": prediction.counters["idle"] + 1}
    return dataclasses.replace(prediction, counters=counters)


@pytest.mark.parametrize(
    ("target", "name", "broken", "case", "sentence"),
    [
        (
            *(checking, "matmul", broken_matmul, PLAIN),
            r"run 1 of 2: product 1 of 2: Z\[4, 5\] is .*, but numpy gives .*; 1 of 30 elements",
        ),
        (
            *(checking, "matmul", wrong_everywhere),
            Case(TINY, (PlannedRun((Product(99, 4, 4, 1),), reset_after=60), PLAIN.runs[0])),
            r"run 1 of 2: product 1 of 1: Z\[0, 0\] is .*; (1..|2..) of \1 elements differ",
        ),
        (checking, "predict", longer_predict, PLAIN, r"run 1 of 2: cycles: \d+, expected"),
        (
            *(checking, "predict", longer_predict),
            Case(TINY, (PlannedRun(PLAIN.runs[0].products, reset_after=1000), PLAIN.runs[1])),
            r"run 1 of 2: cycles: \d+, expected \d+",
        ),
        (checking, "predict", idler_predict, PLAIN, r"run 1 of 2: idle: \d+, expected"),
        (
            *(StimulusBuffers, "stimulus", without_last_rows_if_stalled),
            Case(TINY, (PLAIN.runs[0], PlannedRun(PLAIN.runs[0].products, STALLS))),
            r"run 2 of 2: SimulationFailed: the unit hangs: no transfer in \d+ cycles",
        ),
        (
            *(StimulusBuffers, "stimulus", without_last_rows_if_stalled),
            Case(TINY, (PlannedRun((Product(99, 4, 4, 1),), STALLS, 5000), PLAIN.runs[0])),
            r"run 1 of 2: SimulationFailed: the unit hangs: no transfer in \d+ cycles",
        ),
    ],
    ids=[
        "a product",
        "a product before a reset",
        "cycles",
        "cycles of a run that ends before its reset",
        "a counter",
        "a hang",
        "a hang before a reset",
    ],
)
def test_a_difference_is_described(target, name, broken, case, sentence, monkeypatch):
    assert check(case).difference == ""
    monkeypatch.setattr(target, name, broken)
    assert re.match(sentence, check(case).difference)


def test_runs_with_stalls_are_checked(monkeypatch):
    """With stalls the model gives the computed rows and a lower bound of the cycles."""
    case = Case(TINY, (PlannedRun(PLAIN.runs[0].products, STALLS),))
    assert check(case).difference == ""

    def slower(config, schedules):
        prediction = predict(config, schedules)
        return dataclasses.replace(prediction, cycles=10 * prediction.cycles)

    def busier(config, schedules):
        prediction = predict(config, schedules)
        computing = prediction.counters["computing"] + 1
        return dataclasses.replace(
            prediction, counters=prediction.counters | {"computing": computing}
        )

    for broken, word in ((slower, "minimum of cycles"), (busier, "computing")):
        monkeypatch.setattr(checking, "predict", broken)
        assert f"run 1 of 1: {word}: " in check(case).difference


SMALLEST = {
    "a size": (
        lambda case: any(p.m >= 3 and p.k >= 6 for p in products_of(case)),
        lambda case: [(p.m, p.k, p.n) for p in products_of(case)] == [(3, 6, 1)],
    ),
    "a stall": (
        lambda case: any(run.stalls and run.stalls.results for run in case.runs),
        lambda case: (
            vars(case.runs[0].stalls) | {"seed": 0, "results": 0}
            == {"seed": 0, "weights": 0, "activations": 0, "results": 0}
        ),
    ),
    "a reset after 20 cycles, then any run": (
        lambda case: any((run.reset_after or 0) >= 20 for run in case.runs[:-1]),
        lambda case: [run.reset_after for run in case.runs] == [20, None],
    ),
    "two products in one run": (
        lambda case: any(len(run.products) >= 2 for run in case.runs),
        lambda case: len(case.runs) == 1 and len(products_of(case)) == 2,
    ),
    "a soft column and three rows": (
        lambda case: case.config.soft_columns and case.config.rows >= 3,
        lambda case: (case.config.soft_columns, case.config.columns, case.config.rows) == (1, 1, 3),
    ),
}


@pytest.mark.parametrize("what", SMALLEST)
def test_a_failing_case_is_shrunk(what):
    """Only what the failure needs remains; the smallest case fails too, after few attempts."""
    fails, is_smallest = SMALLEST[what]
    source = random.Random(seed())
    case = next(
        case
        for case in (draws.draw_case(source.getrandbits(32), 0) for _ in itertools.count())
        if fails(case) and len(case.runs) > 3
    )
    attempts = 0

    def attempt(case):
        nonlocal attempts
        attempts += 1
        return CaseResult("wrong" if fails(case) else "")

    smallest, difference = shrink(case, attempt, 60)
    assert difference == "wrong" and fails(smallest)
    assert is_smallest(smallest), smallest
    assert attempts < 400
    config = smallest.config
    if "column" not in what:
        assert (config.rows, config.columns, config.adder_stages) == (1, 1, 1)
        assert (config.accumulator_depth, config.inner_product) == (1, "plain")
    if what != "a size":
        assert {(p.m, p.k, p.n) for p in products_of(smallest)} == {(1, 1, 1)}
    if "reset" not in what:
        assert all(run.reset_after is None for run in smallest.runs)


def test_a_failure_that_does_not_recur_has_no_difference():
    case = draws.draw_case(seed(), 0)
    assert shrink(case, lambda case: CaseResult(), 60) == (case, "")


def test_shrinking_ends_in_time():
    case = draws.draw_case(seed(), 0)
    assert shrink(case, lambda case: CaseResult("wrong"), 0) == (case, "wrong")
