"""The whole unit as emitted: products of every shape and format, and rows in any order."""

import pytest

from benches.runner import on_simulators
from benches.unit_products import (
    adds_to_the_same_row_every_cycle,
    counts_every_activity_for_long,
    ends_a_job_with_every_result,
    multiplies,
    runs_back_to_back,
    shows_every_bit_of_the_counters,
    takes_any_sign_zero_point_and_shift,
    takes_flags_in_any_order,
    unknown_inputs_stay_out,
    uses_every_accumulator_row,
    waits_within_a_sum,
    wraps_as_numpy_does,
)
from benches.unit_stalls import stalls_change_nothing_but_time, works_as_new_after_a_reset
from benches.units import (
    CHAINED,
    CHECKED,
    FAST,
    FLOATS,
    FORMATS,
    LARGE,
    OPERANDS,
    PACKED,
    SHAPES,
)
from weft.core.axi_matrix_unit import AxiMatrixUnit


@on_simulators("config", SHAPES, verilator=2)
def test_shapes(simulate, config):
    simulate(
        [multiplies, runs_back_to_back, adds_to_the_same_row_every_cycle],
        AxiMatrixUnit,
        config=config,
    )


@on_simulators("config", FORMATS, verilator=1)
def test_formats(simulate, config):
    simulate([multiplies, wraps_as_numpy_does], AxiMatrixUnit, config=config)


@on_simulators("config", OPERANDS, verilator=2)
def test_operands(simulate, config):
    """Signs at run time, zero points, and operands that pass in pieces."""
    simulate(
        [
            multiplies,
            runs_back_to_back,
            takes_any_sign_zero_point_and_shift,
            stalls_change_nothing_but_time,
            works_as_new_after_a_reset,
            unknown_inputs_stay_out,
        ],
        AxiMatrixUnit,
        config=config,
    )


@on_simulators("config", FLOATS, verilator=2)
def test_floats(simulate, config):
    """Operands that are floats, and sums that are rounded to floats."""
    simulate(
        [
            multiplies,
            runs_back_to_back,
            stalls_change_nothing_but_time,
            works_as_new_after_a_reset,
            unknown_inputs_stay_out,
        ],
        AxiMatrixUnit,
        config=config,
    )


@on_simulators("config", CHAINED, verilator=1)
def test_chained_sums(simulate, config):
    """Sums of bfloat16, rounded in each row of cells."""
    simulate(
        [
            multiplies,
            runs_back_to_back,
            stalls_change_nothing_but_time,
            works_as_new_after_a_reset,
            unknown_inputs_stay_out,
            waits_within_a_sum,
            ends_a_job_with_every_result,
            counts_every_activity_for_long,
        ],
        AxiMatrixUnit,
        config=config,
    )


def simulate_kind(simulate, config):
    """Run the coroutines for another kind of unit."""
    simulate(
        [
            multiplies,
            runs_back_to_back,
            adds_to_the_same_row_every_cycle,
            wraps_as_numpy_does,
            stalls_change_nothing_but_time,
            works_as_new_after_a_reset,
            unknown_inputs_stay_out,
        ],
        AxiMatrixUnit,
        config=config,
    )


@on_simulators("config", FAST, verilator=2)
def test_fast_inner_product(simulate, config):
    """Runs the shapes and formats with half of the multipliers."""
    simulate_kind(simulate, config)


@on_simulators("config", PACKED, verilator=2)
def test_packed_inner_product(simulate, config):
    """Runs the shapes and narrow formats with two products per multiplier."""
    simulate_kind(simulate, config)


@on_simulators("config", CHECKED, verilator=2)
def test_checksums(simulate, config):
    """Checksums change only the latency, and no correct result is reported as wrong."""
    simulate_kind(simulate, config)


@on_simulators("config", {"5x7": SHAPES["5x7"], "4x3 fast": FAST["4x3"]}, verilator=1)
def test_rows_and_jobs(simulate, config):
    simulate(
        [
            takes_flags_in_any_order,
            uses_every_accumulator_row,
            ends_a_job_with_every_result,
            waits_within_a_sum,
            counts_every_activity_for_long,
        ],
        AxiMatrixUnit,
        config=config,
    )


@on_simulators("config", {name: SHAPES[name] for name in ("4x4", "5x7")}, verilator=0)
def test_unknown_inputs(simulate, config):
    simulate([unknown_inputs_stay_out], AxiMatrixUnit, config=config)


@on_simulators("config", {"4x4": SHAPES["4x4"]}, verilator=0)
def test_counters(simulate, config):
    """This runs on Icarus only, because it writes registers that are not ports."""
    simulate([shows_every_bit_of_the_counters], AxiMatrixUnit, config=config)


@pytest.mark.large
@on_simulators("config", LARGE, verilator=4)
def test_large(simulate, simulator, config):
    if simulator == "verilator":
        simulate([multiplies, runs_back_to_back], AxiMatrixUnit, config=config)
    else:
        simulate([runs_back_to_back], AxiMatrixUnit, config=config)
