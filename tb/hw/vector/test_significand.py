"""RoundedSignificand and WholeSignificand: every number of few bits, and wide ones at ties."""

import random
from fractions import Fraction

import cocotb

from benches.bits import to_signed
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.vector.significand import RoundedSignificand, WholeSignificand

ROWS = 3000
WIDTHS = {"32 bits": (32, 24), "57 bits": (57, 24), "9 bits": (9, 3), "8 bits": (8, 6)}


@on_simulators("width, digits", WIDTHS)
def test_rounded_significand(simulate, width, digits):
    simulate([rounds_to_even], RoundedSignificand, width=width, digits=digits)


@on_simulators("width, digits", {"57 bits": (57, 24)})
def test_whole_significand(simulate, width, digits):
    simulate([keeps_every_number], WholeSignificand, width=width, digits=digits)


def draw(source: random.Random, width: int, digits: int) -> int:
    """Return a number of any length, often a tie or its neighbour."""
    length = source.randint(1, width - 1)
    number = source.getrandbits(length)
    if source.random() < 0.5 and length > digits:
        low = length - digits
        number = (number >> low << low) + (1 << (low - 1)) + source.choice([-1, 0, 1])
    return source.choice([number, -number - 1, -number])


def rounded(number: int, digits: int) -> int:
    """Return the nearest number of `digits` significant bits, ties to even."""
    low = max(0, abs(number).bit_length() - digits)
    # Python rounds a fraction to the nearest integer, ties to even.
    return round(Fraction(number, 1 << low)) << low


def numbers() -> list[int]:
    given, source = parameters(), randomness()
    if given.width < 10:
        return list(range(-(1 << (given.width - 1)), 1 << (given.width - 1)))
    most = (1 << (given.width - 1)) - 1
    return [most, -most, -most - 1, *(draw(source, given.width, given.digits) for _ in range(ROWS))]


async def results(dut, given: list[int], rounds: int) -> list[int]:
    width, late = parameters().width, RoundedSignificand.latency
    stimuli = [{"i": n & ((1 << width) - 1), "round": rounds} for n in given + given[:1] * late]
    trace = await play(dut, stimuli, ["o"])
    return [to_signed(bits, width + 1) for bits in trace["o"][late:]]


@cocotb.test(**TIMEOUT)
async def rounds_to_even(dut):
    """A new number in every cycle, rounded and then not."""
    await start(dut)
    given = numbers()
    compare(
        "rounded", await results(dut, given, 1), [rounded(n, parameters().digits) for n in given]
    )
    compare("not rounded", await results(dut, given, 0), given)


@cocotb.test(**TIMEOUT)
async def keeps_every_number(dut):
    await start(dut)
    given = numbers()
    for rounds in (0, 1):
        compare("kept", await results(dut, given, rounds), given)
