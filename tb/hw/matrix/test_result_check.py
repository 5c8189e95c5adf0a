"""ResultCheck and SumTree: however little is wrong with a sum of lanes, it is seen."""

import cocotb
from amaranth.hdl import signed, unsigned

from benches.runner import (
    TIMEOUT,
    arguments,
    compare,
    join,
    on_simulators,
    operand,
    play,
    randomness,
    reset,
    start,
)
from weft.blocks.sum_tree import SumTree
from weft.formats import IntegerFormat
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.result_check import ResultCheck

ROWS = 400

# Shape of a lane, lanes, width of the sum.
TREES = {
    "5 of int4": (signed(4), 5, 7),
    "3 of uint3": (unsigned(3), 3, 5),
    "2 of uint1": (unsigned(1), 2, 3),
    "8 of int8 that wrap": (signed(8), 8, 8),
    "7 of uint5": (unsigned(5), 7, 9),
    "17 of int2": (signed(2), 17, 7),
}


CHECKS = {
    "3": MatrixUnitConfig(columns=3, accumulator_width=16),
    "5": MatrixUnitConfig(columns=5, accumulator_width=8),
    "2": MatrixUnitConfig(columns=2, accumulator_width=64),
    "11": MatrixUnitConfig(columns=11, accumulator_width=33),
}


@on_simulators("lane, lanes, width", TREES)
def test_sum_tree(simulate, lane, lanes, width):
    simulate([adds_all_lanes], SumTree, lane, lanes, width)


@on_simulators("config", CHECKS)
def test_result_check(simulate, config):
    simulate([sees_every_wrong_sum, forgets_what_it_checks_at_a_reset], ResultCheck, config)


@cocotb.test(**TIMEOUT)
async def adds_all_lanes(dut):
    """A new row of lanes every cycle; each extreme comes often."""
    lane, lanes, width = arguments()
    source = randomness()
    number = IntegerFormat(lane.width, signed=lane.signed)
    rows = [[operand(source, number) for _ in range(lanes)] for _ in range(ROWS)]
    rows += [[number.minimum] * lanes, [number.maximum] * lanes]
    latency = SumTree.latency_of(lanes)
    assert 1 << latency <= lanes < 2 << latency
    await start(dut)
    stimuli = [{"i": join(row, lane.width)} for row in rows + rows[:1] * latency]
    trace = await play(dut, stimuli, ["o"])
    sums = [sum(row) & ((1 << width) - 1) for row in rows]
    compare("o", trace["o"][latency:], sums)


@cocotb.test(**TIMEOUT)
async def sees_every_wrong_sum(dut):
    """Of results that are taken, however little is wrong."""
    (config,) = arguments()
    source = randomness()
    width, columns = config.accumulator_width, config.columns
    stimuli, expected = [], []
    for number in range(2 * ROWS):
        lanes = [operand(source, config.accumulator) for _ in range(columns)]
        wrong = source.random() < 0.4
        error = 1 << (number % width) if wrong else 0
        checksum = (sum(lanes) + source.choice([1, -1]) * error) & ((1 << width) - 1)
        transfer = int(source.random() < 0.7)
        stimuli.append({"lanes": join(lanes, width), "checksum": checksum, "transfer": transfer})
        expected.append(int(wrong and transfer))
    latency = ResultCheck.latency_of(config)
    await start(dut)
    trace = await play(dut, stimuli + [{"transfer": 0}] * latency, ["mismatch"])
    compare("mismatch", trace["mismatch"][latency:], expected)


@cocotb.test(**TIMEOUT)
async def forgets_what_it_checks_at_a_reset(dut):
    """A result that was taken before is not judged after."""
    (config,) = arguments()
    await start(dut)
    latency = ResultCheck.latency_of(config)
    trace = await play(
        dut, [{"lanes": 0, "checksum": 1, "transfer": 1}] * (latency + 1), ["mismatch"]
    )
    assert trace["mismatch"] == [0] * latency + [1]
    dut.transfer.value = 0
    await reset(dut)
    trace = await play(dut, [{"transfer": 0}] * (latency + 1), ["mismatch"])
    assert not any(trace["mismatch"])
