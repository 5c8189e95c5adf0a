"""DelayLine and Skew: every bit comes out in its cycle and in no other."""

import cocotb

from benches.runner import (
    TIMEOUT,
    arguments,
    compare,
    on_simulators,
    play,
    randomness,
    split,
    start,
)
from weft.blocks.skew import FLAT_BITS, DelayLine, Skew

# Width, cycles, reset.
LINES = {
    "2x7": (2, 7, True),
    "5x0": (5, 0, True),
    "5x0-kept": (5, 0, False),
    "1x1": (1, 1, True),
    "1x1-kept": (1, 1, False),
    "9x2": (9, 2, True),
    "9x7-kept": (9, 7, False),
    "halved": (64, 40, True),
    "halved-kept": (64, 33, False),
    "wide": (FLAT_BITS + 7, 3, True),
}
# Width, lanes.
SKEWS = {
    "3x5": (3, 5),
    **{f"4x{lanes}": (4, lanes) for lanes in (1, 2, 3, 4, 7, 8, 16)},
    "1x9": (1, 9),
    "17x17": (17, 17),
}


@on_simulators("width, cycles, reset", LINES, verilator=0)
def test_delay_line(simulate, width, cycles, reset):
    simulate([delays, is_emptied_by_reset_or_not], DelayLine, width, cycles, reset)


def test_a_line_is_halved_somewhere():
    """The lengths above are on both sides of the limit."""
    halved = {cycles * width > FLAT_BITS for width, cycles, _ in LINES.values() if cycles > 1}
    assert halved == {False, True}


@on_simulators("width, lanes", SKEWS)
def test_skew(simulate, width, lanes):
    simulate([delays_each_lane_by_its_number], Skew, width, lanes)


@cocotb.test(**TIMEOUT)
async def delays(dut):
    """Random bits, a new word every cycle."""
    width, cycles, _ = arguments()
    source = randomness()
    words = [source.getrandbits(width) for _ in range(300 + cycles)]
    await start(dut)
    trace = await play(dut, [{"i": word} for word in words], ["o"])
    compare("o", trace["o"][cycles:], words[: len(words) - cycles], range(cycles, len(words)))


@cocotb.test(**TIMEOUT)
async def is_emptied_by_reset_or_not(dut):
    """A reset makes a line with `reset` all zeros, and does nothing to one without."""
    width, cycles, reset = arguments()
    source = randomness()
    stimuli = [
        {"i": source.getrandbits(width) | 1, "rst": int(source.random() < 0.1)}
        for _ in range(400 + 8 * cycles)
    ]
    stimuli += [{"i": (1 << width) - 1, "rst": 0}] * (cycles + 1)
    stimuli += [{"i": (1 << width) - 1, "rst": 1}, *[{"i": 1, "rst": 0}] * (2 * cycles + 2)]
    await start(dut)
    trace = await play(dut, [{"i": 0, "rst": 0}] * (cycles + 1) + stimuli, ["o"])

    line = [0] * cycles
    expected = []
    for cycle in stimuli:
        line.append(cycle["i"])
        expected.append(line.pop(0))
        if cycle["rst"] and reset:
            line = [0] * cycles
    compare("o", trace["o"][cycles + 1 :], expected)


@cocotb.test(**TIMEOUT)
async def delays_each_lane_by_its_number(dut):
    """Lane r comes r cycles late, whatever the other lanes hold."""
    width, lanes = arguments()
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
