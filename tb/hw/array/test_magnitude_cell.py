"""MagnitudeCell: exact signed products of magnitudes, and NaN that stays in the sum."""

import pytest

from benches.magnitudes import passes_on_and_multiplies
from benches.runner import on_icarus, on_simulators
from weft.array.magnitude_cell import MagnitudeCell, SoftMagnitudeCell
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
}


@on_simulators("config", CONFIGS)
def test_magnitude_cell(simulate, config):
    simulate([passes_on_and_multiplies], MagnitudeCell, arithmetic=config.arithmetic)


@on_simulators("config", CONFIGS)
def test_soft_magnitude_cell(simulate, config):
    simulate([passes_on_and_multiplies], SoftMagnitudeCell, arithmetic=config.arithmetic)


ECP5 = {f"{stages} stages": cell("8_e4m3fn", "8_e4m3fn", stages, 1) for stages in range(5)}


@on_icarus
@pytest.mark.parametrize("config", ECP5.values(), ids=ECP5)
def test_magnitude_cell_of_ecp5(simulate, config):
    """With a hard multiplier, outputs are the same in every bit and cycle."""
    simulate([passes_on_and_multiplies], MagnitudeCell, arithmetic=config.arithmetic, family="ecp5")


@pytest.mark.parametrize("component, blocks", [(MagnitudeCell, 1), (SoftMagnitudeCell, 0)])
def test_one_hard_multiplier_is_used(component, blocks):
    arithmetic = CONFIGS["e4m3-e4m3"].arithmetic
    design = make_design("top", component, family="ecp5", arithmetic=arithmetic)
    assert design.verilog.count("MULT18X18D #") == blocks
