"""ChecksumColumn: checksums of rows, and detection of changed activations, pairs and products."""

import random
from dataclasses import dataclass, field

import cocotb
import pytest

from benches.bits import in_parts, join, operand, to_signed
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, reset, start
from benches.runner import on_simulators
from benches.tiles import LEAD, ROWS, draw_tiles
from weft.array.activation_correction import ActivationCorrection
from weft.array.pairs_check import PairsCheck
from weft.formats import IntegerFormat
from weft.matrix.accumulators import FORWARDS, AccumulatorBank
from weft.matrix.checksum_arithmetic import checksum_arithmetic, checksum_is_soft
from weft.matrix.checksum_column import checksum_column_of
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming
from weft.matrix.weights import WeightLoader


def column(rows, columns, **options):
    return MatrixUnitConfig(
        rows=rows, columns=columns, checksum=True, **{"accumulator_depth": 5} | options
    )


COLUMNS = {
    "4x3": column(4, 3, activation="int4", weight="uint3", multiplier_stages=2, adder_stages=2),
    "1x2": column(1, 2, multiplier_stages=0, accumulator_depth=2),
    "5x2": column(5, 2, weight="uint8", activation="uint8"),
    "2x9": column(2, 9, weight="int2", activation="int16", adder_stages=4, accumulator_width=64),
    "9x2": column(9, 2, weight="int1", activation="uint2", accumulator_width=8),
    "4x3 fast": column(
        *(4, 3), inner_product="fast", activation="int4", weight="uint3", adder_stages=2
    ),
    "2x2 fast": column(2, 2, inner_product="fast", multiplier_stages=0),
    "6x4 fast": column(6, 4, inner_product="fast", activation="uint8", multiplier_stages=2),
    "4x2 fast of 16 bits": column(
        4,
        2,
        inner_product="fast",
        activation="uint16",
        weight="int16",
        multiplier_stages=3,
        accumulator_width=50,
    ),
    "3x6 of 16 bits": column(3, 6, weight="int16", activation="uint16", multiplier_stages=4),
    "3x2 of 16 bits": column(3, 2, weight="uint16", activation="int16", multiplier_stages=3),
}


@on_simulators("config", COLUMNS)
def test_column(simulate, config):
    coroutines = [
        multiplies_by_the_sums_of_weights,
        reports_wrong_activations_of_valid_rows,
        reports_wrong_pairs_and_products_of_valid_rows,
        forgets_at_a_reset,
    ]
    simulate(coroutines, checksum_column_of(config), config=config)


@pytest.mark.parametrize(
    "weight,columns,sums",
    [("int8", 3, "int10"), ("uint8", 3, "uint10"), ("int1", 2, "int2"), ("uint16", 256, "uint24")],
)
def test_sums_of_weights_are_exact(weight, columns, sums):
    config = MatrixUnitConfig(columns=columns, weight=weight, checksum=True)
    exact = IntegerFormat.parse(sums)
    assert checksum_arithmetic(config).weight == exact
    assert exact.minimum <= columns * IntegerFormat.parse(weight).minimum
    assert columns * IntegerFormat.parse(weight).maximum <= exact.maximum
    # One bit less is not enough.
    assert columns * IntegerFormat.parse(weight).minimum < exact.minimum // 2 or (
        columns * IntegerFormat.parse(weight).maximum > exact.maximum // 2
    )
    assert checksum_is_soft(config) == (exact.width > 16)


@dataclass
class Rows:
    """Rows of activations, one per cycle from cycle `LEAD` on at the west edge of column 0.

    `sent` are the activations at the input port, `lanes` the activations at the last column.
    `valid`: the row was not dropped. `clear`, `write`, `row`: the control of the accumulators.
    """

    sent: list[list[int]]
    lanes: list[list[int]]
    valid: list[int]
    clear: list[int]
    write: list[int]
    row: list[int]
    newer: list[int] = field(default_factory=list)

    def __post_init__(self):
        for now in range(len(self.row)):
            self.newer.append(0)
            for distance in range(min(FORWARDS, now)):
                past = now - distance - 1
                same = self.write[past] and self.row[past] == self.row[now]
                self.newer[-1] |= (bool(same) and not self.clear[now]) << distance


def draw_rows(source: random.Random, config: MatrixUnitConfig, wrong: float) -> Rows:
    """Return random rows; a fraction `wrong` of them has a flipped bit in one or two lanes."""
    sent = [
        [operand(source, config.activation_port.operand) for _ in range(config.rows)]
        for _ in range(ROWS)
    ]
    lanes = [list(row) for row in sent]
    width = config.activation_port.operand.width
    for row in lanes:
        if source.random() < wrong:
            for lane in source.sample(range(len(row)), k=min(len(row), source.choice([1, 1, 2]))):
                changed = row[lane] ^ 1 << source.randrange(width)
                row[lane] = (
                    to_signed(changed, width) if config.activation_port.operand.signed else changed
                )
    valid = [int(source.random() < 0.8) for _ in sent]
    # A sum is continued only after it has begun.
    rows = [source.randrange(config.accumulator_depth) for _ in sent]
    begun: set[int] = set()
    clear, write = [], []
    for row, counts in zip(rows, valid, strict=True):
        clear.append(int(row not in begun or source.random() < 0.2))
        write.append(int(counts and source.random() < 0.8))
        if write[-1]:
            begun.add(row)
    return Rows(sent, lanes, valid, clear, write, rows)


def stimuli_of(config: MatrixUnitConfig, rows: Rows, tiles) -> list[dict[str, int]]:
    """Return the inputs by cycle; the first activation of row m is at the west edge in LEAD + m."""
    columns, width = config.columns, config.activation_port.operand.width
    counts = counted_after(config)
    together = config.rows_per_cell
    cycles = ROWS + LEAD + config.rows + columns + 40
    names = ("weights", "activations", "switches", "loads", "parities", "control", "valid")
    stimuli = [dict.fromkeys(names, 0) for _ in range(cycles)]
    mask = (1 << width) - 1
    for m in range(ROWS):
        west = LEAD + m
        for r in range(config.rows):
            at = west + r // together
            stimuli[at]["parities"] |= (rows.sent[m][r] & mask).bit_count() % 2 << r
            stimuli[at + columns]["activations"] |= (rows.lanes[m][r] & mask) << r * width
        control = rows.write[m] | rows.clear[m] << 1 | rows.newer[m] << 2
        control |= rows.row[m] << 2 + FORWARDS
        stimuli[west + counts + columns]["control"] = control
        stimuli[west + counts]["valid"] = rows.valid[m]
    for first, lanes in tiles:
        for r in range(config.cell_rows):
            stimuli[LEAD + first + columns + r]["switches"] |= 1 << r
        # Row R - 1 is pushed first; the last push is in the cycle before the switch.
        for push, row in enumerate(reversed(lanes)):
            north = LEAD + first - config.rows + push
            stimuli[north - WeightLoader.latency]["weights"] = join(
                row, config.weight_port.operand.width
            )
            stimuli[north + columns]["loads"] = (1 << push + 1) - 1
    if config.inner_product == "fast":
        add_products(config, rows, stimuli)
    return stimuli


def add_products(config: MatrixUnitConfig, rows: Rows, stimuli: list[dict[str, int]]) -> None:
    """Add the products that corrected a fast array, parts one cycle apart; no pair is wrong."""
    for stimulus in stimuli:
        stimulus |= {"products_out": 0, "wrong_pairs": 0}
    whole = (
        LEAD + config.columns + MatrixUnitTiming.of(config).array - ActivationCorrection.latency - 1
    )
    for m in range(ROWS):
        for part, bits in enumerate(
            in_parts(products_of(rows.lanes[m]), config.arithmetic.sum_parts)
        ):
            cycle = whole + m + part - len(config.arithmetic.sum_parts) + 1
            stimuli[cycle]["products_out"] |= bits


def products_of(lanes: list[int]) -> int:
    """Return the sum of the products of the two activations of all pairs."""
    return sum(upper * lower for upper, lower in zip(lanes[::2], lanes[1::2], strict=True))


def counted_after(config: MatrixUnitConfig) -> int:
    """Return the cycles from the first activation of a row to its control at column 0."""
    timing = MatrixUnitTiming.of(config)
    return timing.array + timing.sum_wait - AccumulatorBank.read_latency


def expected_checksums(config: MatrixUnitConfig, rows: Rows, tiles) -> list[int]:
    """Return, for every row, the sum of the results of all C columns."""
    sums = [0] * config.accumulator_depth
    firsts = {first: lanes for first, lanes in tiles}
    tile, checksums = [], []
    for m in range(ROWS):
        tile = firsts.get(m, tile)
        products = sum(a * w for a, row in zip(rows.lanes[m], tile, strict=True) for w in row)
        total = products + (0 if rows.clear[m] else sums[rows.row[m]])
        checksums.append(total & (1 << config.accumulator_width) - 1)
        if rows.write[m]:
            sums[rows.row[m]] = total
    return checksums


@cocotb.test(**TIMEOUT)
async def multiplies_by_the_sums_of_weights(dut):
    """Tiles come back to back and with gaps, rows continue any sum; no activation is wrong."""
    config = parameters().config
    source = randomness()
    rows, tiles = (
        draw_rows(source, config, 0),
        draw_tiles(source, config.weight_port.operand, rows=config.rows, columns=config.columns),
    )
    await start(dut)
    outputs = ["checksum", "wrong_activation"]
    trace = await play(dut, stimuli_of(config, rows, tiles), outputs)
    timing = MatrixUnitTiming.of(config)
    out = LEAD + config.columns + timing.array + timing.sum_wait
    out += AccumulatorBank.latency
    compare(
        "checksum", trace["checksum"][out : out + ROWS], expected_checksums(config, rows, tiles)
    )
    assert not any(trace["wrong_activation"])


@cocotb.test(**TIMEOUT)
async def reports_wrong_activations_of_valid_rows(dut):
    """Each is reported in its cycle; others, and those of dropped rows, are not."""
    config = parameters().config
    source = randomness()
    rows, tiles = (
        draw_rows(source, config, 0.3),
        draw_tiles(source, config.weight_port.operand, rows=config.rows, columns=config.columns),
    )
    await start(dut)
    trace = await play(dut, stimuli_of(config, rows, tiles), ["wrong_activation"])
    compare(
        "wrong",
        trace["wrong_activation"],
        expected_wrong(config, rows, len(trace["wrong_activation"])),
    )


def expected_wrong(config: MatrixUnitConfig, rows: Rows, cycles: int) -> list[int]:
    late = max(config.columns + config.cell_rows, counted_after(config))
    expected = [0] * cycles
    for m in range(ROWS):
        changed = rows.lanes[m] != rows.sent[m]
        expected[LEAD + m + late] = int(changed and rows.valid[m])
    return expected


@cocotb.test(**TIMEOUT)
async def reports_wrong_pairs_and_products_of_valid_rows(dut):
    """Each is reported in its cycle, once per reason. A plain array has neither."""
    config = parameters().config
    source = randomness()
    rows, tiles = (
        draw_rows(source, config, 0),
        draw_tiles(source, config.weight_port.operand, rows=config.rows, columns=config.columns),
    )
    stimuli = stimuli_of(config, rows, tiles)
    expected = [0] * len(stimuli)
    fast = config.inner_product == "fast"
    counts = counted_after(config)
    widths = config.arithmetic.sum_parts
    whole = config.columns + MatrixUnitTiming.of(config).array - ActivationCorrection.latency - 1
    for m in range(ROWS if fast else 0):
        if source.random() < 0.1:
            pair = source.randrange(config.cell_rows)
            seen = LEAD + m + config.columns + PairsCheck.latency
            stimuli[seen + pair]["wrong_pairs"] |= 1 << pair
            reported = max(seen + config.cell_rows, LEAD + m + counts)
            expected[reported] |= rows.valid[m]
        if source.random() < 0.1:
            bit = source.randrange(config.arithmetic.sum_width)
            part = next(i for i, bits in enumerate(in_parts(1 << bit, widths)) if bits)
            cycle = LEAD + m + whole + part - len(widths) + 1
            stimuli[cycle]["products_out"] ^= 1 << bit
            expected[max(LEAD + m + whole + 2, LEAD + m + counts)] |= rows.valid[m]
    await start(dut)
    trace = await play(dut, stimuli, ["wrong_activation"])
    compare("wrong", trace["wrong_activation"], expected)


@cocotb.test(**TIMEOUT)
async def forgets_at_a_reset(dut):
    """Rows that were in flight at a reset are not reported."""
    config = parameters().config
    source = randomness()
    rows, tiles = (
        draw_rows(source, config, 1),
        draw_tiles(source, config.weight_port.operand, rows=config.rows, columns=config.columns),
    )
    stimuli = stimuli_of(config, rows, tiles)
    await start(dut)
    middle = LEAD + ROWS // 2
    trace = await play(dut, stimuli[:middle], ["wrong_activation"])
    assert any(trace["wrong_activation"])
    dut.valid.value = 0
    await reset(dut)
    quiet = [stimulus | {"valid": 0} for stimulus in stimuli[middle:]]
    trace = await play(dut, quiet, ["wrong_activation"])
    assert not any(trace["wrong_activation"])
