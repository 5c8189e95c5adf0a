"""Skew: each lane leaves a number of cycles later than the one before."""

import cocotb

from benches.bits import split
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.blocks.skew import Skew

# Width, lanes, cycles from lane to lane.
SKEWS = {
    "3x5": (3, 5, 1),
    **{f"4x{lanes}": (4, lanes, 1) for lanes in (1, 2, 3, 4, 7, 8, 16)},
    "1x9": (1, 9, 1),
    "17x17": (17, 17, 1),
    "1x6, 5 cycles": (1, 6, 5),
    "17x4, 6 cycles": (17, 4, 6),
}


@on_simulators("width, lanes, step", SKEWS)
def test_skew(simulate, width, lanes, step):
    simulate([delays_each_lane_by_its_number], Skew, width=width, lanes=lanes, step=step)


@cocotb.test(**TIMEOUT)
async def delays_each_lane_by_its_number(dut):
    """Lane r leaves r * step cycles late, independently of the other lanes."""
    width, lanes, step = parameters().width, parameters().lanes, parameters().step
    source = randomness()
    words = [source.getrandbits(width * lanes) for _ in range(300 + lanes * step)]
    await start(dut)
    trace = await play(dut, [{"i": word} for word in words], ["o"])
    columns = zip(*(split(word, width, lanes) for word in words), strict=True)
    late = [list(column) for column in columns]
    cycles = range(lanes * step, len(words))
    expected = [[late[lane][cycle - lane * step] for lane in range(lanes)] for cycle in cycles]
    got = [split(trace["o"][cycle], width, lanes) for cycle in cycles]
    compare("o", got, expected, cycles)
