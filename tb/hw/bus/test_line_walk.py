"""LineWalk: lines in order, and none outside of its region."""

import random

import cocotb
import numpy as np

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, reset, start, tick
from benches.memory_regions import RandomRegions
from benches.runner import on_simulators
from weft.bus.line_walk import LineWalk, lines_layout
from weft.bus.region_check import line_layout
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

ADDRESS, TAG = 40, 3


@on_simulators("permission", {"reads": "readable", "writes": "writable"})
def test_line_walk(simulate, permission):
    simulate(
        [visits_lines_in_order, gives_a_line_per_cycle, stops_at_a_line_outside_of_its_region],
        LineWalk,
        address_width=ADDRESS,
        tag_width=TAG,
        permission=permission,
    )


class Bench:
    """A walk over random regions, and the lines that it gives."""

    def __init__(self, dut, source: random.Random):
        self.dut, self.source = dut, source
        self.regions = RandomRegions(source, address_width=ADDRESS)
        dut.regions.value = self.regions.bits
        self.seen: list[dict[str, int]] = []
        self.cycles: list[int] = []
        self.task = cocotb.start_soon(watch(Stream.amaranth(dut, "lines"), self._see))

    def _see(self, payload) -> None:
        layout = line_layout(address_width=ADDRESS, tag_width=1 + TAG)
        self.seen.append(unpack(layout, payload[0]))
        self.cycles.append(cycle_now())

    def walk(self, region: int | None = None) -> dict[str, int]:
        """Return a walk whose lines are in their region; they may overlap or go backwards."""
        source = self.source
        if region is None:
            region = source.choice(self.regions.permitted(parameters().permission))
        size = self.regions.sizes[region]
        counts = [source.choice([1, 1, 2, 5]) for _ in range(2)]
        length = source.choice([1, source.randint(1, 200)])
        reach = [source.randint(0, (size - length) // 3) for _ in range(2)]
        pitches = [
            source.choice([-1, 1]) * (far // max(1, count - 1))
            for far, count in zip(reach, counts, strict=True)
        ]
        ends = [pitch * (count - 1) for pitch, count in zip(pitches, counts, strict=True)]
        low = sum(min(0, end) for end in ends)
        high = sum(max(0, end) for end in ends) + length
        offset = source.choice([-low, size - high, source.randint(-low, size - high)])
        return dict(
            offset=offset,
            region=region,
            groups=counts[0],
            lines=counts[1],
            bytes=length,
            group_pitch=pitches[0],
            line_pitch=pitches[1],
            tag=source.randrange(1 << TAG),
        )

    def offsets(self, walk) -> np.ndarray:
        groups = np.arange(walk["groups"])[:, np.newaxis] * walk["group_pitch"]
        return (walk["offset"] + groups + np.arange(walk["lines"]) * walk["line_pitch"]).ravel()

    def expected(self, walk) -> list[dict[str, int]]:
        offsets = self.offsets(walk)
        return [
            dict(
                address=int(self.regions.bases[walk["region"]] + offset),
                bytes=walk["bytes"],
                tag=walk["tag"] << 1 | (number == len(offsets) - 1),
            )
            for number, offset in enumerate(offsets)
        ]

    def start(self, walks, gaps=None):
        layout = lines_layout(TAG)
        beats = [(pack(layout, **walk),) for walk in walks]
        return cocotb.start_soon(send(Stream.amaranth(self.dut, "walks"), beats, gaps))

    async def compare(self, walks, gaps=None) -> None:
        expected = [line for walk in walks for line in self.expected(walk)]
        sending = self.start(walks, gaps)
        while len(self.seen) < len(expected):
            await tick(self.dut)
            assert not read(self.dut, "error")
        await sending
        assert self.seen == expected


@cocotb.test(**TIMEOUT)
async def visits_lines_in_order(dut):
    """Random walks inside of random regions, some at the ends of these."""
    source = randomness()
    await start(dut)
    for late, ready in ((0.5, 1.0), (0.0, 0.5), (0.2, 0.2)):
        bench = Bench(dut, source)
        taking = cocotb.start_soon(
            throttle(Stream.amaranth(dut, "lines"), random_bools(source, ready))
        )
        await bench.compare([bench.walk() for _ in range(60)], random_gaps(source, late, 9))
        taking.cancel()
        bench.task.cancel()


@cocotb.test(**TIMEOUT)
async def gives_a_line_per_cycle(dut):
    """The first line comes after `latency` cycles, then one per cycle, also across walks."""
    await start(dut)
    bench = Bench(dut, randomness())
    dut.lines__ready.value = 1
    begun = cycle_now() + 1
    await bench.compare([bench.walk() for _ in range(40)])
    assert bench.cycles == [begun + LineWalk.latency + line for line in range(len(bench.seen))]


@cocotb.test(**TIMEOUT)
async def stops_at_a_line_outside_of_its_region(dut):
    """A byte too far at either end, or no permission: no such line comes, nor a later one."""
    source = randomness()
    permission = parameters().permission
    await start(dut)
    dut.lines__ready.value = 1
    for case in range(60):
        bench = Bench(dut, source)
        walks = [bench.walk() for _ in range(source.randrange(3))]
        permitted = bench.regions.permitted(permission)
        bad = bench.walk()
        size = bench.regions.sizes[bad["region"]]
        if case % 4 == 0:
            others = [region for region in range(8) if region not in permitted]
            bad["region"] = source.choice(others)
        elif case % 4 == 1:
            bad["offset"] += size - max(bench.offsets(bad)) - bad["bytes"] + 1
        elif case % 4 == 2:
            # The last line is in front of the region.
            bad |= dict(groups=1, lines=2, line_pitch=-bad["offset"] - 1)
        else:
            # Far outside, where fewer bits would be inside again.
            bad |= dict(groups=1, lines=2, line_pitch=source.choice([-(1 << 31), (1 << 31) - 1]))
        good = [line for walk in walks for line in bench.expected(walk)]
        sending = bench.start([*walks, bad, *walks])
        for _ in range(200):
            await tick(dut)
        assert read(dut, "error")
        legal = [
            line
            for offset, line in zip(bench.offsets(bad), bench.expected(bad), strict=True)
            if offset >= 0 and offset + bad["bytes"] <= size and bad["region"] in permitted
        ]
        # Lines are legal up to the first that is not.
        assert bench.seen == [*good, *legal][: len(bench.seen)]
        assert len(bench.seen) >= len(good)
        assert len(bench.seen) < len(good) + bad["groups"] * bad["lines"]
        sending.cancel()
        bench.task.cancel()
        dut.walks__valid.value = 0
        await reset(dut)
