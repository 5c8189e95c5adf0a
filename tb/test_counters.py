"""CycleCounters: each activity is counted in its own counter, and all of them in `total`."""

import cocotb

from bench import TIMEOUT, compare, play, randomness, split, start
from weft.counters import CycleCounters
from weft.layouts import COUNTER_WIDTH, Activity, counter_layout

NAMES = [name for name, _ in counter_layout()]


def test_counters(simulate):
    simulate([counts_each_activity, starts_anew_after_reset], CycleCounters)


def test_every_activity_has_a_counter():
    assert sorted(NAMES) == sorted(["total", *(activity.name.lower() for activity in Activity)])


@cocotb.test(**TIMEOUT)
async def counts_each_activity(dut):
    """Two cycles later, against a count in Python, through very long, long and short stays."""
    source = randomness()
    activities = [activity for activity in Activity for _ in range(600)]
    while len(activities) < 5600:
        activities += [source.choice(list(Activity))] * source.choice([1, 1, 2, 50])
    await check_counts(dut, activities, [0] * len(activities))


@cocotb.test(**TIMEOUT)
async def starts_anew_after_reset(dut):
    source = randomness()
    activities = [source.choice(list(Activity)) for _ in range(500)]
    await check_counts(dut, activities, [int(source.random() < 0.02) for _ in activities])


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
