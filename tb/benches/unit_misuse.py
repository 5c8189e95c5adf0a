"""Coroutines on the whole unit: every misuse sets its error, and no wrong result leaves."""

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from benches.coroutines import TIMEOUT, compare, parameters, randomness
from benches.products import Product, compute, draw_matrix, single_tile
from weft.matrix.layouts import Error
from weft.matrix.timing import MatrixUnitTiming
from weft_model.schedule import Transfers
from weft_sim.beats import beats, numbers_to_lanes
from weft_sim.cocotb_driver import reset, start, unit_streams
from weft_sim.cocotb_streams import send, watch


@cocotb.test(**TIMEOUT)
async def sees_every_misuse(dut):
    """Each misuse sets its error, which stays until cleared; no wrong result leaves the unit."""
    config, source = parameters().config, randomness()
    await start(dut)
    for misuse in (
        row_without_a_tile,
        row_out_of_range_without_a_tile,
        short_tile,
        long_tile,
        short_tile_in_the_middle,
        row_out_of_range,
        row_not_started,
        rows_dropped_between_others,
    ):
        transfers, expected_error, expected_results = misuse(config, source)
        got = await drive_and_collect(dut, config, transfers)
        compare(misuse.__name__, got.tolist(), expected_results.tolist())
        seen = Error(int(dut.error_status.value))
        assert seen == expected_error, f"{misuse.__name__}: {seen}, expected {expected_error}"
        await ClockCycles(dut.aclk, 3)
        assert Error(int(dut.error_status.value)) == expected_error, "an error must stay"
        dut.clear_errors.value = 1
        await RisingEdge(dut.aclk)
        dut.clear_errors.value = 0
        await RisingEdge(dut.aclk)
        assert dut.error_status.value == 0, "an error must disappear when it is cleared"
        await compute(dut, config, [Product.draw(config, source)])
        await reset(dut)


@cocotb.test(**TIMEOUT)
async def sees_an_error_while_errors_are_cleared(dut):
    """An error in a cycle of clearing is reported, and cleared in the next cycle."""
    config, source = parameters().config, randomness()
    await start(dut)
    transfers, expected_error, _ = row_not_started(config, source)
    seen = []

    async def look():
        while True:
            await RisingEdge(dut.aclk)
            seen.append(Error(int(dut.error_status.value)))

    looking = cocotb.start_soon(look())
    dut.clear_errors.value = 1
    await drive_and_collect(dut, config, transfers)
    looking.cancel()
    dut.clear_errors.value = 0
    assert [error for error in seen if error] == [expected_error]


async def drive_and_collect(dut, config, transfers):
    """Send all transfers, wait until nothing can be in flight, and return the results."""
    weights, activations, results = unit_streams(dut)
    weight_beats, activation_beats = beats(transfers, config)
    numbers = []
    watcher = cocotb.start_soon(watch(results, lambda payload: numbers.append(payload[0])))
    results.ready.value = 1
    senders = [
        cocotb.start_soon(send(weights, weight_beats)),
        cocotb.start_soon(send(activations, activation_beats)),
    ]
    for sender in senders:
        await sender
    await ClockCycles(dut.aclk, 4 * (config.rows + config.columns) + 40)
    watcher.cancel()
    return numbers_to_lanes(numbers, config)


def changed(transfers, **columns):
    """Return transfers with some columns replaced; other weights have no signs or zero points."""
    if "weights" in columns:
        columns = {"weight_signed": 0, "weight_zero_points": 0, **columns}
    return Transfers(**{**vars(transfers), **columns})


def nothing(config):
    return np.zeros((0, config.columns), config.accumulator.dtype)


def row_without_a_tile(config, source):
    """Rows without a switch right after reset."""
    product = single_tile(config, source)
    transfers = changed(product.transfers, switch=np.zeros(4, np.int64))
    transfers = changed(transfers, weights=transfers.weights[:0], tile_end=transfers.tile_end[:0])
    return transfers, Error.NO_TILE, nothing(config)


def row_out_of_range_without_a_tile(config, source):
    """Two errors in one row."""
    transfers, error, results = row_without_a_tile(config, source)
    row = np.full(4, config.accumulator_depth)
    return changed(transfers, row=row), error | Error.ROW_OUT_OF_RANGE, results


def short_tile(config, source):
    """A tile that ends one row early (R > 1); the rows of the next tile are correct."""
    if config.rows == 1:
        return row_without_a_tile(config, source)
    bad, good = single_tile(config, source), single_tile(config, source)
    end = bad.transfers.tile_end.copy()
    end[-2] = 1
    transfers = changed(bad.transfers, weights=bad.transfers.weights[:-1], tile_end=end[:-1])
    return (
        Transfers.join([transfers, good.transfers]),
        Error.SHORT_TILE | Error.NO_TILE,
        good.expected,
    )


def long_tile(config, source):
    """A tile with two rows too many; the rows of the next tile are correct."""
    bad, good = single_tile(config, source), single_tile(config, source)
    extra = bad.transfers.weights[:1].repeat(2, axis=0)
    end = np.zeros(config.rows + 2, np.int64)
    end[-1] = 1
    transfers = changed(
        bad.transfers, weights=np.concatenate([extra, bad.transfers.weights]), tile_end=end
    )
    return (
        Transfers.join([transfers, good.transfers]),
        Error.LONG_TILE | Error.NO_TILE,
        good.expected,
    )


def short_tile_in_the_middle(config, source):
    """The second of three tiles along K is broken (R > 1): no incomplete sum may leave."""
    if config.rows == 1:
        return row_without_a_tile(config, source)
    a = draw_matrix(source, config.activation.default, (3, 3 * config.rows))
    b = draw_matrix(source, config.weight.default, (3 * config.rows, config.columns))
    transfers = Product(config, a, b).transfers
    end = transfers.tile_end.copy()
    end[2 * config.rows - 2] = 1
    kept = np.arange(len(end)) != 2 * config.rows - 1
    transfers = changed(transfers, weights=transfers.weights[kept], tile_end=end[kept])
    return transfers, Error.SHORT_TILE | Error.NO_TILE | Error.NOT_STARTED, nothing(config)


def row_out_of_range(config, source):
    """The second row names the first accumulator row that does not exist."""
    product = single_tile(config, source)
    row = product.transfers.row.copy()
    row[1] = config.accumulator_depth
    return (
        changed(product.transfers, row=row),
        Error.ROW_OUT_OF_RANGE,
        np.delete(product.expected, 1, axis=0),
    )


def row_not_started(config, source):
    """The third row is `last` without ever having been `first`."""
    product = single_tile(config, source)
    first = product.transfers.first.copy()
    first[2] = 0
    return (
        changed(product.transfers, first=first),
        Error.NOT_STARTED,
        np.delete(product.expected, 2, axis=0),
    )


def rows_dropped_between_others(config, source):
    """Random rows end sums that have not begun; their places are released like those of results."""
    product = single_tile(config, source, 4 * MatrixUnitTiming.of(config).result_depth)
    first = np.array([source.randrange(2) for _ in product.transfers.first])
    first[:2] = 0, 1
    return changed(product.transfers, first=first), Error.NOT_STARTED, product.expected[first == 1]
