"""The benchmark of simulation: three ways in one process, compared, and refused if one is wrong."""

import json
import os
import shutil

import pytest

from weft_cli.benchmarks import results, speed
from weft_sim.verilator import SimulationFailed


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(speed, "CYCLES", 200)
    monkeypatch.setattr(speed, "ROUNDS", 2)


def test_a_size_is_measured_beside_the_systems_compiler_and_the_loop(short):
    row = speed.measure_one(4)
    assert set(row) == {"rows", "columns", *speed.UNITS}
    assert row["cycles_per_second"] > 0 and row["loop_over"] > 0 and row["peak_mb"] > 10
    # Without a compiler on the system there is nothing to compare with.
    assert (row["over_system"] is None) == (shutil.which("c++") is None)


def test_the_choice_of_a_compiler_is_restored(short, monkeypatch):
    monkeypatch.setenv("CXX", "zig")
    speed.measure_one(4)
    assert os.environ["CXX"] == "zig"


def test_without_a_compiler_of_the_system_there_is_no_ratio(short, monkeypatch):
    monkeypatch.setattr(speed.shutil, "which", lambda name: None)
    assert speed.measure_one(4)["over_system"] is None


@pytest.mark.parametrize("wrong", ["_simulate", "_loop"])
def test_a_wrong_product_is_refused(short, monkeypatch, wrong):
    right = getattr(speed, wrong)
    monkeypatch.setattr(speed, wrong, lambda what, a, b, z: right(what, a, b, z + 1))
    with pytest.raises(SimulationFailed, match="differs from numpy's"):
        speed.measure_one(4)


def test_ratios_are_medians_of_rounds():
    calls = iter(range(100))
    runs = {"first": lambda: next(calls), "second": lambda: 10 * next(calls)}
    seconds = speed._in_turn(runs)
    assert seconds["first"] == [2 * n for n in range(speed.ROUNDS)]
    assert seconds["second"] == [10 * (2 * n + 1) for n in range(speed.ROUNDS)]
    assert speed._ratio([2, 9, 4], [1, 3, 1]) == 3


def test_each_size_is_measured_with_an_empty_cache(short, monkeypatch, tmp_path):
    """The other process finds Zig's library where this one has it, and no build."""
    monkeypatch.setenv("WEFT_CACHE", os.environ.get("WEFT_CACHE", str(tmp_path)))
    seen = {}

    def run(command, *, env, **rest):
        seen.update(env)
        return speed.subprocess.CompletedProcess(command, 0, json.dumps({"rows": 4}))

    monkeypatch.setattr(speed.subprocess, "run", run)
    assert speed.measure_alone(4) == {"rows": 4}
    assert seen["WEFT_CACHE"] != os.environ["WEFT_CACHE"]
    library = speed.toolchain.cxx().global_cache
    assert library is None or seen["ZIG_GLOBAL_CACHE_DIR"] == str(
        os.environ.get("ZIG_GLOBAL_CACHE_DIR", library)
    )


def test_a_failed_measurement_is_one_sentence(monkeypatch):
    failed = speed.subprocess.CompletedProcess([], 1, "")
    monkeypatch.setattr(speed.subprocess, "run", lambda *given, **options: failed)
    with pytest.raises(SimulationFailed, match="the measurement of 4 x 4 failed"):
        speed.measure_alone(4)


def test_results_name_machine_and_compiler():
    machine = results.machine()
    assert machine["compiler"] == speed.toolchain.cxx().name and machine["processor"]
