"""LoopNest: the loops advance and end as nested loops do."""

import itertools

import cocotb

from benches.bits import pack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.buffer.loop_nest import LoopNest
from weft_sim.stalls import random_bools

NESTS = {"3 loops": (2, 3, 4), "1 loop": (3,), "6 loops": (2, 2, 2, 2, 1, 2)}


@on_simulators("widths", NESTS)
def test_loop_nest(simulate, widths):
    simulate([counts_as_nested_loops], LoopNest, widths=widths)


@cocotb.test(**TIMEOUT)
async def counts_as_nested_loops(dut):
    """Nests of random counts, with pauses; some begin again in the middle of the one before."""
    widths, source = parameters().widths, randomness()
    layout = LoopNest(widths=widths).counts.shape()
    steps = random_bools(source, 0.7)
    await start(dut)
    for _ in range(40):
        counts = [source.choice([1, 2, 3, (1 << width) - 1]) for width in widths]
        counts = [min(count, (1 << width) - 1) for count, width in zip(counts, widths, strict=True)]
        dut.start.value, dut.step.value = 1, int(next(steps))
        dut.counts.value = pack(layout, **{str(n): count for n, count in enumerate(counts)})
        await tick(dut)
        dut.start.value, dut.counts.value = 0, 0
        iterations = list(itertools.product(*map(range, counts)))
        for number in range(
            source.choice([len(iterations), source.randrange(len(iterations) + 1)])
        ):
            here, after = iterations[number], [*iterations[number + 1 :], None][0]
            await wait(dut, steps)
            lasts = sum(
                (i == n - 1) << loop for loop, (i, n) in enumerate(zip(here, counts, strict=False))
            )
            # The outermost loop that changes is the one that goes on.
            changed = [loop for loop, i in enumerate(here) if after and after[loop] != i]
            advances = 1 << changed[0] if changed else 0
            assert (read(dut, "lasts"), read(dut, "advances")) == (lasts, advances), here


async def wait(dut, steps):
    """Wait for the next step; nothing may change before."""
    seen = []
    while True:
        dut.step.value = step = int(next(steps))
        await tick(dut)
        seen.append((read(dut, "lasts"), read(dut, "advances")))
        assert seen[-1] == seen[0]
        if step:
            return
