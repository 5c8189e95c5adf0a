"""Faults: the report has the effects of the flips and their confidence intervals"""

import json
import os

import pytest

from verify.faults.campaign import ClassTally, Injection, check_classes
from verify.faults.command import UNITS, inject
from verify.faults.effect import FaultEffect, WrongElement
from verify.faults.injection import Fault
from verify.faults.intervals import wilson
from weft.matrix.config import TINY

SEED = int(os.environ["SEED"])


@pytest.mark.parametrize(
    "count,total,low,high", [(0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (1000, 1000, 0.9962, 1)]
)
def test_confidence_interval(count, total, low, high):
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)


def test_report(tmp_path):
    path = tmp_path / "report.json"
    inject(("results", "control"), 40, SEED, {"4x4": TINY}, path)
    report = json.loads(path.read_text())
    (unit,) = report["units"]
    results, control = unit["classes"]
    for key in ("injected", "silent", "changed", "detected"):
        assert unit["datapath"][key] == results[key]
        assert unit["all"][key] == results[key] + control[key]
    assert [row["class"] for row in unit["classes"]] == ["results", "control"]
    assert unit["injected"] == 80 and report["seed"] == SEED
    for row in unit["classes"]:
        assert sum(row[kind] for kind in ("masked", "seen", "silent", "cycles")) == 40
        assert sum(row["seen_by"].values()) == row["seen"]
        for fraction in row["fractions"].values():
            assert fraction["low"] <= fraction["value"] <= fraction["high"]
        assert row["changed"] == row["detected"] + row["silent"]
        assert row["detected"] == row["seen"] - row["seen_although_right"]
    assert sum(unit["by_bits"].values()) == pytest.approx(1, abs=1e-3)


def test_changed_and_detected_faults_are_counted():
    wrong = WrongElement(0, 0, 0, 1, 2)
    effects = [
        FaultEffect("masked", True),
        FaultEffect("cycles", True),
        FaultEffect("silent", False, wrong=wrong),
        FaultEffect("seen", True, "error_status"),
        FaultEffect("seen", False, "error_status", wrong),
        FaultEffect("seen", False, "end"),
    ]
    tally = ClassTally(9, [Injection(0, Fault(0, 0), effect) for effect in effects])
    assert (tally.changed, tally.detected, tally.false_alarms) == (3, 2, 1)


def test_the_goal_is_printed_for_units_with_checksums(tmp_path, capsys):
    units = {"plain": TINY, "checked": UNITS["4x4 checksum"]}
    report = inject(("partial-sums", "checksums"), 40, SEED, units, tmp_path / "report.json")
    plain, checked = report["units"]
    # Classes without bits in a unit are omitted.
    assert [row["class"] for row in plain["classes"]] == ["partial-sums"]
    assert plain["datapath"]["detection"]["value"] < 0.5
    sums, checker = checked["classes"]
    assert sums["changed"] == sums["detected"] > 0
    assert checker["changed"] == 0 and checker["detection"] is None
    goals = [
        line for line in capsys.readouterr().out.splitlines() if "goal: at least 99.9 %" in line
    ]
    assert len(goals) == 1
    assert goals[0].startswith("checked: ") and goals[0].endswith("reached")


def test_an_unknown_class_is_refused():
    with pytest.raises(ValueError, match="there is no class 'weight': choose from weights, "):
        check_classes(("weight",))
