"""CycleCounters: each activity has its own counter, and all of them add up to `total`."""

import cocotb
import pytest

from benches.bits import split
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, read, start, tick
from benches.runner import chosen_simulators, on_simulators
from weft.matrix.counters import CycleCounters
from weft.matrix.layouts import COUNTER_WIDTH, Activity, counter_layout

NAMES = [name for name, _ in counter_layout()]


@on_simulators("never", {"all": (), "exact sums": (Activity.WAITING_FOR_SUM,)})
def test_counters(simulate, never):
    simulate([counts_each_activity, works_as_new_after_reset], CycleCounters, never=never)


# This bench writes registers, and a simulation with Verilator gives access to ports only.
@pytest.mark.parametrize("simulator", {"icarus"} & {*chosen_simulators()}, indirect=True)
def test_every_bit(simulate):
    simulate([carries_into_every_bit], CycleCounters, never=())


def test_every_activity_has_a_counter():
    assert sorted(NAMES) == sorted(["total", *(activity.name.lower() for activity in Activity)])


@cocotb.test(**TIMEOUT)
async def counts_each_activity(dut):
    """Counts two cycles late, compared with a count in Python; activities last 1 to 600 cycles."""
    source = randomness()
    possible = [activity for activity in Activity if activity not in parameters().never]
    activities = [activity for activity in possible for _ in range(600)]
    while len(activities) < 5600:
        activities += [source.choice(possible)] * source.choice([1, 1, 2, 50])
    await check_counts(dut, activities, [0] * len(activities))


@cocotb.test(**TIMEOUT)
async def works_as_new_after_reset(dut):
    source = randomness()
    possible = [activity for activity in Activity if activity not in parameters().never]
    activities = [source.choice(possible) for _ in range(500)]
    await check_counts(dut, activities, [int(source.random() < 0.02) for _ in activities])


@cocotb.test(**TIMEOUT)
async def carries_into_every_bit(dut):
    """Starts before each carry and at random numbers; all counters wrap at the same number."""
    source = randomness()
    await start(dut)
    limit = 1 << COUNTER_WIDTH
    never = [activity.name.lower() for activity in parameters().never]
    names = [name for name in NAMES if name not in never]
    for activity in (activity for activity in Activity if activity not in parameters().never):
        carries = [(1 << bit) - 1 for bit in range(1, COUNTER_WIDTH + 1)]
        for number in [*carries, *(source.randrange(limit) for _ in range(8))]:
            # Two edges bring the activity to the counter, the third counts it.
            dut.activity.value = activity.value
            await tick(dut)
            await tick(dut)
            before = {name: (number + source.randrange(2)) % limit for name in names}
            for name, value in before.items():
                getattr(dut, f"counters_{name}").value = value
            await tick(dut)
            await tick(dut)
            counters = split(read(dut, "counters"), COUNTER_WIDTH, len(NAMES))
            got = dict(zip(NAMES, counters, strict=True))
            for name in ("total", activity.name.lower()):
                before[name] = (before[name] + 1) % limit
            before |= dict.fromkeys(never, 0)
            assert got == before, f"{activity.name} after {number:#x}: {got}, expected {before}"


async def check_counts(dut, activities, resets):
    await start(dut)
    stimuli = [
        {"activity": activity.value, "rst": reset}
        for activity, reset in zip(activities, resets, strict=True)
    ]
    trace = await play(dut, [{"activity": 0, "rst": 1}, *stimuli], ["counters"])
    got = [split(counters, COUNTER_WIDTH, len(NAMES)) for counters in trace["counters"][1:]]

    counts = dict.fromkeys(NAMES, 0)
    expected = []
    spent = Activity.IDLE
    for activity, reset in zip(activities, resets, strict=True):
        expected.append(list(counts.values()))
        counts["total"] += 1
        counts[spent.name.lower()] += 1
        spent = activity
        if reset:
            counts, spent = dict.fromkeys(NAMES, 0), Activity.IDLE
    compare(f"counters {NAMES}", got, expected)
    for cycle, (total, *parts) in enumerate(got):
        assert total == sum(parts), f"cycle {cycle}: total {total}, the parts make {sum(parts)}"
