"""MatrixUnitSimulator: the same bits and cycles as numpy, the cycle model and cocotb."""

import os
import random
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from benches.hangs import without_last_rows
from benches.operands import ONES, PAIR
from benches.products import draw_matrix, draw_size
from weft import SMALL, TINY, MatrixUnitConfig
from weft.emit.export import emit
from weft_cli.benchmarks.utilization import PRODUCTS, check
from weft_model import Schedule, matmul, predict
from weft_sim import MatrixUnitSimulator, checked_run, cocotb_run
from weft_sim.native_driver import StimulusBuffers
from weft_sim.native_unit import NativeUnit
from weft_sim.stalls import LIST_LENGTH, Stalls
from weft_sim.verilator import SimulationFailed

CONFIGS = {
    "4x4": TINY,
    "1x1": MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1),
    "3x18": MatrixUnitConfig(
        rows=3,
        columns=18,
        activation="uint5",
        weight="int12",
        accumulator_width=40,
        accumulator_depth=7,
        adder_stages=3,
    ),
    "4x3 fast with checksums": MatrixUnitConfig(
        rows=4, columns=3, accumulator_depth=6, inner_product="fast", checksum=True
    ),
    "17x9": MatrixUnitConfig(
        rows=17,
        columns=9,
        activation="int16",
        weight="uint4",
        accumulator_depth=20,
        multiplier_stages=0,
    ),
}


def source() -> random.Random:
    return random.Random(os.environ["SEED"])


def draw_operands(config, draws: random.Random, m=None):
    m = m or draw_size(draws, config.rows)
    k, n = draw_size(draws, config.rows), draw_size(draws, config.columns)
    a = draw_matrix(draws, config.activation.default, (m, k))
    return a, draw_matrix(draws, config.weight.default, (k, n))


def check_run(config, run, operands, stalled=False):
    """Check all products, the sum of the counters, and without stalls all cycles and counters."""
    for (a, b), z in zip(operands, run.products, strict=True):
        expected = matmul(config, a, b)
        assert z.dtype == expected.dtype
        assert np.array_equal(z, expected)
    assert run.counters["total"] == run.cycles
    assert sum(run.counters.values()) == 2 * run.cycles
    assert not run.errors
    if not stalled:
        schedules = [Schedule(config, *a.shape, b.shape[1]) for a, b in operands]
        prediction = predict(config, schedules)
        assert (run.cycles, run.counters) == (prediction.cycles, prediction.counters)


def check_cut(config, run, operands, cycles):
    """Check the results and counters from before a reset."""
    for (a, b), z in zip(operands, run.products, strict=True):
        assert z.shape == matmul(config, a, b).shape
        assert np.ma.filled(z == matmul(config, a, b), True).all()
    assert run.cycles == cycles
    assert run.counters["total"] == run.cycles
    assert sum(run.counters.values()) == 2 * run.cycles
    assert not run.errors


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_equals_numpy_and_the_cycle_model(config):
    """Random shapes, back to back and in consecutive runs, with and without stalls."""
    unit, draws = MatrixUnitSimulator(config), source()
    for stalls in (None, 1, None, 2):
        operands = [draw_operands(config, draws) for _ in range(12)]
        check_run(config, unit.run(operands, stalls=stalls), operands, stalls is not None)
    stalled = [unit.run(operands, stalls=seed).cycles for seed in (3, 3, *range(4, 12))]
    assert stalled[0] == stalled[1]
    assert len(set(stalled)) > 1
    assert min(stalled) > unit.run(operands).cycles


@pytest.mark.parametrize("simulator", ["verilator", "icarus"], indirect=True)
@pytest.mark.parametrize("stalls", [pytest.param(None, marks=pytest.mark.quick), 5, 6, 7])
def test_equals_cocotb_cycle_for_cycle(simulator, stalls, tmp_path):
    """Both drivers give the same transfers, gaps and counters."""
    config, draws = CONFIGS["3x18"], source()
    # More rows than a list of stalls has entries, then many small products.
    operands = [draw_operands(config, draws, m=m) for m in (LIST_LENGTH + 50, *[None] * 6)]
    theirs, _ = cocotb_run.run(
        config, operands, simulator=simulator, directory=tmp_path / "run", stalls=stalls
    )
    ours = MatrixUnitSimulator(config).run(operands, stalls=stalls)
    assert (ours.cycles, ours.counters) == (theirs.cycles, theirs.counters)
    for z, expected in zip(ours.products, theirs.products, strict=True):
        assert np.array_equal(z, expected)


def test_operands_of_whole_tiles_are_read_in_place():
    whole = np.ones((12, 16), np.int8), np.ones((16, 8), np.int8)
    lanes = Schedule(TINY, 12, 16, 8).lanes(*whole)
    assert np.shares_memory(lanes.activations, whole[0])
    assert np.shares_memory(lanes.weights, whole[1])


def test_products_of_the_readme_are_simulated():
    """The RTL confirms the table of utilization in the README."""
    unit = MatrixUnitSimulator(SMALL)
    for product in PRODUCTS:
        check(unit, *product)


def test_a_difference_is_named(monkeypatch):
    """Benchmarks and `weft sim-full` rely on this: wrong products and cycles are reported."""
    from weft_sim import matrix_unit_simulator as module

    unit, ones = MatrixUnitSimulator(TINY), np.ones((3, 4), np.int8)
    assert unit.verified_run(ones, ones.T.copy())[1] == ""
    with monkeypatch.context() as patched:
        patched.setattr(module, "matmul", lambda config, a, b: matmul(config, a, b) + 1)
        assert unit.verified_run(ones, ones.T.copy())[1] == "the product differs from numpy's"
    longer = Schedule(TINY, 4, 4, 3)
    monkeypatch.setattr(module, "predict", lambda config, schedules: predict(config, [longer]))
    assert "cycles, but the model predicts" in unit.verified_run(ones, ones.T.copy())[1]


def test_units_can_coexist():
    """Several units of several shapes in one process, also shared by several threads."""
    draws = source()
    units = [MatrixUnitSimulator(config) for config in (*CONFIGS.values(), TINY)]
    jobs = [(unit, draw_operands(unit.config, draws)) for unit in units for _ in range(5)]
    for unit, operands in jobs:
        assert np.array_equal(unit.matmul(*operands), matmul(unit.config, *operands))
    with ThreadPoolExecutor() as pool:
        shared = [pool.submit(unit.matmul, *operands) for unit, operands in jobs]
        for (unit, operands), found in zip(jobs, shared, strict=True):
            assert np.array_equal(found.result(), matmul(unit.config, *operands))


def test_progress_is_reported():
    seen = []
    unit = MatrixUnitSimulator(TINY)
    ones = np.ones((4000, 8), np.int8)
    unit.run([(ones, ones[:8])], progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert seen[-1] == (8000, 8000)


def test_interrupted_run_leaves_the_unit_usable():
    """Ctrl-C takes effect at the next poll, and the next run is correct."""
    unit, draws = MatrixUnitSimulator(TINY), source()
    ones = np.ones((20_000, 8), np.int8)

    def interrupt(done, total):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        unit.run([(ones, ones[:8])], progress=interrupt)
    operands = [draw_operands(TINY, draws) for _ in range(3)]
    check_run(TINY, unit.run(operands), operands)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_reset_in_the_middle_restores_the_initial_state(config):
    """After any number of cycles, also with stalls, no result, error or count remains."""
    unit, draws = MatrixUnitSimulator(config), source()
    for reset in range(60):
        operands = [draw_operands(config, draws) for _ in range(3)]
        schedules = [Schedule.of(config, a, b) for a, b in operands]
        cycles = draws.randint(0, predict(config, schedules).cycles)
        stalls = draws.choice([None, reset])
        check_cut(config, unit.run_until_reset(operands, cycles, stalls=stalls), operands, cycles)
        operands = [draw_operands(config, draws)]
        check_run(config, unit.run(operands), operands)


def test_a_reset_happens_in_the_requested_cycle():
    """With one tile, one result arrives per cycle, so their number shows the cycle of the reset."""
    unit, rows = MatrixUnitSimulator(TINY), 3000
    operands = [(np.ones((rows, 4), np.int8), np.ones((4, 4), np.int8))]
    cycles = predict(TINY, [Schedule(TINY, rows, 4, 4)]).cycles
    for reset in (0, 1, cycles - rows, cycles - rows + 1, 1000, 1001, 2500, cycles - 1, cycles):
        (z,) = unit.run_until_reset(operands, reset).products
        assert (~z.mask).all(axis=1).sum() == z.count() / 4 == max(0, reset - (cycles - rows))
    (z,) = unit.run_until_reset(operands, 10 * cycles).products
    assert not z.mask.any()


def test_without_a_reset_the_state_remains(monkeypatch):
    """The test of resets fails if the unit is not reset."""
    unit, ones = MatrixUnitSimulator(TINY), np.ones((9, 8), np.int8)
    assert np.array_equal(unit.matmul(ones, ones[:8]), matmul(TINY, ones, ones[:8]))
    monkeypatch.setattr(NativeUnit, "reset", lambda unit: None)
    unit.run_until_reset([(ones, ones[:8])], 13)
    with pytest.raises((SimulationFailed, AssertionError)):
        check_run(TINY, unit.run([(ones, ones[:8])]), [(ones, ones[:8])])


def test_an_error_of_the_callback_ends_only_its_run():
    unit = MatrixUnitSimulator(TINY)

    def fail(done, total):
        raise ZeroDivisionError("of the callback")

    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match="of the callback"):
            unit.run(PAIR, progress=fail)
        check_run(TINY, unit.run(PAIR), PAIR)


def test_repr_names_shape_and_formats():
    with MatrixUnitSimulator(CONFIGS["3x18"]) as unit:
        assert repr(unit) == "MatrixUnitSimulator(3x18, uint5 x int12 -> int40)"
    assert repr(unit) == "MatrixUnitSimulator(3x18, uint5 x int12 -> int40, closed)"


def test_the_context_closes_the_simulator():
    with MatrixUnitSimulator(TINY) as unit:
        assert np.array_equal(unit.matmul(ONES, ONES), matmul(TINY, ONES, ONES))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="this simulator is closed: make another"):
            unit.matmul(ONES, ONES)
        unit.close()


def test_cycles_and_counters_are_of_the_latest_run():
    unit = MatrixUnitSimulator(TINY)
    assert unit.cycles == sum(unit.counters.values()) == 0
    run = unit.run(PAIR)
    assert (unit.cycles, unit.counters) == (run.cycles, run.counters)


def rarely(period: int) -> np.ndarray:
    """Return a list of stalls with a 1 at every multiple of the period."""
    return (np.arange(LIST_LENGTH) % period == 0).astype(np.uint8)


PATIENT = {
    "results taken once in a list": (0, 0, rarely(LIST_LENGTH)),
    "long gaps of weights": (255, 0, rarely(1)),
    "long gaps of activations": (0, 255, rarely(1)),
    "all of them": (255, 255, rarely(700)),
}


@pytest.mark.parametrize("case", PATIENT)
@pytest.mark.parametrize(
    "config", [CONFIGS["1x1"], TINY, CONFIGS["17x9"]], ids=["1x1", "4x4", "17x9"]
)
def test_a_slow_host_is_not_a_hang(config, case):
    weights, activations, ready = PATIENT[case]
    gaps = [np.full(LIST_LENGTH, gap) for gap in (weights, activations)]
    draws, unit = source(), MatrixUnitSimulator(config)
    operands = [draw_operands(config, draws, m=m) for m in (1, 3)]
    check_run(config, unit.run(operands, stalls=Stalls(*gaps, ready)), operands, stalled=True)


@pytest.mark.parametrize("stalls", [None, 1, Stalls(rarely(1), rarely(1), rarely(50))])
def test_a_hang_is_an_error(stalls, monkeypatch):
    """With and without stalls; the simulator works again afterwards."""
    unit, rows = MatrixUnitSimulator(TINY), np.ones((200, 4), np.int8)
    with monkeypatch.context() as patched:
        patched.setattr(StimulusBuffers, "stimulus", without_last_rows)
        hangs = (
            r"^the unit hangs: no transfer in \d+ cycles without a stall by the host, 192 of 200"
        )
        for run in (unit.run, lambda operands, stalls: unit.run_until_reset(operands, 10**6)):
            with pytest.raises(SimulationFailed, match=hangs):
                run([(rows, rows[:4])], stalls=stalls)
    assert np.array_equal(unit.matmul(rows, rows[:4]), matmul(TINY, rows, rows[:4]))


@pytest.mark.parametrize("stalls", [None, 2])
def test_a_unit_without_results_hangs(stalls, monkeypatch):
    """The results of a broken unit are never valid."""
    config, emission = CONFIGS["1x1"], emit(CONFIGS["1x1"])
    verilog, count = re.subn(r"\(m_axis_results_tvalid\)", "()", emission.verilog)
    assert count == 1
    broken = replace(emission, design=replace(emission.design, verilog=verilog))
    monkeypatch.setattr("weft_sim.matrix_unit_simulator.emitted", lambda config: broken)
    with pytest.raises(SimulationFailed, match=r"^the unit hangs: .* 0 of 50 result rows arrived"):
        MatrixUnitSimulator(config).run([(np.ones((50, 1), int), ONES[:1, :1])], stalls=stalls)


def test_needs_no_shared_libpython():
    """Unlike cocotb, a run works in a process that cannot find it."""
    script = (
        "import find_libpython; find_libpython.find_libpython = lambda: None\n"
        "import numpy as np; from weft import TINY; from weft_sim import MatrixUnitSimulator\n"
        "print(MatrixUnitSimulator(TINY).matmul(np.ones((1, 2), int), np.ones((2, 1), int)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "[[2]]\n"


def test_checked_runs_use_this_driver_under_verilator(tmp_path):
    """`weft sim` gets the same result from both drivers."""
    operands = [draw_operands(TINY, source())]
    fast = checked_run.run(TINY, operands, directory=tmp_path / "fast")
    assert not (tmp_path / "fast").exists()
    slow = checked_run.run(TINY, operands, directory=tmp_path / "slow", waves=True)
    assert slow.trace is not None and slow.trace.is_file()
    assert (fast.cycles, fast.counters, fast.mismatches) == (slow.cycles, slow.counters, 0)
