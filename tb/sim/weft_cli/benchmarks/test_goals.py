"""Goals: the exact ones hold, and a lost one is named."""

import json

import pytest

from weft_cli.benchmarks import goals
from weft_cli.benchmarks.goals import EXACT, MEASURED, Goal, NotMeasured
from weft_cli.cli import app
from weft_sim.compiler import Compiler


@pytest.mark.parametrize("goal", EXACT, ids=lambda goal: goal.name)
def test_exact_goals_are_reached(goal):
    number = goal.measure()
    assert goal.reached(number), f"{number} {goal.unit}, but the goal is {goal.limit}"


def test_every_goal_has_one_limit_and_a_name_of_its_own():
    every = (*EXACT, *MEASURED)
    assert all((goal.at_most is None) != (goal.at_least is None) for goal in every)
    assert len({goal.name for goal in every}) == len(every)


def test_limits_are_part_of_what_is_reached():
    most = Goal("size", "bytes", lambda: 0, at_most=1000)
    least = Goal("speed", "MAC/s", lambda: 0, at_least=2.5)
    assert [most.reached(number) for number in (999, 1000, 1001)] == [True, True, False]
    assert [least.reached(number) for number in (2.4, 2.5, 2.6)] == [False, True, True]
    assert (most.limit, least.limit) == ("at most 1,000", "at least 2.5")


def refuse():
    raise NotMeasured("no such machine")


def test_lost_goals_are_named_and_the_command_fails(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    monkeypatch.setattr(goals, "EXACT", (Goal("size", "bytes", lambda: 7, at_most=6), EXACT[3]))
    monkeypatch.setattr(goals, "MEASURED", (Goal("speed", "MAC/s", refuse, at_least=1),))
    with pytest.raises(SystemExit):
        app(["goals"], standalone_mode=False)
    assert "lost: size" in capsys.readouterr().out
    rows = json.loads((tmp_path / "benchmark" / "goals.json").read_text())["rows"]
    states = [row["state"] for row in rows]
    assert states == ["lost", "reached", "not measured: no such machine"]
    assert rows[0] | {"limit": "at most 6 bytes", "measured": 7} == rows[0]


def test_the_command_succeeds_if_no_goal_is_lost(monkeypatch, tmp_path):
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    monkeypatch.setattr(goals, "EXACT", EXACT[3:4])
    monkeypatch.setattr(goals, "MEASURED", ())
    assert goals.measure()


@pytest.mark.parametrize("name", ["g++ 12", "zig 0.17.1", "clang 19 for x86-64-v3"])
def test_ratios_are_goals_of_zig_with_vectors(monkeypatch, name):
    monkeypatch.setattr(goals.toolchain, "cxx", lambda: Compiler(("c++",), name))
    with pytest.raises(NotMeasured, match="make setup-fast"):
        goals.over_system(16)


def test_ratios_need_another_compiler(monkeypatch):
    monkeypatch.setattr(
        goals.toolchain, "cxx", lambda: Compiler(("zig",), "zig 0.17.1 for x86-64-v3")
    )
    monkeypatch.setattr(goals, "simulated", lambda side: {"over_system": None})
    with pytest.raises(NotMeasured, match="no other C\\+\\+ compiler"):
        goals.over_system(16)
    monkeypatch.setattr(goals, "simulated", lambda side: {"over_system": 2.5})
    assert goals.over_system(16) == 2.5


def test_opening_and_calls_are_measured():
    assert 0 < goals.opening(2) < 60
    assert goals.call() > 1
