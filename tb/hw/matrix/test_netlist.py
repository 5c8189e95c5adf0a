"""The whole unit after synthesis, for each family with open tools: exact results."""

import pytest

from benches.netlist import CELLS
from benches.products import unit
from benches.runner import on_icarus
from benches.unit_misuse import sees_every_misuse
from benches.unit_products import (
    adds_to_the_same_row_every_cycle,
    multiplies,
    runs_back_to_back,
    wraps_as_numpy_does,
)
from benches.unit_stalls import stalls_change_nothing_but_time, works_as_new_after_a_reset
from weft.core.axi_matrix_unit import AxiMatrixUnit

COROUTINES = [
    multiplies,
    runs_back_to_back,
    adds_to_the_same_row_every_cycle,
    wraps_as_numpy_does,
    stalls_change_nothing_but_time,
    works_as_new_after_a_reset,
    sees_every_misuse,
]
UNITS = {
    "4x4": unit(4, 4, multiplier_stages=2),
    "3x2 uint8 by int8": unit(3, 2, activation="uint8"),
    "2x3 with checksums": unit(2, 3, checksum=True),
}
LARGE = {
    "8x8": unit(8, 8, multiplier_stages=2),
    "5x7": unit(5, 7, accumulator_depth=512),
    "1x1": unit(1, 1, accumulator_depth=1, multiplier_stages=0),
    "2x3 of 2048 rows": unit(2, 3, accumulator_depth=2048, multiplier_stages=3),
    "2x2 of 4096 rows": unit(2, 2, accumulator_depth=4096),
    "int16 by int16": unit(3, 3, activation="int16", weight="int16", multiplier_stages=2),
    "uint16 by int16": unit(2, 3, activation="uint16", weight="int16", multiplier_stages=0),
    "uint16 by uint16": unit(2, 2, activation="uint16", weight="uint16", accumulator_width=64),
    "int8 by uint8": unit(4, 3, weight="uint8"),
    "2x2 fast with checksums": unit(2, 2, inner_product="fast", checksum=True),
    "2x2 int16 with checksums": unit(2, 2, weight="int16", checksum=True),
    "2x2 fast int16 with checksums": unit(
        2, 2, activation="int16", weight="int16", inner_product="fast", checksum=True
    ),
    "3 of 4 columns soft": unit(2, 4, soft_columns=3, multiplier_stages=2),
    "fast, 1 of 3 columns soft": unit(
        4, 3, soft_columns=1, inner_product="fast", multiplier_stages=3
    ),
    "fast, four stages": unit(2, 2, inner_product="fast", multiplier_stages=4),
    "uint8 by uint8": unit(2, 3, activation="uint8", weight="uint8", multiplier_stages=3),
    "int5 by uint3": unit(3, 4, activation="int5", weight="uint3"),
    "uint9 by int9": unit(2, 3, activation="uint9", weight="int9"),
    "int1 by uint1": unit(3, 2, activation="int1", weight="uint1", accumulator_width=8),
    "three adder stages": unit(4, 3, adder_stages=3, multiplier_stages=0),
}

on_families = pytest.mark.parametrize("family", [path.stem for path in sorted(CELLS.glob("*.v"))])


@on_icarus
@on_families
@pytest.mark.parametrize("config", UNITS.values(), ids=UNITS)
def test_netlist(simulate, family, config):
    simulate(COROUTINES, AxiMatrixUnit, config=config, family=family, synthesized=True)


@pytest.mark.large
@on_icarus
@on_families
@pytest.mark.parametrize("config", LARGE.values(), ids=LARGE)
def test_large_netlist(simulate, family, config):
    simulate(COROUTINES, AxiMatrixUnit, config=config, family=family, synthesized=True)
