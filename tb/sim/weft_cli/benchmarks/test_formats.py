"""The benchmark of number formats: every case runs, and a wrong product is refused."""

import pytest

from weft_cli.benchmarks import formats
from weft_sim.verilator import SimulationFailed


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(formats, "MACS", 4000)
    monkeypatch.setattr(formats, "FEW_MACS", 2000)
    monkeypatch.setattr(formats, "REFERENCE_SIDE", 200)


@pytest.mark.parametrize("name, float_model", [("int8", False), ("bfloat16", True)])
def test_a_case_is_measured(name, float_model):
    row = formats.measure_one(name, 3, float_model)
    assert set(formats.UNITS) < set(row)
    assert row["mac_per_second"] > row["cycles_per_second"] > 0
    assert row["reference_mac_per_second"] > 0
    assert (row["format"], row["cells"]) == (name, "C++ model" if float_model else "RTL")


def test_a_wrong_product_is_refused(monkeypatch):
    right = formats.matmul
    monkeypatch.setattr(formats, "matmul", lambda config, a, b: right(config, a, b) + 1)
    with pytest.raises(SimulationFailed, match="product of int8 differs"):
        formats.measure_one("int8", 3, False)


def test_every_format_is_measured_in_rtl():
    rtl = {name for name, _, model in formats.CASES if not model}
    assert {"int8", "bfloat16", "float8_e4m3fn"} <= rtl
    assert ("bfloat16", 128, True) in formats.CASES
    for name, side, float_model in formats.CASES:
        assert formats.configuration(name, side).chained or not float_model
