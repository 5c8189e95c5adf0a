"""Coroutines on the whole unit: products of every shape and format, and rows in any order."""

import itertools
from dataclasses import dataclass, replace

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.types import LogicArray

from benches.coroutines import TIMEOUT, compare, parameters, randomness
from benches.products import Product, compute, draw_matrix, outputs_stay_known, single_tile
from weft.matrix.layouts import COUNTER_WIDTH, counter_layout
from weft.matrix.timing import MatrixUnitTiming
from weft_model.chained import float_sum, round_to
from weft_model.reference import matmul, wrap
from weft_model.schedule import Transfers
from weft_sim.cocotb_driver import drive, read_counters, start, unit_streams


@cocotb.test(**TIMEOUT)
async def multiplies(dut):
    """Products of random shapes and values on an idle unit take exactly the predicted cycles."""
    config, source = parameters().config, randomness()
    await start(dut)
    cocotb.start_soon(outputs_stay_known(dut, config))
    for _ in range(6):
        await compute(dut, config, [Product.draw(config, source)])


@cocotb.test(**TIMEOUT)
async def runs_back_to_back(dut):
    """Products of different shapes with no idle cycle between them."""
    config, source = parameters().config, randomness()
    await start(dut)
    products = [Product.draw(config, source) for _ in range(5)]
    await compute(dut, config, products)
    # More consecutive results than the result buffer has places, at one per cycle.
    rows = 3 * MatrixUnitTiming.of(config).result_depth
    await compute(dut, config, [single_tile(config, source, rows)] * 2)


@cocotb.test(**TIMEOUT)
async def adds_to_the_same_row_every_cycle(dut):
    """M = 1 with many tiles along K, and rows of one batch that use the same accumulator row."""
    config, source = parameters().config, randomness()
    await start(dut)
    k = 9 * config.rows
    a = draw_matrix(source, config.activation.default, (1, k))
    b = draw_matrix(source, config.weight.default, (k, config.columns))
    await compute(dut, config, [Product(config, a, b)])

    # One tile; rows use the same accumulator row at distances of 1 to 5 cycles.
    rows = 30
    a = draw_matrix(source, config.activation.default, (rows, config.rows))
    b = draw_matrix(source, config.weight.default, (config.rows, config.columns))
    transfers = Product(config, a, b).transfers
    for distance in range(1, min(5, config.accumulator_depth) + 1):
        chain = np.arange(rows) % distance
        first = (np.arange(rows) < distance).astype(np.int64)
        last = (np.arange(rows) >= rows - distance).astype(np.int64)
        changed = Transfers(**{**vars(transfers), "row": chain, "first": first, "last": last})
        driven = await drive(dut, config, changed)
        exact = a.astype(np.int64) @ b.astype(np.int64)
        sums = [wrap(exact[chain == c].sum(0), config.accumulator) for c in chain[-distance:]]
        compare(f"same row every {distance} cycles", driven.results.tolist(), sums)
    assert dut.error_status.value == 0


@cocotb.test(**TIMEOUT)
async def wraps_as_numpy_does(dut):
    """Sums of products of extreme values, long enough to overflow the accumulator if possible."""
    config = parameters().config
    await start(dut)
    for a_value in (config.activation.default.minimum, config.activation.default.maximum):
        for b_value in (config.weight.default.minimum, config.weight.default.maximum):
            largest = max(1, abs(a_value * b_value))
            k = min(200, 2 + (1 << config.accumulator_width - 1) // largest)
            a = np.full((3, k), a_value, config.activation.default.dtype)
            b = np.full((k, 2), b_value, config.weight.default.dtype)
            await compute(dut, config, [Product(config, a, b)])


@cocotb.test(**TIMEOUT)
async def takes_flags_in_any_order(dut):
    """Rows that begin, continue and finish a few sums in random order, while tiles change."""
    config, source = parameters().config, randomness()
    await start(dut)
    rows, tiles = 500, 6
    # No zeros, which would hide additions.
    a = draw_matrix(source, config.activation.default, (rows, config.rows), "uniform")
    b = draw_matrix(source, config.weight.default, (tiles, config.rows, config.columns), "uniform")
    switch, first, last, row = (np.zeros(rows, np.int64) for _ in range(4))
    switch[[0, *source.sample(range(1, rows), tiles - 1)]] = 1
    sums: dict[int, np.ndarray] = {}
    finished = []
    for n, tile in enumerate(np.cumsum(switch) - 1):
        row[n] = source.randrange(min(4, config.accumulator_depth))
        first[n] = row[n] not in sums or source.random() < 0.2
        last[n] = n == rows - 1 or source.random() < 0.3
        exact = a[n].astype(np.int64) @ b[tile].astype(np.int64)
        total = exact if first[n] else sums[row[n]] + exact
        sums[row[n]] = total
        if last[n]:
            finished.append(wrap(sums.pop(row[n]), config.accumulator).tolist())
    tile_end = np.zeros((tiles, config.rows), np.int64)
    tile_end[:, -1] = 1
    transfers = Transfers(
        weights=b[:, ::-1].reshape(-1, config.columns),
        tile_end=tile_end.ravel(),
        activations=a,
        switch=switch,
        first=first,
        last=last,
        end=(np.arange(rows) == rows - 1).astype(np.int64),
        row=row,
    )
    driven = await drive(dut, config, transfers)
    compare("sums in any order", driven.results.tolist(), finished, driven.result_cycles)
    assert dut.error_status.value == 0


@cocotb.test(**TIMEOUT)
async def takes_any_sign_zero_point_and_shift(dut):
    """Signs, zero points and shifts are independent of each other and of the rows before."""
    config, source = parameters().config, randomness()
    await start(dut)
    rows, tiles = 200, 5
    lanes = Lanes.draw(config.activation_port, source, rows, config.rows, shared=True)
    weights = Lanes.draw(config.weight_port, source, tiles * config.rows, config.columns)
    switch = np.zeros(rows, np.int64)
    switch[[0, *source.sample(range(1, rows), tiles - 1)]] = 1
    shift = np.array([source.getrandbits(config.shift_bits or 1) for _ in range(rows)])
    shift *= config.shift_bits > 0
    # The rows of a tile come from its last to its first.
    tile_values = weights.values.reshape(tiles, config.rows, config.columns)[:, ::-1]
    tile = tile_values[np.cumsum(switch) - 1]
    sums = (lanes.values[:, np.newaxis] @ tile)[:, 0] << (shift * config.cell_width)[:, np.newaxis]
    # Sums of two rows each.
    expected = wrap(sums[0::2] + sums[1::2], config.accumulator).tolist()
    odd = np.arange(rows) % 2
    tile_end = np.zeros((tiles, config.rows), np.int64)
    tile_end[:, -1] = 1
    transfers = Transfers(
        weights=weights.raw,
        tile_end=tile_end.ravel(),
        activations=lanes.raw,
        switch=switch,
        first=1 - odd,
        last=odd,
        end=(np.arange(rows) == rows - 1).astype(np.int64),
        row=np.zeros(rows, np.int64),
        shift=shift,
        signed=lanes.signed,
        zero_point=lanes.zero_points[:, 0],
        weight_signed=weights.signed,
        weight_zero_points=weights.zero_points.astype(config.weight_port.lane.dtype),
    )
    driven = await drive(dut, config, transfers)
    compare("sums", driven.results.tolist(), expected, driven.result_cycles)
    assert dut.error_status.value == 0


@dataclass(frozen=True)
class Lanes:
    """Random rows on a port of operands, and what they mean.

    `raw`, (rows, lanes), in the dtype of the lanes; `signed`, (rows,); `zero_points`, (rows, 1) or
    (rows, lanes), as they are read; `values`, (rows, lanes): what the array multiplies.
    """

    raw: np.ndarray
    signed: np.ndarray
    zero_points: np.ndarray
    values: np.ndarray

    @classmethod
    def draw(cls, port, source, rows, lanes, *, shared=False):
        """Draw rows; `shared`: the lanes of a row have one zero point."""
        numbers = np.random.default_rng(source.getrandbits(32))
        lane = port.lane
        signed = numbers.integers(0, 2, rows) * port.signed_at_run_time
        raw = draw_matrix(source, lane, (rows, lanes), "mixed")
        zero_points = np.zeros((rows, 1 if shared else lanes), np.int64)
        if port.zero_points:
            zero_points = draw_matrix(source, lane, zero_points.shape, "mixed").astype(np.int64)
        read = [x.astype(np.int64) for x in (raw, zero_points)]
        for x in read:
            x -= (signed[:, np.newaxis] << lane.width) * (x >> lane.width - 1 & 1)
        return cls(raw, signed, read[1], read[0] - read[1])


@cocotb.test(**TIMEOUT)
async def uses_every_accumulator_row(dut):
    """All accumulator rows hold a sum at once, of every kind of numbers; the last time twice."""
    config, source = parameters().config, randomness()
    await start(dut)
    depth, k, n = config.accumulator_depth, 2 * config.rows + 1, config.columns
    kinds = ("minimum", "maximum", *["uniform"] * 6)
    for kind, m in zip(kinds, [depth] * 7 + [2 * depth], strict=True):
        a = draw_matrix(source, config.activation.default, (m, k), kind)
        b = draw_matrix(source, config.weight.default, (k, n), kind)
        await compute(dut, config, [Product(config, a, b)])


@cocotb.test(**TIMEOUT)
async def ends_a_job_with_every_result(dut):
    """Jobs of one or two rows, more jobs than the result buffer has places."""
    config, source = parameters().config, randomness()
    await start(dut)
    jobs = 3 * MatrixUnitTiming.of(config).result_depth
    products = [single_tile(config, source, source.choice([1, 2])) for _ in range(jobs)]
    await compute(dut, config, products)


@cocotb.test(**TIMEOUT)
async def waits_within_a_sum(dut):
    """A pause between two rows of a sum, without weights, counts as waiting for activations."""
    config, source = parameters().config, randomness()
    await start(dut)
    product, pause = single_tile(config, source, 2), 50
    flags = {"first": np.array([1, 0]), "last": np.array([0, 1]), "row": np.zeros(2, np.int64)}
    transfers = Transfers(**{**vars(product.transfers), **flags})
    driven = await drive(dut, config, transfers, activation_gaps=iter([0, pause]))
    if config.chained:
        sums = matmul(replace(config, result="float32"), product.a, product.b)
        total = round_to(float_sum(*sums), config.result_format.dtype)
    else:
        total = wrap(product.expected.astype(np.int64).sum(0), config.accumulator)
    compare("sum with a pause", driven.results.tolist(), [total.tolist()])
    assert driven.counters["waiting_for_activations"] >= pause - config.rows - 2


@cocotb.test(**TIMEOUT)
async def counts_every_activity_for_long(dut):
    """Each activity lasts more than 1024 cycles, without a reset in between."""
    config, source = parameters().config, randomness()
    await start(dut)
    long = 1100
    await ClockCycles(dut.aclk, long)
    await compute(dut, config, [single_tile(config, source, long)])
    # Each tile leaves a single row waiting for its weights, and then perhaps for its sum.
    waits = config.rows - 1, MatrixUnitTiming.of(config).spacing - config.rows
    k = config.rows * -(-long // min(wait for wait in (*waits, long) if wait > 0))
    a = draw_matrix(source, config.activation.default, (1, k))
    b = draw_matrix(source, config.weight.default, (k, config.columns))
    await compute(dut, config, [Product(config, a, b)])
    # The next tile waits too, and stalls the one after it.
    a = draw_matrix(source, config.activation.default, (100, config.rows))
    b = draw_matrix(source, config.weight.default, (config.rows, 3 * config.columns))
    held = itertools.chain([False] * (long + 300), itertools.repeat(True))
    await compute(dut, config, [Product(config, a, b)], ready=held)
    for gaps in ("weight_gaps", "activation_gaps"):
        pause = itertools.chain([long], itertools.repeat(0))
        await compute(dut, config, [Product.draw(config, source)], **{gaps: pause})
    counted = read_counters(dut)
    for name, count in counted.items():
        never = name == ("loading_weights" if config.rows == 1 else "waiting_for_sum")
        assert count >= 1024 or never, f"{name}: {count}"
    assert sum(counted.values()) == 2 * counted["total"]


@cocotb.test(**TIMEOUT)
async def unknown_inputs_stay_out(dut):
    """Payloads are unknown while they are not valid; no output may become unknown."""
    config, source = parameters().config, randomness()
    await start(dut)
    cocotb.start_soon(outputs_stay_known(dut, config))
    for _ in range(3):
        for stream in unit_streams(dut)[:2]:
            for handle in stream.payload:
                handle.value = LogicArray("X" * len(handle))
        await ClockCycles(dut.aclk, 5)
        await compute(dut, config, [Product.draw(config, source)])


@cocotb.test(**TIMEOUT)
async def shows_every_bit_of_the_counters(dut):
    """Each counter is at its own port, with every bit."""
    source = randomness()
    await start(dut)
    registers = dut.unit.cycle_counters
    names = [name for name, _ in counter_layout()]
    for _ in range(20):
        expected = {name: source.getrandbits(COUNTER_WIDTH) for name in names}
        for name, number in expected.items():
            getattr(registers, f"counters_{name}").value = number
        # Without floats no row waits for a sum, and the counter is a constant.
        expected["waiting_for_sum"] = 0
        await RisingEdge(dut.aclk)
        assert read_counters(dut) == expected
