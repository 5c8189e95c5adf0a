"""The figures of a core, on the smallest one: results are compared, and goals are beside them."""

import json

import numpy as np
import pytest

from weft.core.core_config import TINY
from weft.isa.codes import Opcode
from weft_cli.benchmarks import core, core_run
from weft_cli.cli import CORE_FIGURES
from weft_model.programs.attention_head import AttentionHead
from weft_sim import toolchain
from weft_sim.core_simulator import CoreSimulator
from weft_sim.verilator import SimulationFailed


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Small layers on the smallest core."""
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    sizes = {"CORE": TINY, "SCALED": TINY, "SIDE": 6, "CHANNELS": 8, "BYTES": 4.0, "TOKENS": 9}
    sizes |= {"DEPTH": 6, "HEADS": 2, "VECTOR_LANES": (1,), "ROUNDS": 1, "SPEED_TILES": 4}
    for name, size in sizes.items():
        monkeypatch.setattr(core, name, size)
    layers = [core.convolution(5, 6), core.application("mlp0", 4)]
    monkeypatch.setattr(core, "resnet50", lambda lanes: layers)


def test_the_command_offers_every_figure():
    assert tuple(core.FIGURES) == CORE_FIGURES


def test_every_figure_stands_beside_its_goal(small):
    for name in core.FIGURES:
        core.measure(name)
        path = toolchain.build_root() / "benchmark" / f"core_{name}.json"
        rows = json.loads(path.read_text())["rows"]
        assert all(row["measured"] > 0 for row in rows)
        assert {row["state"] for row in rows} <= {"", "reached", "missed"}
        assert any(row["goal"] for row in rows)


def test_layers_count_as_often_as_the_network_has_them(small):
    layer = core.application("mlp0", 4)
    run = core.run_layer(CoreSimulator(TINY), layer, core.memory_of(4.0))
    row = core.layer_row(layer, run, bound=100)
    assert layer.count == 5
    assert row["cycles"] == 5 * run.cycles and row["instructions"] == 5 * run.instructions
    assert row["of_bound"] == round(100 / run.cycles, 4)
    assert 0 < run.begin < run.first < run.drained < run.cycles
    assert core.total([row, row], "cycles") == 2 * row["cycles"]
    assert core.weighted([row, row], "vector") == pytest.approx(row["vector"])


@pytest.mark.parametrize("wrong", ["memory", "outputs"])
def test_a_wrong_result_is_refused(monkeypatch, wrong):
    layer, simulator = core.convolution(4, 4), CoreSimulator(TINY)
    x = layer.inputs()
    expected = layer.layer(x)
    if wrong == "memory":
        monkeypatch.setattr(core_run, "execute", lambda program, memory: None)
    else:
        expected[0, 0, 0, 0] ^= 1
    built = layer.program(TINY, 4.0)
    with pytest.raises(SimulationFailed, match="differs from numpy's"):
        core_run.run_compared(simulator, built, (x,), (expected,), timing=core.memory_of(4.0))


def test_the_layers_of_resnet50_are_those_of_its_file():
    layers = core.resnet50(16)
    assert sum(layer.count for layer in layers) == 54
    first, third = layers[0], layers[2]
    assert first.packed and first.height == 224 and first.layer.output_sides(224, 224) == (112, 112)
    # 9 places of 4 x 4 tiles for 56 x 56 pixels; the last layer reads more than it multiplies.
    assert third.bound(core.CORE, 16.0) == 9 * 16 * 56 * 56
    assert layers[-1].bound(core.CORE, 1.0) == 2048 + 2048 * 1000


def test_the_vector_bound_is_that_of_rows_without_pauses():
    head = AttentionHead.random(np.random.default_rng(1), tokens=197, depth=64)
    body = head.program(core.CORE).program.instructions
    scores, values = 3 * 13 * 197 * 4, 4 * 197 * 4
    whole = core.vector_bound(core.CORE, body)
    assert whole - core.reciprocal_cycles(core.CORE, body) == scores + values
    assert core.vector_bound(core.CORE, [one for one in body if one.opcode != Opcode.VECTOR]) == 0


def test_goals_are_reached_or_missed():
    assert core.row("a", 0.96, 0.95)["state"] == "reached"
    assert core.row("a", 0.94, 0.95) == {
        **{"figure": "a", "measured": 0.94, "goal": "at least 0.95", "state": "missed"}
    }
    assert core.row("a", 8001, 8000, at_most=True)["state"] == "missed"
