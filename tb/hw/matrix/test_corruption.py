"""The whole unit while stored bits flip: no wrong result leaves without CORRUPTED.

These benches run on Icarus only, because a unit built with Verilator for speed gives access to its
ports only. `verify faults` flips every bit of a unit.
"""

import itertools
import random
from functools import reduce

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from benches.coroutines import TIMEOUT, parameters, randomness
from benches.products import Product, compute, draw_matrix, single_tile, unit
from benches.runner import on_simulators
from weft.core.axi_matrix_unit import AxiMatrixUnit
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft.matrix.timing import MatrixUnitTiming
from weft_model.cycle_model import predict
from weft_sim.beats import beats
from weft_sim.cocotb_driver import drive, start, unit_streams
from weft_sim.cocotb_streams import send

UNITS = {
    "3x4": unit(3, 4, checksum=True, accumulator_depth=4),
    "1x2": unit(1, 2, checksum=True, multiplier_stages=0, adder_stages=2),
    "4x3 fast": unit(4, 3, checksum=True, inner_product="fast", adder_stages=2),
    "2x4 fast": unit(2, 4, checksum=True, inner_product="fast", multiplier_stages=2),
}
FLIPS_OF_EACH = 20
ROWS = 16


@on_simulators("config", UNITS, verilator=0)
def test_corruption(simulate, config):
    coroutines = [
        reports_flips_that_change_a_result,
        reports_wrong_activations_that_change_no_result,
        reports_a_wrong_result_when_it_is_taken,
    ]
    simulate(coroutines, AxiMatrixUnit, config=config)


def names_of_registers(config: MatrixUnitConfig) -> list[str]:
    """Return registers in the first and last column of each row of cells, in each accumulator bank
    and in the checksums."""
    fast, last = config.inner_product == "fast", config.columns - 1
    found = []
    for row, column in itertools.product(range(config.cell_rows), {0, last}):
        found += [passed_on(config, row, column)]
        inside = ["upper_weight", "lower_weight"] if fast else ["weight"]
        inside.append("sum_0" if len(config.arithmetic.sum_parts) > 1 else "sum_out")
        found += [in_cell(config, row, column, name) for name in inside]
    found += [f"accumulators.bank_{column}.sum_out" for column in range(config.columns)]
    found.append("checksum_column.bank.sum_out")
    if fast:
        found += ["array.south.link_0.products_out", f"array.south.link_{last}.products_out"]
        found.append("array.activations_delay.line")
    return found


def passed_on(config: MatrixUnitConfig, row: int, column: int) -> str:
    """Return the register of an activation, or of a pair, between two cells of a row."""
    return in_cell(config, row, column, "activation_out")


def in_cell(config: MatrixUnitConfig, row: int, column: int, name: str) -> str:
    cells = "array.cells" if config.inner_product == "fast" else "array"
    return f"{cells}.row_{row}.cell_{column}.{name}"


def register(dut, name: str):
    return reduce(getattr, name.split("."), dut.unit)


def flip(handle, bit: int) -> None:
    """Flip a bit now; at the end of the cycle the register takes its regular next value."""
    handle.value = int(handle.value) ^ 1 << bit


@cocotb.test(**TIMEOUT)
async def reports_flips_that_change_a_result(dut):
    """With one flip per product, a wrong result is reported; some flip of each register is."""
    config, source = parameters().config, randomness()
    await start(dut)
    await compute(dut, config, [Product.draw(config, source)])
    for name in names_of_registers(config):
        reports = [await is_reported(dut, config, source, name) for _ in range(FLIPS_OF_EACH)]
        assert any(reports), f"no flip of {name} is reported"


async def is_reported(dut, config: MatrixUnitConfig, source: random.Random, name: str) -> bool:
    """Compute a product with one flip; return whether the status reported it."""
    a = draw_matrix(source, config.activation.default, (ROWS, 2 * config.rows), "uniform")
    b = draw_matrix(source, config.weight.default, (2 * config.rows, config.columns), "uniform")
    bit = source.randrange(len(register(dut, name)))
    wrong, reported = await compute_with_flip(dut, config, Product(config, a, b), source, name, bit)
    assert reported or not wrong, f"a flip of {name}[{bit}] makes a result wrong without an error"
    return reported


@cocotb.test(**TIMEOUT)
async def reports_wrong_activations_that_change_no_result(dut):
    """Weights, and the other activation of a pair, are zero; every row of cells is checked."""
    config, source = parameters().config, randomness()
    await start(dut)
    b = np.zeros((config.rows, config.columns), config.weight.default.dtype)
    for row in range(config.cell_rows):
        name = passed_on(config, row, config.columns - 1)
        reports = []
        for _ in range(FLIPS_OF_EACH):
            a = draw_matrix(source, config.activation.default, (ROWS, config.rows), "uniform")
            a[:, 1::2] = 0
            bit = source.randrange(len(register(dut, name)) // config.rows_per_cell)
            product = Product(config, a, b)
            wrong, reported = await compute_with_flip(dut, config, product, source, name, bit)
            assert not wrong
            reports.append(reported)
        assert any(reports), f"no flip of {name} is reported"


async def compute_with_flip(
    dut, config: MatrixUnitConfig, product: Product, source: random.Random, name: str, bit: int
) -> tuple[bool, bool]:
    """Return whether a result is wrong, and whether the status reported the flip; clear it."""
    handle = register(dut, name)
    cycle = source.randrange(predict(config, [product.schedule]).cycles)

    async def flip_once():
        await ClockCycles(dut.aclk, cycle)
        await FallingEdge(dut.aclk)
        flip(handle, bit)

    flipping = cocotb.start_soon(flip_once())
    driven = await drive(dut, config, product.transfers)
    await flipping
    await ClockCycles(dut.aclk, MatrixUnitTiming.of(config).check)
    error = Error(int(dut.error_status.value))
    assert error in (Error(0), Error.CORRUPTED), f"a flip of {name}[{bit}] is reported as {error}"
    await clear(dut)
    assert driven.ends == product.transfers.end[product.transfers.last == 1].tolist(), (
        "tlast of the results"
    )
    wrong = product.schedule.gather(driven.results) != product.expected
    return bool(wrong.any()), bool(error)


async def clear(dut) -> None:
    dut.clear_errors.value = 1
    await RisingEdge(dut.aclk)
    dut.clear_errors.value = 0
    await RisingEdge(dut.aclk)
    assert dut.error_status.value == 0


@cocotb.test(**TIMEOUT)
async def reports_a_wrong_result_when_it_is_taken(dut):
    """Nothing is reported while it waits; the error comes in the specified cycle, and stays."""
    config, source = parameters().config, randomness()
    await start(dut)
    checksum, latency = (
        register(dut, "checksum_column.bank.sum_out"),
        MatrixUnitTiming.of(config).check,
    )
    rows = 3
    weight_beats, activation_beats = beats(single_tile(config, source, rows).transfers, config)
    weights, activations, results = unit_streams(dut)
    senders = [
        cocotb.start_soon(send(weights, weight_beats)),
        cocotb.start_soon(send(activations, activation_beats)),
    ]
    for _ in range(config.rows + rows + MatrixUnitTiming.of(config).latency):
        await FallingEdge(dut.aclk)
        flip(checksum, 0)
    assert all(sender.done() for sender in senders) and results.valid.value == 1
    await ClockCycles(dut.aclk, 2 * latency)
    for _ in range(rows):
        results.ready.value = 1
        await RisingEdge(dut.aclk)
        results.ready.value = 0
        for _ in range(latency - 1):
            await RisingEdge(dut.aclk)
            assert dut.error_status.value == 0
        for _ in range(3):
            await RisingEdge(dut.aclk)
            assert Error(int(dut.error_status.value)) == Error.CORRUPTED
        await clear(dut)
    await compute(dut, config, [Product.draw(config, source)])
