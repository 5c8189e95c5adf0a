"""RoundingShift: quotients by all powers of two, with halves up or to even, and limits."""

from fractions import Fraction
from math import floor

import cocotb

from benches.bits import to_signed
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.vector.rounding_shift import RoundingShift

ROWS = 8000


@on_simulators("input_width, width", {"64 bits": (64, 33), "12 bits": (12, 7), "5 bits": (5, 4)})
def test_rounding_shift(simulate, input_width, width):
    simulate([shifts_and_rounds], RoundingShift, input_width=input_width, width=width)


def quotient(number: int, shift: int, to_even: int, width: int) -> int:
    exact = Fraction(number, 1 << shift)
    limit = 1 << (width - 1)
    rounded = round(exact) if to_even else floor(exact + Fraction(1, 2))
    return min(max(rounded, -limit), limit)


@cocotb.test(**TIMEOUT)
async def shifts_and_rounds(dut):
    """Numbers of all lengths; many are a half, or next to one, or next to a limit."""
    given, source = parameters(), randomness()
    most = (1 << (given.input_width - 1)) - 1
    rows = []
    for _ in range(ROWS):
        shift = source.randrange(64)
        number = source.randint(-most - 1, most) >> source.randrange(given.input_width)
        if source.random() < 0.5 and 0 < shift < given.input_width:
            number = (number >> shift << shift) + (1 << (shift - 1)) + source.choice([-1, 0, 1])
        if source.random() < 0.2:
            limit = source.choice([-1, 1]) << (given.width - 1) << shift
            number = limit + source.choice([-2, -1, 0, 1, 2])
        number = min(max(number, -most - 1), most)
        rows.append((number, shift, source.getrandbits(1)))
    await start(dut)
    mask = (1 << given.input_width) - 1
    stimuli = [
        {"i": number & mask, "shift": shift, "to_even": even}
        for number, shift, even in rows + rows[:1] * RoundingShift.latency
    ]
    trace = await play(dut, stimuli, ["o"])
    got = [to_signed(bits, given.width + 1) for bits in trace["o"][RoundingShift.latency :]]
    compare("quotients", got, [quotient(*row, given.width) for row in rows])
