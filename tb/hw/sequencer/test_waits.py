"""Waits: every wait names the instruction that must have finished, however many have before."""

import random

import cocotb

from benches.bits import join, split, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.sequencer.ports import count_bits, wait_layout
from weft.sequencer.waits import Waits

CASES = {
    "5 units": (5, 8, 32767),
    "2 units, counts of 2 bits": (2, 3, 3),
    "1 unit": (1, 1, 1),
    "3 units, 10 instructions": (3, 4, 10),
}
CYCLES = 3000


@on_simulators("units, wait_width, most", CASES)
def test_waits(simulate, units, wait_width, most):
    simulate(
        [numbers_what_must_have_finished], Waits, units=units, wait_width=wait_width, most=most
    )


def wait_of(given: int, wait: int) -> tuple[int, int | None]:
    """Return whether there is something to wait for, and the number of the instruction.

    Tries how many must have finished until at most `wait` - 1 of those given are unfinished.
    """
    if not wait:
        return 0, None
    needed = next(done for done in range(given + 1) if given - done <= wait - 1)
    return int(needed > 0), needed - 1 if needed else None


@cocotb.test(**TIMEOUT)
async def numbers_what_must_have_finished(dut):
    """Checks all outputs in every cycle, with counts up to the greatest one."""
    known, source = parameters(), randomness()
    units, most = known.units, known.most
    given, finished, total = [0] * units, [0] * units, 0
    reached = 0
    await start(dut)
    for cycle in range(CYCLES):
        idle = given == finished
        clear = source.random() < 0.02 if total < most else idle and source.random() < 0.5
        dispatched = draw_dispatch(source, units) if total < most and not clear else None
        finishes = [
            int(done < count and source.random() < 0.3)
            for done, count in zip(finished, given, strict=True)
        ]
        waits = [
            source.choice([0, 1, 2, source.randrange(1 << known.wait_width)])
            & ((1 << known.wait_width) - 1)
            for _ in range(units)
        ]
        dut.dispatches.value = 0 if dispatched is None else 1 << dispatched
        dut.finishes.value = join(finishes, 1)
        dut.clear.value = int(clear)
        dut.waits.value = join(waits, known.wait_width)
        await tick(dut)
        assert read(dut, "idle") == idle, f"idle, cycle {cycle}"
        assert split(read(dut, "finished"), count_bits(most), units) == finished, f"cycle {cycle}"
        layout = wait_layout(most)
        for unit, bits in enumerate(split(read(dut, "waited"), layout.size, units)):
            got = unpack(layout, bits)
            waiting, number = wait_of(given[unit], waits[unit])
            expected = {"waits": waiting, "number": got["number"] if number is None else number}
            assert got == expected, f"unit {unit}, cycle {cycle}: got {got}, expected {expected}"
        if dispatched is not None:
            given[dispatched] += 1
            total += 1
        finished = [done + ends for done, ends in zip(finished, finishes, strict=True)]
        reached = max(reached, total)
        if clear:
            given, finished, total = [0] * units, [0] * units, 0
    assert reached == min(most, reached) and (most > CYCLES or reached == most)


def draw_dispatch(source: random.Random, units: int) -> int | None:
    """Return a unit that is given an instruction; None in some cycles."""
    return source.randrange(units) if source.random() < 0.7 else None
