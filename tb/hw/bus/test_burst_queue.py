"""BurstQueue: bursts are cut at the right beats, and offered when their beats are there."""

import cocotb

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.lines import Line, random_lines
from benches.runner import on_simulators
from weft.bus.burst_queue import BurstQueue, burst_layout, word_layout
from weft.bus.line_packer import beat_layout
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_bools, random_gaps


@on_simulators("burst_beats", {"4": 4, "16": 16, "1": 1})
def test_burst_queue(simulate, burst_beats):
    simulate(
        [cuts_bursts, takes_a_beat_per_cycle],
        BurstQueue,
        beat_bytes=4,
        address_width=20,
        burst_beats=burst_beats,
        places=2 * burst_beats,
    )


async def take(dut, lines: list[Line], ready) -> list[int]:
    """Take the bursts and their words, and compare them; return the cycles of the bursts."""
    given = parameters()
    burst_fields = burst_layout(
        beat_bytes=given.beat_bytes,
        address_width=given.address_width,
        burst_beats=given.burst_beats,
    )
    words = [beat for line in lines for beat in line.beats(given.beat_bytes)]
    cycles = []
    for line in lines:
        for expected in line.bursts(given.beat_bytes, given.burst_beats):
            dut.bursts__ready.value = 1
            await tick(dut)
            while not read(dut, "bursts__valid"):
                await tick(dut)
            dut.bursts__ready.value = 0
            cycles.append(cycle_now())
            assert unpack(burst_fields, read(dut, "bursts__payload")) == expected
            for _ in range(expected["length"] + 1):
                taken = False
                while not taken:
                    taken = next(ready)
                    dut.words__ready.value = int(taken)
                    await tick(dut)
                    assert read(dut, "words__valid"), "a word of a burst is missing"
                word = unpack(word_layout(beat_bytes=given.beat_bytes), read(dut, "words__payload"))
                beat = words.pop(0)
                assert word == {name: beat[name] for name in ("data", "strobes")}
                dut.words__ready.value = 0
    assert not words
    return cycles


def beats_of(lines: list[Line]) -> list[tuple[int]]:
    given = parameters()
    layout = beat_layout(beat_bytes=given.beat_bytes, address_width=given.address_width)
    return [(pack(layout, **b),) for line in lines for b in line.beats(given.beat_bytes)]


@cocotb.test(**TIMEOUT)
async def cuts_bursts(dut):
    source = randomness()
    await start(dut)
    for late, taken in ((0.0, 1.0), (0.4, 1.0), (0.0, 0.3)):
        lines = random_lines(source, 40, most=200)
        stream = Stream.amaranth(dut, "beats")
        sending = cocotb.start_soon(send(stream, beats_of(lines), random_gaps(source, late, 4)))
        await take(dut, lines, random_bools(source, taken))
        await sending


@cocotb.test(**TIMEOUT)
async def takes_a_beat_per_cycle(dut):
    """The burst of one beat is there after `latency` cycles; all places can be filled."""
    await start(dut)
    given = parameters()
    taking = cocotb.start_soon(take(dut, [Line(address=8, data=b"1", ends=False)], iter([1])))
    await tick(dut)
    begun = cycle_now() + 1
    await send(Stream.amaranth(dut, "beats"), beats_of([Line(address=8, data=b"1", ends=False)]))
    assert (await taking) == [begun + BurstQueue.latency]

    line = Line(address=0, data=bytes(given.places * given.beat_bytes), ends=True)
    begun = cycle_now()
    await send(Stream.amaranth(dut, "beats"), beats_of([line]))
    assert cycle_now() == begun + given.places
