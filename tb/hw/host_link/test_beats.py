"""BeatAssembler and BeatSplitter: every byte at its position, no beat lost, none withdrawn."""

import cocotb

from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.host_link.beats import BeatAssembler, BeatSplitter
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

SIZES = {"5": 5, "1": 1, "17": 17}


@on_simulators("size", SIZES)
def test_beat_assembler(simulate, size):
    simulate([assembles_beats_under_any_ready], BeatAssembler, size=size)


@on_simulators("size", SIZES)
def test_beat_splitter(simulate, size):
    simulate([splits_beats_at_any_pace], BeatSplitter, size=size)


@cocotb.test(**TIMEOUT)
async def assembles_beats_under_any_ready(dut):
    """`room` is high only while no beat waits; a beat holds until it is taken, despite noise."""
    size = parameters().size
    source = randomness()
    await start(dut)
    taken: list[bytes] = []
    stream = Stream.amaranth(dut, "o")
    watching = watch(stream, lambda payload: taken.append(payload[0].to_bytes(size, "little")))
    cocotb.start_soon(watching)
    beats = [source.randbytes(size) for _ in range(60)]
    for turn, beat in enumerate(beats):
        if turn % 20 == 0:
            cocotb.start_soon(
                throttle(stream, random_bools(source, source.choice([0.1, 0.5, 1.0])))
            )
        while not read(dut, "bytes__room"):
            await tick(dut)
        for place, byte in enumerate(beat):
            for _ in range(source.choice([0, 0, 2])):
                dut.bytes__write.value = 0
                dut.bytes__byte.value = source.randrange(256)
                await tick(dut)
            dut.bytes__write.value = 1
            dut.bytes__byte.value = byte
            dut.bytes__last.value = int(place == size - 1)
            await tick(dut)
        dut.bytes__write.value = 0
        await tick(dut)
    for _ in range(200):
        await tick(dut)
    assert taken == beats


@cocotb.test(**TIMEOUT)
async def splits_beats_at_any_pace(dut):
    """A byte holds until it is taken; `available` is high only while there is a whole beat."""
    size = parameters().size
    source = randomness()
    await start(dut)
    beats = [source.randbytes(size) for _ in range(60)]
    numbers = [(int.from_bytes(beat, "little"),) for beat in beats]
    cocotb.start_soon(send(Stream.amaranth(dut, "i"), numbers, random_gaps(source, 0.3, 30)))
    for beat in beats:
        while not read(dut, "bytes__available"):
            await tick(dut)
        got = bytearray()
        for place in range(size):
            for _ in range(source.choice([0, 0, 3])):
                await tick(dut)
            await tick(dut)
            got.append(read(dut, "bytes__byte"))
            dut.bytes__take.value = 1
            dut.bytes__last.value = int(place == size - 1)
            await tick(dut)
            dut.bytes__take.value = 0
        await tick(dut)
        assert bytes(got) == beat
