"""`weft sim-formats`: every format on every size, and failures are reported."""

import re

import pytest

from benches.commands import weft
from weft.float_format import OPERAND_FLOATS
from weft_cli import format_runs
from weft_cli.format_runs import UNITS, run_formats, sizes_of
from weft_model.reference import matmul


def test_every_float_is_among_the_units():
    assert {options.get("activation") for options in UNITS.values()} >= OPERAND_FLOATS.keys()


@pytest.mark.large
def test_every_unit_is_right_on_every_size():
    run = weft("sim-formats", "--sizes", "1x2,2x1", "--float-model")
    assert run.returncode == 0, run.stderr
    count = 2 * len(UNITS)
    assert len(re.findall(r"(?m)^\d x \d, .*: \d+ cycles, right$", run.stdout)) == count
    assert f"{count} of {count} units: every element equals numpy bit for bit" in run.stdout
    # Two rows at a time need an even number of them.
    assert "2 x 2, int4, packed: " in run.stdout
    assert "1 x 2, int4: " in run.stdout


def test_a_wrong_element_and_wrong_cycles_are_reported(monkeypatch, capsys):
    monkeypatch.setattr(format_runs, "UNITS", {"int8": {}})
    with monkeypatch.context() as wrong:
        wrong.setattr("weft_sim.checked_run.matmul", lambda *given: matmul(*given) + 1)
        assert not run_formats([(1, 1)], False, 1)
    assert "9 elements differ from numpy" in capsys.readouterr().out
    with monkeypatch.context() as wrong:
        wrong.setattr("weft_sim.checked_run.predict", lambda *_: type("Cycles", (), {"cycles": 7}))
        assert not run_formats([(1, 1)], False, 1)
    assert "the cycle model predicts 7" in capsys.readouterr().out
    assert run_formats([(1, 1)], False, 1)


@pytest.mark.parametrize("text", ["", "1", "1x", "1x2x3", "axb", "-1x2", "1x1,"])
def test_sizes_in_another_form_are_refused(text):
    with pytest.raises(ValueError, match="sizes must look like 1x1,3x5, not "):
        sizes_of(text)


def test_sizes_that_no_array_has_are_refused():
    run = weft("sim-formats", "--sizes", "1x999")
    assert run.returncode == 2
    assert run.stderr.startswith("weft: columns must be ")
