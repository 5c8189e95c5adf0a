"""ToFloat: every kind of sum, rounded as in numpy, in the exact cycle and with pauses."""

import random

import cocotb

from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.floats import sums_as_floats
from benches.runner import on_simulators
from weft.blocks.to_float import ToFloat
from weft.float_format import BFLOAT16, FLOAT32

ROWS = 3000

# Bits of the sum, exponent of its unit, format of the result.
CONVERSIONS = {
    "96 bits to float32": (96, -32, FLOAT32),
    "82 bits to bfloat16": (82, -32, BFLOAT16),
    "64 bits to float32": (64, -18, FLOAT32),
    "37 bits to bfloat16": (37, -8, BFLOAT16),
    "32 bits to float32": (32, 0, FLOAT32),
    "25 bits to float32": (25, -2, FLOAT32),
    "24 bits to float32": (24, 5, FLOAT32),
    "8 bits to bfloat16": (8, -30, BFLOAT16),
    "9 bits to bfloat16": (9, 0, BFLOAT16),
    "2 bits to float32": (2, -126, FLOAT32),
}


@on_simulators("width, least_exponent, number", CONVERSIONS)
def test_to_float(simulate, width, least_exponent, number):
    simulate([rounds_every_sum], ToFloat, width=width, least_exponent=least_exponent, number=number)


def draw(source: random.Random, width: int, fraction: int) -> int:
    """Return a sum: any, an extreme, or one near a tie between two floats."""
    half = 1 << width - 1
    kind = source.random()
    if kind < 0.2:
        return source.choice([0, 1, -1, half - 1, -half, 1 - half])
    size = source.randint(1, width - 1)
    number = source.getrandbits(size) | 1 << size - 1
    if kind < 0.7 and size > fraction + 2:
        below = size - fraction - 1
        number = number >> below << below | 1 << below - 1
        number += source.choice([-1, 0, 0, 1])
        if source.random() < 0.3:
            # All ones above the tie, so that the rounding carries into the exponent.
            number |= (1 << size) - (1 << below)
    return min(number, half - 1) * source.choice([1, -1])


@cocotb.test(**TIMEOUT)
async def rounds_every_sum(dut):
    """A new sum in every cycle that advances; the others change nothing."""
    given, source = parameters(), randomness()
    width, number = given.width, given.number
    sums = [draw(source, width, number.fraction) for _ in range(ROWS)]
    latency = ToFloat.latency_of(width)
    stimuli, moved = [], []
    for value in [*sums, *[0] * latency]:
        while source.random() < 0.3:
            noise = source.getrandbits(width)
            stimuli.append({"i": noise, "advance": 0})
        moved.append(len(stimuli))
        stimuli.append({"i": value & (1 << width) - 1, "advance": 1})
    await start(dut)
    trace = await play(dut, stimuli, ["o"])
    got = [trace["o"][moved[row + latency]] for row in range(ROWS)]
    expected = sums_as_floats(sums, given.least_exponent, number)
    compare("o", got, expected.view(f"u{number.width // 8}").tolist())
    # An output holds until the next cycle that advances.
    for cycle, inputs in enumerate(stimuli[:-1]):
        if not inputs["advance"]:
            assert trace["o"][cycle + 1] == trace["o"][cycle]
