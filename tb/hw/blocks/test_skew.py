"""Skew: lane r leaves r cycles late."""

import cocotb

from benches.bits import split
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.blocks.skew import Skew

# Width, lanes.
SKEWS = {
    "3x5": (3, 5),
    **{f"4x{lanes}": (4, lanes) for lanes in (1, 2, 3, 4, 7, 8, 16)},
    "1x9": (1, 9),
    "17x17": (17, 17),
}


@on_simulators("width, lanes", SKEWS)
def test_skew(simulate, width, lanes):
    simulate([delays_each_lane_by_its_number], Skew, width=width, lanes=lanes)


@cocotb.test(**TIMEOUT)
async def delays_each_lane_by_its_number(dut):
    """Lane r leaves r cycles late, independently of the other lanes."""
    width, lanes = parameters().width, parameters().lanes
    source = randomness()
    words = [source.getrandbits(width * lanes) for _ in range(300 + lanes)]
    await start(dut)
    trace = await play(dut, [{"i": word} for word in words], ["o"])
    columns = zip(*(split(word, width, lanes) for word in words), strict=True)
    late = [list(column) for column in columns]
    cycles = range(lanes, len(words))
    expected = [[late[lane][cycle - lane] for lane in range(lanes)] for cycle in cycles]
    got = [split(trace["o"][cycle], width, lanes) for cycle in cycles]
    compare("o", got, expected, cycles)
