"""LaneReduce: one number for each window, in the exact cycle."""

import cocotb
import numpy as np

from benches.bits import join, pack, to_signed
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from benches.vector_lanes import numbers, play_beats
from weft.vector.lane_reduce import LaneReduce, lane_reduce_layout
from weft_model.core.vector import wrapped

WINDOWS = 150
LEAST = -(1 << 31)


@on_simulators("lanes", {"4 lanes": 4, "1 lane": 1, "2 lanes": 2, "5 lanes": 5})
def test_lane_reduce(simulate, lanes):
    simulate([reduces_windows, forgets_windows_at_reset], LaneReduce, lanes=lanes)


@cocotb.test(**TIMEOUT)
async def reduces_windows(dut):
    """Windows of random lengths, with gaps between beats and any lanes masked."""
    source = np.random.default_rng(randomness().getrandbits(32))
    lanes = parameters().lanes
    layout, latency = lane_reduce_layout(lanes), LaneReduce.latency_of(lanes)
    await start(dut)
    for maximum in (1, 0, 1, 0):
        dut.maximum.value = maximum
        cycles, due = [], {}
        for _ in range(WINDOWS):
            beats = int(source.integers(1, 6))
            values = numbers(source, (beats, lanes))
            valid = source.integers(0, 2, (beats, lanes)) | (source.random() < 0.5)
            kept = values[valid == 1]
            wanted = wrapped(kept.sum()) if not maximum else kept.max(initial=LEAST)
            for beat in range(beats):
                cycles += [None] * int(source.choice([0, 0, 0, 2]))
                fields = {"first": beat == 0, "last": beat == beats - 1}
                fields |= {"valid": join(valid[beat], 1), "values": join(values[beat], 32)}
                cycles.append(pack(layout, **fields))
            due[len(cycles) - 1 + latency] = int(wanted)
        got = await play_beats(dut, source, cycles, latency=latency)
        compare("cycles", list(got), list(due))
        results = [to_signed(bits, 32) for bits in got.values()]
        compare("results", results, list(due.values()))


@cocotb.test(**TIMEOUT)
async def forgets_windows_at_reset(dut):
    await start(dut)
    layout = lane_reduce_layout(parameters().lanes)
    dut.beats__payload.value = pack(layout, first=1, last=1)
    dut.beats__valid.value = 1
    for _ in range(LaneReduce.latency_of(parameters().lanes) - 1):
        await tick(dut)
    dut.beats__valid.value = 0
    dut.rst.value = 1
    for _ in range(10):
        await tick(dut)
        dut.rst.value = 0
        assert not read(dut, "results__valid")
