"""UnitQueue: instructions are offered and permitted in order, in the earliest cycle."""

from collections import deque

import cocotb
from amaranth.hdl import unsigned

from benches.bits import join, pack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.sequencer.ports import count_bits, wait_layout
from weft.sequencer.unit_queue import UnitQueue

CASES = {
    "8 slots": (8, 5, 32767),
    "1 slot": (1, 1, 3),
    "2 slots": (2, 2, 5),
    "5 slots": (5, 3, 255),
}
WIDTH = 9


@on_simulators("slots, units, most", CASES)
def test_unit_queue(simulate, slots, units, most):
    simulate(
        [offers_and_permits_as_early_as_it_can],
        UnitQueue,
        shape=unsigned(WIDTH),
        slots=slots,
        units=units,
        most=most,
    )


@cocotb.test(**TIMEOUT)
async def offers_and_permits_as_early_as_it_can(dut):
    """Checks all outputs in every cycle, with counts that grow at random, and after `clear`."""
    known, source = parameters(), randomness()
    slots, units, most = known.slots, known.units, known.most
    layout = wait_layout(most)
    await start(dut)
    for likely in (0.9, 0.3, 0.6, 0.9):
        counts = [0] * units
        # Instructions that have not been taken: the cycle of their offer, and their fields. Those
        # that have not started: the cycle in which their waits are known, and the waits.
        untaken: deque[tuple[int, int]] = deque()
        unstarted: deque[tuple[int, list[tuple[int, int]]]] = deque()
        unfinished, last_take, last_start, met_before = 0, -1, -2, False
        for cycle in range(400):
            fields = source.getrandbits(WIDTH)
            waits = [
                (source.getrandbits(1), min(most - 1, counts[unit] + source.randrange(3)))
                for unit in range(units)
            ]
            dispatches = unfinished < slots and source.random() < likely
            offers = bool(untaken) and cycle >= max(untaken[0][0], last_take + 1)
            permits = met_before
            takes = source.random() < likely
            taken = len(untaken) < len(unstarted) or (offers and takes)
            starts = permits and taken and source.random() < likely
            started = unfinished - len(unstarted)
            finishes = started > 0 and source.random() < likely
            dut.dispatches.value = int(dispatches)
            dut.fields.value = fields
            dut.waits.value = join(
                (pack(layout, waits=waiting, number=number) for waiting, number in waits),
                layout.size,
            )
            dut.finished.value = join(counts, count_bits(most))
            dut.port__instructions__ready.value = int(takes)
            dut.port__starts.value = int(starts)
            dut.port__finishes.value = int(finishes)
            await tick(dut)
            expected = {
                "free": int(unfinished < slots),
                "port__may_start": int(permits),
                "port__instructions__valid": int(offers),
            }
            # The waits of the first one that has not started are known, and are not met.
            expected["waiting"] = 0
            if unstarted and cycle >= max(unstarted[0][0], last_start + 1):
                expected["waiting"] = sum(
                    1 << unit
                    for unit, (waiting, number) in enumerate(unstarted[0][1])
                    if waiting and number >= counts[unit]
                )
            if offers:
                expected["port__instructions__payload"] = untaken[0][1]
            for name, wanted in expected.items():
                got = read(dut, name)
                assert got == wanted, f"{name}, cycle {cycle}: got {got}, expected {wanted}"
            if offers and takes:
                untaken.popleft()
                last_take = cycle
            # The waits of the first one that has not started, if they are known in this cycle.
            met_before = False
            if unstarted and not starts:
                since, needed = unstarted[0]
                met = all(not w or counts[unit] > number for unit, (w, number) in enumerate(needed))
                met_before = met and cycle >= max(since, last_start + 1)
            if starts:
                unstarted.popleft()
                last_start = cycle
            if dispatches:
                untaken.append((cycle + UnitQueue.offer_latency, fields))
                unstarted.append((cycle + UnitQueue.permit_latency - 1, waits))
            unfinished += dispatches - finishes
            counts = [min(most, count + (source.random() < 0.2)) for count in counts]
        for name in ("dispatches", "port__starts", "port__finishes"):
            getattr(dut, name).value = 0
        dut.clear.value = 1
        await tick(dut)
        dut.clear.value = 0
