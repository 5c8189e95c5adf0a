"""The whole unit, as emitted: products of every shape, stalls, resets and misuse."""

import random

import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.types import LogicArray

from bench import TIMEOUT, arguments, compare, on_simulators, randomness
from weft.axi import AxiMatrixUnit, port_documentation
from weft.config import MatrixUnitConfig
from weft.layouts import Error
from weft.matrix_unit import MatrixUnit
from weft_sim.job import beats, chances, coins, drive, numbers_to_lanes, reset, start, unit_streams
from weft_sim.reference import matmul, wrap
from weft_sim.schedule import Feed, Schedule
from weft_sim.streams import send, watch
from weft_sim.timing import predict


def unit(rows, columns, **parameters):
    return MatrixUnitConfig(rows=rows, columns=columns, **{"accumulator_depth": 16, **parameters})


# Verilator takes the first of each table, Icarus all of them.
SHAPES = {
    "16x16": unit(16, 16, accumulator_depth=512),
    "5x7": unit(5, 7),
    "1x1": unit(1, 1, accumulator_depth=1),
    "1x6": unit(1, 6),
    "6x1": unit(6, 1, accumulator_depth=3),
    "2x2": unit(2, 2, multiplier_stages=0),
    "4x4": unit(4, 4),
    "3x11": unit(3, 11, accumulator_depth=9),
    "13x3": unit(13, 3, accumulator_depth=40),
    "8x4": unit(8, 4),
    "4x8": unit(4, 8),
}
FORMATS = {
    "int16 by int16": unit(3, 3, activation="int16", weight="int16"),
    "uint8 by int8": unit(3, 4, activation="uint8"),
    "int8 by uint8": unit(4, 3, weight="uint8"),
    "uint16 by uint16": unit(2, 3, activation="uint16", weight="uint16", accumulator_width=64),
    "int1 by uint1": unit(3, 2, activation="int1", weight="uint1", accumulator_width=8),
    "uint5 by int11": unit(5, 2, activation="uint5", weight="int11", accumulator_width=20),
    "three adder stages": unit(4, 3, adder_stages=3, multiplier_stages=2),
    "four adder stages": unit(1, 1, adder_stages=4, multiplier_stages=0),
    "three multiplier stages": unit(2, 5, multiplier_stages=3, accumulator_width=33),
}
LARGE = {
    "32x32": unit(32, 32, accumulator_depth=512),
    "64x64": unit(64, 64, accumulator_depth=512),
    "17x64": unit(17, 64, accumulator_depth=100),
    "64x5": unit(64, 5, accumulator_depth=512, adder_stages=2),
}


@on_simulators("config", SHAPES, verilator=2)
def test_shapes(simulate, config):
    simulate(
        [multiplies, runs_back_to_back, adds_to_the_same_row_every_cycle], AxiMatrixUnit, config
    )


@on_simulators("config", FORMATS, verilator=1)
def test_formats(simulate, config):
    simulate([multiplies, wraps_as_numpy_does], AxiMatrixUnit, config)


@on_simulators("config", {name: SHAPES[name] for name in ("5x7", "4x4", "1x1", "6x1")}, verilator=1)
def test_stalls(simulate, config):
    simulate([stalls_change_nothing_but_time, waits_for_a_long_time], AxiMatrixUnit, config)


@on_simulators("config", {name: SHAPES[name] for name in ("5x7", "1x1", "4x8")}, verilator=1)
def test_reset(simulate, config):
    simulate([works_as_new_after_a_reset], AxiMatrixUnit, config)


@on_simulators("config", {name: SHAPES[name] for name in ("5x7", "3x11", "1x1")}, verilator=1)
def test_misuse(simulate, config):
    simulate([sees_every_misuse], AxiMatrixUnit, config)


@on_simulators("config", {name: SHAPES[name] for name in ("4x4", "5x7")}, verilator=0)
def test_unknown_inputs(simulate, config):
    simulate([unknown_inputs_stay_out], AxiMatrixUnit, config)


@pytest.mark.large
@on_simulators("config", LARGE, verilator=4)
def test_large(simulate, simulator, config):
    if simulator == "verilator":
        simulate([multiplies, runs_back_to_back], AxiMatrixUnit, config)
    else:
        simulate([runs_back_to_back], AxiMatrixUnit, config)


# What is multiplied.


def draw_size(source: random.Random, side: int) -> int:
    """1, a whole number of sides, one more or less, or anything up to three sides."""
    near = source.choice(
        [1, side, 2 * side, side + 1, max(1, side - 1), source.randint(1, 3 * side)]
    )
    return min(near, 40)


def draw_matrix(source: random.Random, number, shape) -> np.ndarray:
    """Random numbers, all of one extreme, zeros, a single one, or a mixture with extremes."""
    draw = np.random.default_rng(source.getrandbits(32))
    kind = source.choice(["random", "minimum", "maximum", "zeros", "one-hot", "mixed", "mixed"])
    values = draw.integers(number.minimum, number.maximum + 1, shape)
    if kind in ("minimum", "maximum"):
        values[:] = getattr(number, kind)
    elif kind in ("zeros", "one-hot"):
        values[:] = 0
        if kind == "one-hot":
            values.flat[source.randrange(values.size)] = number.maximum or number.minimum
    elif kind == "mixed":
        extreme = draw.choice([number.minimum, 0, number.maximum], shape)
        values = np.where(draw.random(shape) < 0.4, extreme, values)
    return values.astype(number.dtype)


class Product:
    """A product to compute: operands, schedule, feed and what must come out."""

    def __init__(self, config, a, b):
        self.schedule = Schedule(config, a.shape[0], a.shape[1], b.shape[1])
        self.feed = self.schedule.feed(a, b)
        self.expected = matmul(config, a, b)

    @classmethod
    def draw(cls, config, source, m=None):
        m = m or draw_size(source, config.rows)
        k, n = draw_size(source, config.rows), draw_size(source, config.columns)
        a = draw_matrix(source, config.activation, (m, k))
        return cls(config, a, draw_matrix(source, config.weight, (k, n)))

    def check(self, results, cycles):
        """Result rows against Z; a row of Z that is wrong is named with its last part's cycle."""
        s = self.schedule
        what = f"Z[{s.m}, {s.n}] = A[{s.m}, {s.k}] . B[{s.k}, {s.n}]"
        arrival = s.gather(np.array([[cycle] * s.config.columns for cycle in cycles]))
        compare(what, s.gather(results), self.expected, arrival[:, -1])


async def compute(dut, config, products, **stalls):
    """Run products one after the other; check results, tlast and, without stalls, the cycles."""
    feed = Feed.join([product.feed for product in products])
    driven = await drive(dut, config, feed, **stalls)
    taken = 0
    for product in products:
        count = product.feed.results
        cycles = driven.result_cycles[taken : taken + count]
        product.check(driven.results[taken : taken + count], cycles)
        taken += count
    assert driven.ends == feed.end[feed.last == 1].tolist(), "tlast of the results"
    assert sum(driven.counters.values()) == 2 * driven.counters["total"], "counters partition time"
    assert driven.counters["total"] == driven.cycles
    assert driven.counters["computing"] == len(feed.activations)
    if not stalls:
        prediction = predict(config, [product.schedule for product in products])
        assert (driven.cycles, driven.counters) == (prediction.cycles, prediction.counters)
    assert dut.error_status.value == 0
    return driven


async def outputs_stay_known(dut, config):
    """No output may hold an unknown bit, in any cycle."""
    names = [
        name
        for name, (direction, _, _) in port_documentation(config).items()
        if direction == "output"
    ]
    while True:
        await RisingEdge(dut.aclk)
        for name in names:
            value = getattr(dut, name).value
            assert value.is_resolvable, f"{name} is {value}"


# The coroutines.


@cocotb.test(**TIMEOUT)
async def multiplies(dut):
    """Products of drawn shapes and values, each on an idle unit, in exactly the model's cycles."""
    (config,), source = arguments(), randomness()
    await start(dut)
    cocotb.start_soon(outputs_stay_known(dut, config))
    for _ in range(6):
        await compute(dut, config, [Product.draw(config, source)])


@cocotb.test(**TIMEOUT)
async def runs_back_to_back(dut):
    """Products of different shapes with no idle cycle between them."""
    (config,), source = arguments(), randomness()
    await start(dut)
    products = [Product.draw(config, source) for _ in range(5)]
    await compute(dut, config, products)
    # More results in a row than the result buffer has places, at one a cycle.
    rows = 3 * MatrixUnit.result_depth_of(config)
    await compute(dut, config, [single_tile(config, source, rows)] * 2)


@cocotb.test(**TIMEOUT)
async def adds_to_the_same_row_every_cycle(dut):
    """M = 1 with many tiles along K, and rows of one batch that meet the same accumulator row."""
    (config,), source = arguments(), randomness()
    await start(dut)
    k = 9 * config.rows
    a = draw_matrix(source, config.activation, (1, k))
    b = draw_matrix(source, config.weight, (k, config.columns))
    await compute(dut, config, [Product(config, a, b)])

    # One tile, every row to the same accumulator row, at distances of 1 to 5 cycles.
    rows = 30
    a = draw_matrix(source, config.activation, (rows, config.rows))
    b = draw_matrix(source, config.weight, (config.rows, config.columns))
    feed = Product(config, a, b).feed
    for distance in range(1, min(5, config.accumulator_depth) + 1):
        chain = np.arange(rows) % distance
        first = (np.arange(rows) < distance).astype(np.int64)
        last = (np.arange(rows) >= rows - distance).astype(np.int64)
        changed = Feed(**{**vars(feed), "row": chain, "first": first, "last": last})
        driven = await drive(dut, config, changed)
        exact = a.astype(np.int64) @ b.astype(np.int64)
        sums = [wrap(exact[chain == c].sum(0), config.accumulator) for c in chain[-distance:]]
        compare(f"same row every {distance} cycles", driven.results.tolist(), sums)
    assert dut.error_status.value == 0


@cocotb.test(**TIMEOUT)
async def wraps_as_numpy_does(dut):
    """Chains of the extremes' products, long enough to overflow the accumulator where possible."""
    (config,) = arguments()
    await start(dut)
    for a_value in (config.activation.minimum, config.activation.maximum):
        for b_value in (config.weight.minimum, config.weight.maximum):
            largest = max(1, abs(a_value * b_value))
            k = min(200, 2 + (1 << config.accumulator_width - 1) // largest)
            a = np.full((3, k), a_value, config.activation.dtype)
            b = np.full((k, 2), b_value, config.weight.dtype)
            await compute(dut, config, [Product(config, a, b)])


@cocotb.test(**TIMEOUT)
async def stalls_change_nothing_but_time(dut):
    """Gaps in either input, back-pressure at the output, and all of them."""
    (config,), source = arguments(), randomness()
    await start(dut)
    kinds = {
        "weight_gaps": lambda: chances(source, 0.4, 2 * config.rows),
        "activation_gaps": lambda: chances(source, 0.4, 2 * config.rows),
        "ready": lambda: coins(source, source.choice([0.1, 0.5, 0.9])),
    }
    for chosen in (*([name] for name in kinds), ["weight_gaps", "activation_gaps"], list(kinds)):
        products = [Product.draw(config, source) for _ in range(2)]
        await compute(dut, config, products, **{name: kinds[name]() for name in chosen})


@cocotb.test(**TIMEOUT)
async def waits_for_a_long_time(dut):
    """The sink, then each source, stands still longer than the unit is deep; causes are counted."""
    (config,), source = arguments(), randomness()
    await start(dut)

    def after(pause, then):
        yield from [pause]
        while True:
            yield then

    def ready_after(cycles):
        yield from [False] * cycles
        while True:
            yield True

    pause = 300
    driven = await compute(
        dut, config, [Product.draw(config, source, m=100)], ready=ready_after(pause)
    )
    assert driven.counters["waiting_for_room"] > 0
    driven = await compute(dut, config, [Product.draw(config, source)], weight_gaps=after(pause, 0))
    assert driven.counters["waiting_for_weights"] >= pause - 2
    driven = await compute(
        dut, config, [Product.draw(config, source)], activation_gaps=after(pause, 0)
    )
    assert driven.counters["waiting_for_activations"] >= pause - 2


@cocotb.test(**TIMEOUT)
async def works_as_new_after_a_reset(dut):
    """Reset in the middle of work, at drawn cycles; nothing of it is left."""
    (config,), source = arguments(), randomness()
    await start(dut)
    cocotb.start_soon(outputs_stay_known(dut, config))
    for _ in range(12):
        product = Product.draw(config, source)
        weights, activations, results = unit_streams(dut)
        weight_beats, activation_beats = beats(product.feed, config)
        results.ready.value = source.randrange(2)
        tasks = [
            cocotb.start_soon(send(weights, weight_beats)),
            cocotb.start_soon(send(activations, activation_beats)),
        ]
        length = predict(config, [product.schedule]).cycles
        await ClockCycles(dut.aclk, source.randint(1, length))
        for task in tasks:
            task.cancel()
        weights.valid.value = 0
        activations.valid.value = 0
        results.ready.value = 0
        await reset(dut)
        assert dut.m_axis_results_tvalid.value == 0
        assert dut.error_status.value == 0
        await compute(dut, config, [Product.draw(config, source)])


@cocotb.test(**TIMEOUT)
async def unknown_inputs_stay_out(dut):
    """Payloads are unknown while nothing is valid; no output may show it."""
    (config,), source = arguments(), randomness()
    await start(dut)
    cocotb.start_soon(outputs_stay_known(dut, config))
    for _ in range(3):
        for stream in unit_streams(dut)[:2]:
            for handle in stream.payload:
                handle.value = LogicArray("X" * len(handle))
        await ClockCycles(dut.aclk, 5)
        await compute(dut, config, [Product.draw(config, source)])


@cocotb.test(**TIMEOUT)
async def sees_every_misuse(dut):
    """Each misuse sets its error, which stays until cleared; no wrong result ever comes out."""
    (config,), source = arguments(), randomness()
    await start(dut)
    for misuse in (
        row_without_a_tile,
        short_tile,
        long_tile,
        row_out_of_range,
        row_not_started,
    ):
        feed, expected_error, expected_results = misuse(config, source)
        got = await feed_and_collect(dut, config, feed)
        compare(misuse.__name__, got.tolist(), expected_results.tolist())
        seen = Error(int(dut.error_status.value))
        assert seen == expected_error, f"{misuse.__name__}: {seen}, expected {expected_error}"
        await ClockCycles(dut.aclk, 3)
        assert Error(int(dut.error_status.value)) == expected_error, "an error must stay"
        dut.clear_errors.value = 1
        await RisingEdge(dut.aclk)
        dut.clear_errors.value = 0
        await RisingEdge(dut.aclk)
        assert dut.error_status.value == 0, "an error must go when it is cleared"
        await compute(dut, config, [Product.draw(config, source)])
        await reset(dut)


async def feed_and_collect(dut, config, feed):
    """Send everything, wait until nothing can be on its way, return the results that came."""
    weights, activations, results = unit_streams(dut)
    weight_beats, activation_beats = beats(feed, config)
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


def single_tile(config, source, rows=4):
    """A product of one tile, all rows first and last."""
    a = draw_matrix(source, config.activation, (rows, config.rows))
    return Product(config, a, draw_matrix(source, config.weight, (config.rows, config.columns)))


def changed(feed, **columns):
    return Feed(**{**vars(feed), **columns})


def nothing(config):
    return np.zeros((0, config.columns), config.accumulator.dtype)


def row_without_a_tile(config, source):
    """Rows without a switch right after reset."""
    product = single_tile(config, source)
    feed = changed(product.feed, switch=np.zeros(4, np.int64))
    feed = changed(feed, weights=feed.weights[:0], tile_end=feed.tile_end[:0])
    return feed, Error.NO_TILE, nothing(config)


def short_tile(config, source):
    """A tile that ends one row early (R > 1); the rows of the tile after it are right."""
    if config.rows == 1:
        return row_without_a_tile(config, source)
    bad, good = single_tile(config, source), single_tile(config, source)
    end = bad.feed.tile_end.copy()
    end[-2] = 1
    feed = changed(bad.feed, weights=bad.feed.weights[:-1], tile_end=end[:-1])
    return Feed.join([feed, good.feed]), Error.SHORT_TILE | Error.NO_TILE, good.expected


def long_tile(config, source):
    """A tile with two rows too many; the rows of the tile after it are right."""
    bad, good = single_tile(config, source), single_tile(config, source)
    extra = bad.feed.weights[:1].repeat(2, axis=0)
    end = np.zeros(config.rows + 2, np.int64)
    end[-1] = 1
    feed = changed(bad.feed, weights=np.concatenate([extra, bad.feed.weights]), tile_end=end)
    return Feed.join([feed, good.feed]), Error.LONG_TILE | Error.NO_TILE, good.expected


def row_out_of_range(config, source):
    """The second row names the first accumulator row that does not exist."""
    product = single_tile(config, source)
    row = product.feed.row.copy()
    row[1] = config.accumulator_depth
    return (
        changed(product.feed, row=row),
        Error.ROW_OUT_OF_RANGE,
        np.delete(product.expected, 1, axis=0),
    )


def row_not_started(config, source):
    """The third row is `last` without ever having been `first`."""
    product = single_tile(config, source)
    first = product.feed.first.copy()
    first[2] = 0
    return (
        changed(product.feed, first=first),
        Error.NOT_STARTED,
        np.delete(product.expected, 2, axis=0),
    )
