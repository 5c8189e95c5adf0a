"""ResultCheck: an error in any bit of a sum of lanes is detected."""

import cocotb

from benches.bits import join, operand
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, reset, start
from benches.runner import on_simulators
from weft.formats import IntegerFormat
from weft.matrix.result_check import ResultCheck

ROWS = 400

# Columns and bits.
CHECKS = {"3": (3, 16), "5": (5, 8), "2": (2, 64), "11": (11, 33)}


@on_simulators("columns, width", CHECKS)
def test_result_check(simulate, columns, width):
    coroutines = [sees_every_wrong_sum, forgets_what_it_checks_at_a_reset]
    simulate(coroutines, ResultCheck, columns=columns, width=width)


@cocotb.test(**TIMEOUT)
async def sees_every_wrong_sum(dut):
    """Every error of a power of two is reported, if the result is taken."""
    columns, width = parameters().columns, parameters().width
    source = randomness()
    stimuli, expected = [], []
    for number in range(2 * ROWS):
        lanes = [operand(source, IntegerFormat(width)) for _ in range(columns)]
        wrong = source.random() < 0.4
        error = 1 << (number % width) if wrong else 0
        checksum = (sum(lanes) + source.choice([1, -1]) * error) & ((1 << width) - 1)
        transfer = int(source.random() < 0.7)
        stimuli.append({"lanes": join(lanes, width), "checksum": checksum, "transfer": transfer})
        expected.append(int(wrong and transfer))
    latency = ResultCheck.latency_of(columns)
    await start(dut)
    trace = await play(dut, stimuli + [{"transfer": 0}] * latency, ["mismatch"])
    compare("mismatch", trace["mismatch"][latency:], expected)


@cocotb.test(**TIMEOUT)
async def forgets_what_it_checks_at_a_reset(dut):
    """A result that was taken before a reset is not reported after it."""
    await start(dut)
    latency = ResultCheck.latency_of(parameters().columns)
    trace = await play(
        dut, [{"lanes": 0, "checksum": 1, "transfer": 1}] * (latency + 1), ["mismatch"]
    )
    assert trace["mismatch"] == [0] * latency + [1]
    dut.transfer.value = 0
    await reset(dut)
    trace = await play(dut, [{"transfer": 0}] * (latency + 1), ["mismatch"])
    assert not any(trace["mismatch"])
