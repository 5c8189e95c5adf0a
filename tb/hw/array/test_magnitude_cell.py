"""Cells of magnitudes: exact signed products; infinities and NaN stay in the sum."""

import pytest

from benches.magnitudes import passes_on_and_multiplies
from benches.runner import on_icarus, on_simulators
from weft.array.magnitude_cell import MAGNITUDE
from weft.array.stepped_cell import STEPPED
from weft.emit.verilog import make_design
from weft.matrix.config import MatrixUnitConfig


def cell(activation, weight, multiplier_stages, adder_stages, rows=16):
    return MatrixUnitConfig(
        rows=rows,
        activation=f"float{activation}",  # type: ignore[arg-type]
        weight=f"float{weight}",  # type: ignore[arg-type]
        multiplier_stages=multiplier_stages,
        adder_stages=adder_stages,
    )


CONFIGS = {
    "e4m3-e4m3": cell("8_e4m3fn", "8_e4m3fn", 1, 1),
    "e4m3-e2m1": cell("8_e4m3fn", "4_e2m1fn", 0, 3),
    "e3m2-e4m3": cell("6_e3m2fn", "8_e4m3fn", 3, 2, rows=256),
    "e4m3-e2m3": cell("8_e4m3fn", "6_e2m3fn", 2, 4, rows=1),
    "e5m2-e5m2": cell("8_e5m2", "8_e5m2", 1, 1),
    "e5m2-e4m3": cell("8_e5m2", "8_e4m3fn", 0, 3),
    "e3m2-e5m2": cell("6_e3m2fn", "8_e5m2", 3, 2, rows=256),
    "e5m2-e2m1": cell("8_e5m2", "4_e2m1fn", 2, 4, rows=1),
}


def cell_of(config):
    """Return the kind of cell of a unit."""
    return config.multiplication.cell


def test_formats_with_infinities_have_their_own_cell():
    for name, config in CONFIGS.items():
        assert cell_of(config) is (STEPPED if "e5m2" in name else MAGNITUDE)


@on_simulators("config", CONFIGS)
def test_cell(simulate, config):
    simulate([passes_on_and_multiplies], cell_of(config).hard, arithmetic=config.arithmetic)


@on_simulators("config", CONFIGS)
def test_soft_cell(simulate, config):
    simulate([passes_on_and_multiplies], cell_of(config).soft, arithmetic=config.arithmetic)


ECP5 = {
    f"{name} {stages} stages": cell(f"8_{name}", f"8_{name}", stages, 1)
    for name in ("e4m3fn", "e5m2")
    for stages in range(5)
}


@on_icarus
@pytest.mark.parametrize("config", ECP5.values(), ids=ECP5)
def test_cell_of_ecp5(simulate, config):
    """With a hard multiplier, outputs are the same in every bit and cycle."""
    component = cell_of(config).hard
    simulate([passes_on_and_multiplies], component, arithmetic=config.arithmetic, family="ecp5")


@pytest.mark.parametrize("name", ["e4m3-e4m3", "e5m2-e5m2"])
def test_one_hard_multiplier_is_used(name):
    config = CONFIGS[name]
    for component, blocks in ((cell_of(config).hard, 1), (cell_of(config).soft, 0)):
        design = make_design("top", component, family="ecp5", arithmetic=config.arithmetic)
        assert design.verilog.count("MULT18X18D #") == blocks
