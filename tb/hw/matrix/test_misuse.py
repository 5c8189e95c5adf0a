"""Misuse of the whole unit: every error status, and no wrong result."""

from benches.products import unit
from benches.runner import on_simulators
from benches.unit_misuse import sees_an_error_while_errors_are_cleared, sees_every_misuse
from weft.core.axi_matrix_unit import AxiMatrixUnit

SHAPES = {
    "5x7": unit(5, 7),
    "3x11": unit(3, 11, accumulator_depth=9),
    "1x1": unit(1, 1, accumulator_depth=1),
    "3x5 checksum": unit(3, 5, checksum=True),
    "4x3 fast": unit(4, 3, inner_product="fast", multiplier_stages=2),
    "4x3 packed": unit(4, 3, inner_product="packed", activation="int4", weight="int4"),
    "2x4 fast": unit(2, 4, inner_product="fast", multiplier_stages=0),
}


@on_simulators("config", SHAPES, verilator=1)
def test_misuse(simulate, config):
    simulate(
        [sees_every_misuse, sees_an_error_while_errors_are_cleared], AxiMatrixUnit, config=config
    )
