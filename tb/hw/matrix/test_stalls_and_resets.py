"""The whole unit as emitted, with stalls and resets, which change nothing but timing."""

from benches.products import unit
from benches.runner import on_simulators
from benches.unit_stalls import (
    keeps_a_result_while_others_are_awaited,
    resets_in_every_activity,
    stalls_change_nothing_but_time,
    waits_for_a_long_time,
    works_as_new_after_a_reset,
)
from weft.core.axi_matrix_unit import AxiMatrixUnit

STALLED = {
    "5x7": unit(5, 7),
    "4x4": unit(4, 4),
    "1x1": unit(1, 1, accumulator_depth=1),
    "6x1": unit(6, 1, accumulator_depth=3),
}
RESET = {name: STALLED[name] for name in ("5x7", "1x1")} | {"4x8": unit(4, 8)}


@on_simulators("config", STALLED, verilator=1)
def test_stalls(simulate, config):
    simulate(
        [
            stalls_change_nothing_but_time,
            waits_for_a_long_time,
            keeps_a_result_while_others_are_awaited,
        ],
        AxiMatrixUnit,
        config=config,
    )


@on_simulators("config", RESET, verilator=1)
def test_reset(simulate, config):
    simulate([works_as_new_after_a_reset, resets_in_every_activity], AxiMatrixUnit, config=config)
