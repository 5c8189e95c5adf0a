"""DelayLine: every bit leaves in the exact cycle."""

import cocotb

from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.blocks.delay_line import FLAT_BITS, DelayLine

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


@on_simulators("width, cycles, reset", LINES, verilator=0)
def test_delay_line(simulate, width, cycles, reset):
    simulate(
        [delays, is_cleared_by_reset_or_not], DelayLine, width=width, cycles=cycles, reset=reset
    )


def test_lines_are_on_both_sides_of_the_limit():
    """Some of the lines above are built of shorter ones, others are not."""
    joined = {cycles * width > FLAT_BITS for width, cycles, _ in LINES.values() if cycles > 1}
    assert joined == {False, True}


@cocotb.test(**TIMEOUT)
async def delays(dut):
    """The input is a new random word in every cycle."""
    line = parameters()
    width, cycles = line.width, line.cycles
    source = randomness()
    words = [source.getrandbits(width) for _ in range(300 + cycles)]
    await start(dut)
    trace = await play(dut, [{"i": word} for word in words], ["o"])
    compare("o", trace["o"][cycles:], words[: len(words) - cycles], range(cycles, len(words)))


@cocotb.test(**TIMEOUT)
async def is_cleared_by_reset_or_not(dut):
    """A reset clears a line with `reset`, and has no effect on one without."""
    line = parameters()
    width, cycles, reset = line.width, line.cycles, line.reset
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
