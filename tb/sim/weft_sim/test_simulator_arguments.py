"""Arguments of MatrixUnitSimulator: every legal form is accepted, every other is refused"""

import os
import random
from pathlib import Path

import numpy as np
import pytest

from benches.operands import LAYOUTS, ONES, PAIR, REFUSED
from weft import TINY, MatrixUnitConfig
from weft_model import Schedule, matmul, predict
from weft_sim import MatrixUnitSimulator
from weft_sim.stalls import Stalls


@pytest.fixture(scope="module")
def unit():
    return MatrixUnitSimulator(TINY)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_operands_of_any_layout_have_the_same_product(layout, unit, tmp_path):
    """Whole and partial tiles, read in place or copied."""
    draw = np.random.default_rng(random.Random(os.environ["SEED"]).getrandbits(32))
    for m, k, n in ((8, 8, 8), (1, 4, 4), (4, 1, 1), (5, 6, 7)):
        a, b = draw.integers(-128, 128, (m, k)), draw.integers(-128, 128, (k, n))
        x, y = LAYOUTS[layout](a, tmp_path), LAYOUTS[layout](b, tmp_path)
        found = unit.matmul(x, y)
        assert type(found) is np.ndarray and np.array_equal(found, a @ b)
        assert np.array_equal(x, a) and np.array_equal(y, b)


@pytest.mark.parametrize("case", REFUSED)
def test_bad_operands_are_refused(case, unit):
    wrong, kind, sentence = REFUSED[case]
    for name, operands in (("A", (wrong, ONES)), ("B", (ONES, wrong))):
        for refused in (unit.matmul, lambda a, b: unit.run_until_reset([(ONES, ONES), (a, b)], 9)):
            with pytest.raises(kind, match=f"^{name} {sentence}"):
                refused(*operands)
    assert np.array_equal(unit.matmul(ONES, ONES), matmul(TINY, ONES, ONES))


SEED_OF_STALLS = "the seed of stalls must be an integer of at least 0, not "
WINDOW = "the (start|stop) of the window must be an integer of at least "
VCD = {"trace": "x.vcd"}
BAD_ARGUMENTS = {
    "a pair alone": ({"operands": PAIR[0]}, TypeError, "operands must be pairs"),
    "no pairs": ({"operands": iter([])}, ValueError, "a run needs at least one pair of operands"),
    "a negative seed": ({"stalls": -1}, ValueError, SEED_OF_STALLS + "-1"),
    "a float seed": ({"stalls": 1.5}, ValueError, SEED_OF_STALLS + "1.5"),
    "a bool seed": ({"stalls": True}, ValueError, SEED_OF_STALLS + "True"),
    "a text seed": ({"stalls": "x"}, ValueError, SEED_OF_STALLS + "'x'"),
    "no callback": ({"progress": 3}, TypeError, "progress must be callable or None, not 3"),
    "a trace without waves": (
        {"trace": Path("x.vcd")},
        ValueError,
        "a trace needs a simulator made with waves=True",
    ),
    "a numbered trace": ({"trace": 3}, TypeError, "trace must be a path, not 3"),
    "a window alone": ({"window": (0, 9)}, ValueError, "a window requires a trace"),
    "half a window": (
        {**VCD, "window": (3,)},
        ValueError,
        r"window must be a pair of cycles \(start, stop\), not \(3,\)$",
    ),
    "a number as window": (
        {**VCD, "window": 3},
        ValueError,
        "window must be a pair .* 3",
    ),
    "a negative window": ({**VCD, "window": (-1, 9)}, ValueError, WINDOW + "0, not -1"),
    "a reversed window": ({**VCD, "window": (9, 3)}, ValueError, WINDOW + "10, not 3"),
    "an empty window": ({**VCD, "window": (9, 9)}, ValueError, WINDOW + "10, not 9"),
    "a window of floats": (
        {**VCD, "window": (0, 9.0)},
        ValueError,
        WINDOW + "1, not 9.0",
    ),
}


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_bad_requests_are_refused(case, unit):
    arguments, kind, sentence = BAD_ARGUMENTS[case]
    with pytest.raises(kind, match=f"^{sentence}") as refusal:
        unit.run(**{"operands": PAIR, **arguments})
    assert "\n" not in str(refusal.value)
    assert not Path("x.vcd").exists()
    assert np.array_equal(unit.matmul(ONES, ONES), matmul(TINY, ONES, ONES))


def test_numpy_integers_and_generators_are_accepted():
    unit = MatrixUnitSimulator(TINY)
    stalled = unit.run(PAIR, stalls=3)
    assert unit.run((pair for pair in PAIR), stalls=np.int64(3)).cycles == stalled.cycles
    assert unit.run(PAIR, stalls=Stalls.draw(3)).cycles == stalled.cycles
    assert unit.run_until_reset(PAIR, np.uint8(3)).cycles == 3


@pytest.mark.parametrize("cycles", [-1, True, 3.0, "3", None])
def test_an_illegal_reset_cycle_is_refused(cycles, unit):
    with pytest.raises(ValueError, match=r"^cycles must be an integer of at least 0, not "):
        unit.run_until_reset(PAIR, cycles)


def test_a_reset_after_the_end_changes_nothing():
    run = MatrixUnitSimulator(TINY).run_until_reset(PAIR, 1 << 100)
    assert np.array_equal(run.products[0], matmul(TINY, ONES, ONES))
    assert run.cycles == predict(TINY, [Schedule(TINY, 2, 2, 2)]).cycles


@pytest.mark.parametrize("config", [None, {"rows": 4}, MatrixUnitConfig, "4x4"])
def test_illegal_constructor_arguments_are_refused(config):
    with pytest.raises(TypeError, match=r"^config must be a MatrixUnitConfig, not "):
        MatrixUnitSimulator(config)
    with pytest.raises(ValueError, match=r"^waves must be True or False, not 'fst'$"):
        MatrixUnitSimulator(TINY, waves="fst")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^float_model must be True or False, not 'fast'$"):
        MatrixUnitSimulator(TINY, float_model="fast")  # type: ignore[arg-type]
