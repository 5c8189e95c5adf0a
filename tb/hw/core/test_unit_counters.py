"""UnitCounters: every cycle of every unit has one cause."""

import random

import cocotb

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.core.unit_counters import (
    COUNTERS,
    Cause,
    UnitCounters,
    causes_layout,
    causes_of,
    counter_name,
    counts_layout,
)
from weft.isa.codes import Unit


@on_simulators("width", {"8": 8, "40": 40})
def test_unit_counters(simulate, width):
    simulate([counts_each_cycle_once], UnitCounters, width=width)


def draw(source: random.Random) -> dict[Unit, list[Cause]]:
    """Return the causes of each unit in a cycle."""
    return {unit: [cause for cause in causes_of(unit) if source.random() < 0.15] for unit in Unit}


@cocotb.test(**TIMEOUT)
async def counts_each_cycle_once(dut):
    source, width = randomness(), parameters().width
    await start(dut)
    expected = dict.fromkeys(COUNTERS, 0)
    copied = dict(expected)
    for _ in range(900):
        causes = draw(source)
        running, clear, snapshot = (source.random() < p for p in (0.8, 0.002, 0.1))
        dut.causes.value = pack(
            causes_layout(), **{counter_name(u, c): 1 for u in Unit for c in causes[u]}
        )
        dut.running.value, dut.clear.value, dut.snapshot.value = running, clear, snapshot
        await tick(dut)
        assert unpack(counts_layout(width), read(dut, "counts")) == copied
        if snapshot:
            copied = {name: count % (1 << width) for name, count in expected.items()}
        if clear:
            expected = dict.fromkeys(COUNTERS, 0)
        elif running:
            expected["cycles"] += 1
            for unit in Unit:
                first = next((c for c in causes_of(unit) if c in causes[unit]), Cause.WORKING)
                expected[counter_name(unit, first)] += 1
    for unit in Unit:
        counted = [expected[counter_name(unit, c)] for c in (Cause.WORKING, *causes_of(unit))]
        assert sum(counted) == expected["cycles"]
