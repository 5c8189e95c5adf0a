"""Faults: the report counts what the flips did, and says how sure that is"""

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
def test_interval(count, total, low, high):
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


def test_what_was_detected_of_what_changed():
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


def test_the_goal_is_told_of_units_with_checksums(tmp_path, capsys):
    units = {"plain": TINY, "checked": UNITS["4x4 checksum"]}
    report = inject(("partial-sums", "checksums"), 40, SEED, units, tmp_path / "report.json")
    plain, checked = report["units"]
    # A class that a unit has no bits of is left out.
    assert [row["class"] for row in plain["classes"]] == ["partial-sums"]
    assert plain["datapath"]["detection"]["value"] < 0.5
    sums, checker = checked["classes"]
    assert sums["changed"] == sums["detected"] > 0
    assert checker["changed"] == 0 and checker["detection"] is None
    said = [line for line in capsys.readouterr().out.splitlines() if "goal: 99.9 %" in line]
    assert len(said) == 1
    assert said[0].startswith("checked: ") and said[0].endswith("reached")


def test_a_class_that_does_not_exist():
    with pytest.raises(ValueError, match="no class is named 'weight': there are weights, "):
        check_classes(("weight",))
