"""Checked runs: every illegal argument is refused with one sentence before any build."""

from pathlib import Path

import numpy as np
import pytest

from benches.operands import ONES, PAIR
from weft import TINY, MatrixUnitConfig
from weft_sim.checked_run import run
from weft_sim.stalls import Stalls

SEED = "the seed of stalls must be an integer of at least 0, not "
MISTAKES = {
    "simulator": (
        {"simulator": "modelsim"},
        ValueError,
        "unknown simulator 'modelsim': choose",
    ),
    "no simulator": ({"simulator": None}, ValueError, "unknown simulator None: choose verilator"),
    "a list of simulators": ({"simulator": ["icarus"]}, ValueError, "unknown simulator .* choose"),
    "directory": ({"directory": 3}, TypeError, "directory must be a path, not 3"),
    "waves": ({"waves": "fst"}, ValueError, "waves must be True or False, not 'fst'"),
    "stalls": ({"stalls": -1}, ValueError, SEED + "-1"),
    "drawn stalls": ({"stalls": Stalls.draw(1)}, ValueError, SEED + "a value of type Stalls"),
    "building": ({"building": True}, TypeError, "building must be callable or None, not True"),
    "progress": ({"progress": "x"}, TypeError, "progress must be callable or None, not 'x'"),
    "configuration": ({"config": {"rows": 4}}, TypeError, "config must be a MatrixUnitConfig, not"),
    "a class": (
        {"config": MatrixUnitConfig},
        TypeError,
        "config must be a MatrixUnitConfig, not",
    ),
    "a pair": ({"operands": PAIR[0]}, TypeError, "operands must be pairs"),
    "nothing": ({"operands": []}, ValueError, "a run needs at least one pair of operands"),
    "masked": ({"operands": [(ONES, np.ma.array(ONES))]}, TypeError, "B is masked"),
    "floats": ({"operands": [(ONES / 2, ONES)]}, TypeError, "A must hold integers, not float64"),
}


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_before_any_work(mistake, simulator, tmp_path):
    changed, kind, sentence = MISTAKES[mistake]
    arguments = {"config": TINY, "operands": PAIR, "directory": tmp_path / "run"}
    arguments |= {"simulator": simulator, "building": lambda: pytest.fail("it built"), **changed}
    with pytest.raises(kind, match=f"^{sentence}") as refusal:
        run(**arguments)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


def test_equivalent_arguments_are_accepted(tmp_path):
    """Texts for paths, generators, numbers of numpy, lists for arrays."""
    pairs = ((ONES.tolist(), ONES) for _ in range(2))
    result = run(TINY, pairs, directory=str(tmp_path), stalls=np.int64(3), waves=np.bool_(False))
    assert (result.mismatches, len(result.products), result.macs) == (0, 2, 16)
    assert not list(Path(tmp_path).iterdir())
