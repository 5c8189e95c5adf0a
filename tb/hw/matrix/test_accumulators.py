"""Accumulators: any row in any cycle, also the same row back to back, against sums in Python."""

import random

import cocotb
import pytest

from benches.accumulators import Accumulators, out_width
from benches.bits import join, split_signed, to_signed
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_icarus, on_simulators
from weft.blocks.chain import FLAT_LINKS
from weft.matrix.accumulators import AccumulatorBank
from weft.matrix.config import MatrixUnitConfig

CYCLES = 1500


def bank(depth, width, columns, adder_stages=1, **options):
    return MatrixUnitConfig(
        rows=options.pop("rows", 16),
        columns=columns,
        accumulator_depth=depth,
        accumulator_width=width,
        adder_stages=adder_stages,
        **options,
    )


CONFIGS = {
    "7x32-columns-3": bank(7, 32, 3),
    "1x32": bank(1, 32, 1, 2),
    "2x8": bank(2, 8, 2, 3),
    "512x20": bank(512, 20, 2, 4),
    "4x64": bank(4, 64, 2, 3, activation="int16", weight="int16", rows=256),
    "3x20-columns-9": bank(3, 20, 9, 2),
    "16x32-columns-19": bank(16, 32, 19, 1, rows=4),
    "5x54-with-flags": bank(
        *(5, 54, 3, 2), activation="float8_e4m3fn", weight="float8_e4m3fn", rows=4
    ),
    "6x8-narrow": bank(6, 8, 1, 4, activation="int1", weight="int1", rows=1),
}


@on_simulators("config", CONFIGS)
def test_accumulators(simulate, config):
    coroutines = [sums_rows_in_any_order, sums_one_row_in_every_cycle, works_as_new_after_reset]
    simulate(coroutines, Accumulators, config=config)


ECP5 = {
    "1": bank(1, 32, 2),
    "7": bank(7, 8, 3),
    "512": bank(512, 32, 2, 2),
    "1024": bank(1024, 20, 2),
    "1025": bank(1025, 18, 1),
    "2048": bank(2048, 64, 2, 3, activation="int16", weight="int16", rows=256),
    "4096": bank(4096, 32, 1),
}


@on_icarus
@pytest.mark.parametrize("config", ECP5.values(), ids=ECP5)
def test_accumulators_of_ecp5(simulate, config):
    """With block memories, outputs are the same in every bit and cycle."""
    coroutines = [
        sums_rows_in_any_order,
        sums_one_row_in_every_cycle,
        works_as_new_after_reset,
    ]
    simulate(coroutines, Accumulators, config=config, family="ecp5")


def test_columns_are_on_both_sides_of_the_limit():
    assert {config.columns > FLAT_LINKS for config in CONFIGS.values()} == {False, True}


def random_row(source: random.Random, config: MatrixUnitConfig, begun, recent) -> dict[str, int]:
    """Return a row or a bubble; it is mostly one of the rows of the last four cycles."""
    depth = config.accumulator_depth
    row = source.choice([source.randrange(depth), *recent[-4:], *recent[-4:]])
    valid = source.random() < 0.65
    first = row not in begun or source.random() < 0.15
    last = source.random() < 0.2
    recent.append(row)
    if valid and not last:
        begun.add(row)
    # The other fields of a bubble must have no effect.
    return {"valid": valid, "first": first, "last": last, "end": source.random() < 0.5, "row": row}


def random_sums(source: random.Random, config: MatrixUnitConfig) -> list[int]:
    half = 1 << (config.arithmetic.sum_shape.width - 1)
    corners = [half - 1, -half, -1, 0, 1]
    return [
        source.choice([source.randrange(-half, half), source.choice(corners)])
        for _ in range(config.columns)
    ]


def add(a: int, b: int, flags: int) -> int:
    """Return a sum whose low bits are flags, which are ORed."""
    mask = (1 << flags) - 1
    return ((a >> flags) + (b >> flags)) << flags | ((a | b) & mask)


def expected_sums(rows, sums, config: MatrixUnitConfig, resets=()) -> list[list[int] | None]:
    """Return the new sum of every row, computed with a dict of sums; None for bubbles.

    The sum of a `last` row is not written back: the accumulator row keeps its value.
    """
    memory: dict[int, list[int]] = {}
    new_sums = []
    for cycle, (row, parts) in enumerate(zip(rows, sums, strict=True)):
        if cycle in resets:
            memory = {}
        if not row["valid"]:
            new_sums.append(None)
            continue
        base = [0] * config.columns if row["first"] else memory[row["row"]]
        total = [
            to_signed(add(a, b, config.arithmetic.flags), out_width(config))
            for a, b in zip(base, parts, strict=True)
        ]
        new_sums.append(total)
        if not row["last"]:
            memory[row["row"]] = total
    return new_sums


async def check_rows(dut, rows, sums, resets=()) -> None:
    """Drive rows with their sums on the diagonal, and check each new sum in its cycle.

    `resets` are cycles of reset, which hold bubbles. Rows whose sums are still in flight are lost.
    """
    config = parameters().config
    arithmetic, columns = config.arithmetic, config.columns
    first_part, *others = arithmetic.sum_parts
    parts = (first_part + arithmetic.flags, *others)
    early = len(parts) - 1
    end = early + len(rows) + columns + 8
    sums_in = [[0] * columns for _ in range(end)]
    for n, lanes in enumerate(sums):
        for column, number in enumerate(lanes):
            low = 0
            for part, width in enumerate(parts):
                # The last part comes read_latency cycles after the control.
                cycle = n + AccumulatorBank.read_latency + column + part
                sums_in[cycle][column] |= ((number >> low) % (1 << width)) << low
                low += width
    stimuli = [
        {"row": 0, "rst": 0, "sums_in": join(lanes, arithmetic.sum_shape.width)}
        for lanes in sums_in
    ]
    for n, row in enumerate(rows):
        flags = join([row["valid"], row["first"], row["last"], row["end"]], 1)
        stimuli[n + early]["row"] = flags | row["row"] << 4
    for n in resets:
        stimuli[n + early]["rst"] = 1
    trace = await play(dut, stimuli, ["sums_out"])
    out = [split_signed(bits, out_width(config), columns) for bits in trace["sums_out"]]

    latency = early + AccumulatorBank.read_latency + AccumulatorBank.latency
    got, expected, cycles = [], [], []
    for n, total in enumerate(expected_sums(rows, sums, config, resets)):
        out_of_all_columns = n + AccumulatorBank.read_latency + AccumulatorBank.latency + columns
        lost = any(n < reset < out_of_all_columns for reset in resets)
        if total is not None and not lost:
            got.append([out[n + latency + column][column] for column in range(columns)])
            expected.append(total)
            cycles.append(n + latency)
    compare("sums_out", got, expected, cycles)


@cocotb.test(**TIMEOUT)
async def sums_rows_in_any_order(dut):
    """Random rows often continue a sum that was written one to four cycles before."""
    config = parameters().config
    source = randomness()
    begun: set[int] = set()
    recent: list[int] = []
    rows = [random_row(source, config, begun, recent) for _ in range(CYCLES)]
    distances = reuse_distances(rows)
    assert all(distances.count(distance) > 3 for distance in (1, 2, 3, 4))
    await start(dut)
    await check_rows(dut, rows, [random_sums(source, config) for _ in rows])


def reuse_distances(rows) -> list[int]:
    """Return, for each row that continues a sum, the cycles since that sum was last written."""
    written: dict[int, int] = {}
    distances = []
    for cycle, row in enumerate(rows):
        if row["valid"]:
            if not row["first"]:
                distances.append(cycle - written[row["row"]])
            if not row["last"]:
                written[row["row"]] = cycle
    return distances


@cocotb.test(**TIMEOUT)
async def sums_one_row_in_every_cycle(dut):
    """Every cycle adds to one accumulator row until it wraps; then the sum is finished."""
    config = parameters().config
    source = randomness()
    count = 300
    row = config.accumulator_depth - 1
    rows = [
        {"valid": 1, "first": n == 0, "last": n == count - 1, "end": 0, "row": row}
        for n in range(count)
    ]
    half = 1 << (config.arithmetic.sum_shape.width - 1)
    sums = [[-half if column % 2 else half - 1 for column in range(config.columns)]] * count
    await start(dut)
    await check_rows(dut, rows, sums)
    sums = [random_sums(source, config) for _ in rows]
    await check_rows(dut, rows, sums)


@cocotb.test(**TIMEOUT)
async def works_as_new_after_reset(dut):
    """Sums in flight at a reset do not affect rows after it."""
    config = parameters().config
    source = randomness()
    rows: list[dict[str, int]] = []
    resets = []
    for _ in range(30):
        begun: set[int] = set()
        recent: list[int] = []
        rows += [random_row(source, config, begun, recent) for _ in range(source.randrange(1, 12))]
        resets.append(len(rows))
        rows.append({"valid": 0, "first": 0, "last": 0, "end": 0, "row": 0})
    await start(dut)
    sums = [random_sums(source, config) for _ in rows]
    await check_rows(dut, rows, sums, resets)
