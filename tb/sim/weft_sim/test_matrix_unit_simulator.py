"""MatrixUnitSimulator: the same bits and cycles as numpy, the cycle model and cocotb."""

import itertools
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benches.products import draw_matrix, draw_size
from weft import SMALL, TINY, MatrixUnitConfig
from weft_cli.benchmarks.utilization import PRODUCTS, check
from weft_model import Schedule, matmul, predict
from weft_sim import MatrixUnitSimulator, checked_run, cocotb_run
from weft_sim.stalls import LIST_LENGTH
from weft_sim.trace import Trace
from weft_sim.verilator import SimulationFailed

CONFIGS = {
    "4x4": TINY,
    "1x1": MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1),
    "3x18": MatrixUnitConfig(
        rows=3,
        columns=18,
        activation="uint5",  # type: ignore[arg-type]
        weight="int12",  # type: ignore[arg-type]
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
        activation="int16",  # type: ignore[arg-type]
        weight="uint4",  # type: ignore[arg-type]
        accumulator_depth=20,
        multiplier_stages=0,
    ),
}


def source() -> random.Random:
    return random.Random(os.environ["SEED"])


def draw_operands(config, draws: random.Random, m=None):
    m = m or draw_size(draws, config.rows)
    k, n = draw_size(draws, config.rows), draw_size(draws, config.columns)
    a = draw_matrix(draws, config.activation, (m, k))
    return a, draw_matrix(draws, config.weight, (k, n))


def check_run(config, run, operands, stalled=False):
    """Every product, the tiling of time, and without stalls the cycles and counters."""
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
    """What came before a reset, and how the unit told of the time until then."""
    for (a, b), z in zip(operands, run.products, strict=True):
        assert z.shape == matmul(config, a, b).shape
        assert np.ma.filled(z == matmul(config, a, b), True).all()
    assert run.cycles == cycles
    assert run.counters["total"] == run.cycles
    assert sum(run.counters.values()) == 2 * run.cycles
    assert not run.errors


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_equals_numpy_and_the_cycle_model(config):
    """Any shapes, back to back, one run after the other, with and without stalls."""
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
    """The same ports, the same gaps, the same counters, whoever drives them."""
    config, draws = CONFIGS["3x18"], source()
    # More rows than a list of stalls is long, then many small products.
    operands = [draw_operands(config, draws, m=m) for m in (LIST_LENGTH + 50, *[None] * 6)]
    theirs, _ = cocotb_run.run(
        config, operands, simulator=simulator, directory=tmp_path / "run", stalls=stalls
    )
    ours = MatrixUnitSimulator(config).run(operands, stalls=stalls)
    assert (ours.cycles, ours.counters) == (theirs.cycles, theirs.counters)
    for z, expected in zip(ours.products, theirs.products, strict=True):
        assert np.array_equal(z, expected)


def test_reads_operands_of_any_layout():
    """Views, transposes, other integer dtypes; operands of whole tiles are not copied."""
    unit, draw = MatrixUnitSimulator(TINY), np.random.default_rng(source().getrandbits(32))
    a, b = draw.integers(-128, 128, (12, 16)), draw.integers(-128, 128, (16, 8))
    whole = a.astype(np.int8), b.astype(np.int8)
    assert all(x is y for x, y in zip(Schedule(TINY, 12, 16, 8).padded(*whole), whole, strict=True))
    kept = [x.copy() for x in whole]
    for x, y in itertools.product([a, whole[0], np.asfortranarray(whole[0])], [b, whole[1]]):
        assert np.array_equal(unit.matmul(x, y), matmul(TINY, x, y))
    assert np.array_equal(
        unit.matmul(whole[0][::-2, ::2], whole[1][3:11].copy()),
        matmul(TINY, whole[0][::-2, ::2], whole[1][3:11]),
    )
    assert all(np.array_equal(x, y) for x, y in zip(kept, whole, strict=True))


def test_products_of_the_readme_are_simulated():
    """The table of utilization in the README, on the RTL."""
    unit = MatrixUnitSimulator(SMALL)
    for product in PRODUCTS:
        check(unit, *product)


def test_a_difference_is_named(monkeypatch):
    """What the benchmarks and `weft sim-full` go by: a wrong product and wrong cycles are told."""
    from weft_sim import matrix_unit_simulator as module

    unit, ones = MatrixUnitSimulator(TINY), np.ones((3, 4), np.int8)
    assert unit.verified_run(ones, ones.T.copy())[1] == ""
    with monkeypatch.context() as patched:
        patched.setattr(module, "matmul", lambda config, a, b: matmul(config, a, b) + 1)
        assert unit.verified_run(ones, ones.T.copy())[1] == "the product differs from numpy's"
    longer = Schedule(TINY, 4, 4, 3)
    monkeypatch.setattr(module, "predict", lambda config, schedules: predict(config, [longer]))
    assert "cycles, the model says" in unit.verified_run(ones, ones.T.copy())[1]


def test_units_live_side_by_side():
    """Several units of several shapes in one process, also from several threads."""
    draws = source()
    units = [MatrixUnitSimulator(config) for config in (*CONFIGS.values(), TINY)]
    jobs = [(unit, draw_operands(unit.config, draws)) for unit in units for _ in range(5)]
    for unit, operands in jobs:
        assert np.array_equal(unit.matmul(*operands), matmul(unit.config, *operands))
    with ThreadPoolExecutor() as pool:
        shared = [pool.submit(MatrixUnitSimulator(u.config).matmul, *o) for u, o in jobs]
        for (unit, operands), found in zip(jobs, shared, strict=True):
            assert np.array_equal(found.result(), matmul(unit.config, *operands))


def test_progress_is_told():
    seen = []
    unit = MatrixUnitSimulator(TINY)
    ones = np.ones((4000, 8), np.int8)
    unit.run([(ones, ones[:8])], progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert seen[-1] == (8000, 8000)


def test_interrupted_run_leaves_the_unit_usable():
    """Ctrl-C comes through at the next look; the next run is right."""
    unit, draws = MatrixUnitSimulator(TINY), source()
    ones = np.ones((20_000, 8), np.int8)

    def interrupt(done, total):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        unit.run([(ones, ones[:8])], progress=interrupt)
    operands = [draw_operands(TINY, draws) for _ in range(3)]
    check_run(TINY, unit.run(operands), operands)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_reset_in_the_middle_leaves_a_unit_as_new(config):
    """After any number of cycles, also with stalls; no result, error or cycle of it is left."""
    unit, draws = MatrixUnitSimulator(config), source()
    for reset in range(60):
        operands = [draw_operands(config, draws) for _ in range(3)]
        schedules = [Schedule.of(config, a, b) for a, b in operands]
        cycles = draws.randint(0, predict(config, schedules).cycles)
        stalls = draws.choice([None, reset])
        check_cut(config, unit.run_until_reset(operands, cycles, stalls=stalls), operands, cycles)
        operands = [draw_operands(config, draws)]
        check_run(config, unit.run(operands), operands)


def test_reset_comes_in_the_cycle_asked_for():
    """One tile, so that a result comes in every cycle up to the last: those before the reset."""
    unit, rows = MatrixUnitSimulator(TINY), 3000
    operands = [(np.ones((rows, 4), np.int8), np.ones((4, 4), np.int8))]
    cycles = predict(TINY, [Schedule(TINY, rows, 4, 4)]).cycles
    for reset in (0, 1, cycles - rows, cycles - rows + 1, 1000, 1001, 2500, cycles - 1, cycles):
        (z,) = unit.run_until_reset(operands, reset).products
        assert (~z.mask).all(axis=1).sum() == z.count() / 4 == max(0, reset - (cycles - rows))
    (z,) = unit.run_until_reset(operands, 10 * cycles).products
    assert not z.mask.any()


def test_without_a_reset_the_middle_is_remembered(monkeypatch):
    """What the test above would see if the unit were not reset."""
    unit, ones = MatrixUnitSimulator(TINY), np.ones((9, 8), np.int8)
    assert np.array_equal(unit.matmul(ones, ones[:8]), matmul(TINY, ones, ones[:8]))
    monkeypatch.setattr(unit._library, "weft_reset", lambda unit: None)
    unit.run_until_reset([(ones, ones[:8])], 13)
    with pytest.raises((SimulationFailed, AssertionError)):
        check_run(TINY, unit.run([(ones, ones[:8])]), [(ones, ones[:8])])


@pytest.mark.parametrize("window", [(0, 10**9), (20, 45)])
def test_trace_holds_the_cycles_asked_for(window, tmp_path):
    unit = MatrixUnitSimulator(TINY, waves=True)
    ones = np.ones((30, 8), np.int8)
    path = tmp_path / f"waves.{unit.waves}"
    run = unit.run([(ones, ones[:8, :4])], trace=path, window=window)
    trace = Trace(path)
    shown = min(window[1], run.cycles) - window[0]
    # A cycle begins with a rising edge; the clock is high already where the trace begins.
    assert len(trace.cycles) in (shown, shown - 1)
    counted = [trace.value("counter_total", time) for time in trace.cycles]
    assert counted == list(range(counted[0], counted[0] + len(counted)))


BAD = {
    "a trace without waves": (
        {"trace": Path("x.fst")},
        ValueError,
        "a trace needs a simulator made with waves=True",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_are_refused(case):
    arguments, kind, sentence = BAD[case]
    ones = np.ones((2, 2), np.int8)
    with pytest.raises(kind, match=sentence):
        MatrixUnitSimulator(TINY).run([(ones, ones)], **arguments)


def test_bad_operands_are_refused():
    unit = MatrixUnitSimulator(TINY)
    with pytest.raises(TypeError, match="A must hold integers"):
        unit.matmul(np.ones((2, 2)), np.ones((2, 2), np.int8))
    with pytest.raises(ValueError, match="B holds 200, but int8"):
        unit.matmul(np.ones((2, 2), np.int8), np.full((2, 2), 200))


def test_one_unit_runs_one_job():
    """A second run from the callback or from another thread is refused, and the first is right."""
    unit, draws = MatrixUnitSimulator(TINY), source()
    operands = [draw_operands(TINY, draws) for _ in range(3)]
    refused = []

    def again(done, total):
        with pytest.raises(RuntimeError, match="is running already: make one for each thread"):
            unit.matmul(*operands[0])
        refused.append(done)

    check_run(TINY, unit.run(operands, progress=again), operands)
    assert refused
    check_run(TINY, unit.run(operands), operands)


def test_a_closed_simulator_says_so():
    unit = MatrixUnitSimulator(TINY)
    unit.close()
    with pytest.raises(RuntimeError, match="this simulator is closed"):
        unit.matmul(np.ones((1, 1), int), np.ones((1, 1), int))
    with pytest.raises(ValueError, match="at least one pair of operands"):
        MatrixUnitSimulator(TINY).run([])


def test_a_hang_is_an_error(monkeypatch):
    """Results never taken: the run ends with a sentence, and the unit works again after."""
    from weft_sim import stalls

    unit = MatrixUnitSimulator(TINY)
    ones = np.ones((200, 4), np.int8)
    never = stalls.Stalls(*(np.zeros(stalls.LIST_LENGTH, np.uint8) for _ in range(3)))
    monkeypatch.setattr(stalls.Stalls, "draw", lambda seed: never)
    with pytest.raises(SimulationFailed, match=r"hangs: no transfer in \d+ cycles, 0 of 200"):
        unit.matmul(ones, ones[:4], stalls=1)
    assert np.array_equal(unit.matmul(ones, ones[:4]), matmul(TINY, ones, ones[:4]))


def test_needs_no_shared_libpython():
    """Unlike cocotb: a run in a process that cannot find one."""
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


def test_job_takes_the_fast_way_under_verilator(tmp_path):
    """`weft sim` gets the same result from both drivers."""
    operands = [draw_operands(TINY, source())]
    fast = checked_run.run(TINY, operands, directory=tmp_path / "fast")
    assert not (tmp_path / "fast").exists()
    slow = checked_run.run(TINY, operands, directory=tmp_path / "slow", waves=True)
    assert slow.trace is not None and slow.trace.is_file()
    assert (fast.cycles, fast.counters, fast.mismatches) == (slow.cycles, slow.counters, 0)
