"""Sums of floats: both the RTL and its model are compared, and a wrong sum is found in either."""

import os
from pathlib import Path

import numpy as np
import pytest

from verify.floats import cell, chained, exact
from weft.blocks import float_adder
from weft_sim import float_model

SEED = int(os.environ["SEED"])


def test_all_sums_agree(capsys):
    assert chained.compare_chained(200_000, SEED)
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
    assert not chained.compare_chained(50_000, SEED)
    out = capsys.readouterr().out
    assert "model: 0 of" in out and "RTL: 0 of" not in out and " is not 0x" in out


def test_a_wrong_model_is_found(monkeypatch, tmp_path, capsys):
    header = tmp_path / "float_cell.h"
    header.write_text(float_model.HEADER.read_text().replace("exponent == 0 ? 0", "0 ? 0"))
    monkeypatch.setattr(cell, "HEADER", header)
    assert not chained.compare_chained(50_000, SEED)
    out = capsys.readouterr().out
    assert "RTL: 0 of" in out and "model: 0 of" not in out


@pytest.mark.parametrize("pair", [("float8_e4m3fn", "float8_e5m2"), ("float6_e3m2fn",) * 2])
def test_exact_sums_agree_in_any_order(pair, monkeypatch, capsys):
    monkeypatch.setattr(exact, "PAIRS", (pair,))
    assert exact.compare_exact(100_000, SEED)
    assert f"{' by '.join(pair)}: 0 sums of at least 100,000" in capsys.readouterr().out


def test_a_wrong_exact_sum_is_found(monkeypatch, capsys):
    right = exact.matmul
    monkeypatch.setattr(exact, "PAIRS", (("float4_e2m1fn",) * 2,))
    monkeypatch.setattr(exact, "matmul", lambda config, a, b: right(config, a, b) + 0.5)
    assert not exact.compare_exact(1, SEED)
    assert f"{2 * exact.M * exact.N:,} sums" in capsys.readouterr().out


def test_drawn_sums_cancel():
    config = exact.unit_of("float8_e5m2", "float8_e5m2")
    a, b = exact.draw(config, np.random.default_rng(SEED))
    z = exact.matmul(config, a, b).astype(np.float64)
    large = exact.matmul(config, np.abs(a), np.abs(b)).astype(np.float64)
    with np.errstate(invalid="ignore"):
        share = np.abs(z) / large
    assert np.nanmedian(share[: exact.M // 2]) < np.nanmedian(share[exact.M // 2 :])
    assert np.isnan(z).any() and np.isinf(z).any() and np.isfinite(z).mean() > 0.3
