"""The model of float cells: results, cycles and counters equal those of the RTL."""

import dataclasses
import os

import numpy as np
import pytest

from weft import MatrixUnitConfig
from weft_model.operands import draw_operands
from weft_sim import MatrixUnitSimulator
from weft_sim.checked_run import run
from weft_sim.emissions import emitted
from weft_sim.float_model import modelled

SEED = int(os.environ["SEED"])
CONFIG = MatrixUnitConfig(
    rows=3,
    columns=5,
    activation="bfloat16",  # type: ignore[arg-type]
    weight="bfloat16",  # type: ignore[arg-type]
    accumulator_depth=7,
)


@pytest.mark.parametrize("stages", [0, 1, 3])
def test_results_and_cycles_are_those_of_the_rtl(stages):
    """Also with stalls, and with soft columns."""
    config = dataclasses.replace(CONFIG, multiplier_stages=stages, soft_columns=stages // 3)
    pairs = [draw_operands(config, m, k, n, seed=SEED + m) for m, k, n in ((9, 20, 6), (1, 7, 1))]
    runs = []
    for float_model in (False, True):
        with MatrixUnitSimulator(config, float_model=float_model) as unit:
            runs += [unit.run(pairs), unit.run(pairs, stalls=SEED)]
    for rtl, model in zip(runs[:2], runs[2:], strict=True):
        for expected, got in zip(rtl.products, model.products, strict=True):
            assert np.array_equal(expected.view(np.uint32), got.view(np.uint32))
        assert (rtl.cycles, rtl.counters) == (model.cycles, model.counters)


def test_only_cells_are_replaced():
    config = dataclasses.replace(CONFIG, soft_columns=2)
    design = emitted(config).design
    changed = modelled(design, config)
    assert changed.hierarchy == design.hierarchy
    modules = [text.split("endmodule")[0] for text in design.verilog.split("\nmodule ")[1:]]
    now = [text.split("endmodule")[0] for text in changed.verilog.split("\nmodule ")[1:]]
    different = [one for one, two in zip(modules, now, strict=True) if one != two]
    assert {text.split(" ")[0].split("__")[1] for text in different} == {
        "float_cell",
        "soft_float_cell",
    }


@pytest.mark.parametrize(
    "changes, waves, sentence",
    [
        ({"activation": "int8", "weight": "int8"}, False, "off for int8 and int8: only cells of"),
        ({}, True, "must be off for waves"),
    ],
)
def test_a_model_that_cannot_be_is_refused(changes, waves, sentence):
    config = dataclasses.replace(CONFIG, **{"accumulator_width": 0, **changes})
    with pytest.raises(ValueError, match=sentence):
        MatrixUnitSimulator(config, waves=waves, float_model=True)


def test_other_simulators_have_no_model(tmp_path):
    pairs = [draw_operands(CONFIG, 2, 2, 2, seed=1)]
    with pytest.raises(ValueError, match="float_model must be off unless verilator"):
        run(CONFIG, pairs, simulator="icarus", directory=tmp_path, float_model=True)
