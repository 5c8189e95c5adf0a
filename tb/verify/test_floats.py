"""Sums of floats: both the RTL and its model are compared, and a wrong sum is found in either."""

import os
from pathlib import Path

import pytest

from verify.floats import cell, command
from weft.blocks import float_adder
from weft_sim import float_model

SEED = int(os.environ["SEED"])


def test_all_sums_agree(capsys):
    assert command.compare(200_000, SEED)
    out = capsys.readouterr().out
    assert "RTL: 0 of 200,000 sums differ" in out and "model: 0 of 200,000" in out


@pytest.mark.parametrize(
    "old, new",
    [
        # A tie goes up; the sticky bit is lost; infinity minus infinity is no NaN.
        ("guard & (sticky | below[-bits])", "guard"),
        ("smaller[: places + 1].any()", "smaller[0]"),
        ("(total.infinite & addend.infinite & differ)", "0"),
    ],
)
def test_a_wrong_adder_is_found(old, new, monkeypatch, capsys):
    text = Path(float_adder.__file__).read_text()
    assert text.count(old) == 1
    broken = {"__name__": float_adder.__name__, "__package__": float_adder.__package__}
    exec(compile(text.replace(old, new), "broken", "exec"), broken)
    monkeypatch.setattr("weft.array.float_cell.FloatAdder", broken["FloatAdder"])
    assert not command.compare(50_000, SEED)
    out = capsys.readouterr().out
    assert "model: 0 of" in out and "RTL: 0 of" not in out and " is not 0x" in out


def test_a_wrong_model_is_found(monkeypatch, tmp_path, capsys):
    header = tmp_path / "float_cell.h"
    header.write_text(float_model.HEADER.read_text().replace("exponent == 0 ? 0", "0 ? 0"))
    monkeypatch.setattr(cell, "HEADER", header)
    assert not command.compare(50_000, SEED)
    out = capsys.readouterr().out
    assert "RTL: 0 of" in out and "model: 0 of" not in out
