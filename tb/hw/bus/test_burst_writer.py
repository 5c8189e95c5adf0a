"""BurstWriter: bursts reach the memory in order, and nothing is owed after a flush."""

import random

import cocotb
import numpy as np

from benches.axi_write_memory import Pace, WriteMemory
from benches.bits import pack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.lines import Line, random_lines
from benches.runner import on_simulators
from weft.bus.burst_queue import burst_layout, word_layout
from weft.bus.burst_writer import BurstWriter
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send

MEMORY = range(0x4000, 0x6000)


@on_simulators("burst_beats,outstanding", {"4": (4, 3), "16": (16, 8)})
def test_burst_writer(simulate, burst_beats, outstanding):
    simulate(
        [writes_bursts, begins_in_time, is_flushed_at_any_time],
        BurstWriter,
        beat_bytes=8,
        address_width=32,
        burst_beats=burst_beats,
        outstanding=outstanding,
    )


class Writer:
    """The writer and its memory."""

    def __init__(self, dut, source: random.Random, pace: Pace):
        self.dut, self.given = dut, parameters()
        self.memory = WriteMemory(
            dut=dut,
            name="port",
            base=MEMORY.start,
            bytes=np.zeros(len(MEMORY), np.uint8),
            address_width=self.given.address_width,
            data_width=8 * self.given.beat_bytes,
            source=source,
            pace=pace,
        )
        self.finished = 0
        self.tasks = [cocotb.start_soon(self.memory.run()), cocotb.start_soon(self._count())]

    async def _count(self) -> None:
        while True:
            await tick(self.dut)
            self.finished += read(self.dut, "finished")
            owed = len(self.memory.bursts) - self.memory.answered
            assert owed <= self.given.outstanding

    def send(self, lines: list[Line]) -> list:
        """Send the bursts of lines and their words; return the tasks."""
        given, size = self.given, self.given.beat_bytes
        sizes = {"beat_bytes": size, "address_width": given.address_width}
        burst = burst_layout(**sizes, burst_beats=given.burst_beats)
        word = word_layout(beat_bytes=size)
        bursts = [
            (pack(burst, **fields),)
            for line in lines
            for fields in line.bursts(size, given.burst_beats)
        ]
        words = [
            (pack(word, data=beat["data"], strobes=beat["strobes"]),)
            for line in lines
            for beat in line.beats(size)
        ]
        streams = (
            (Stream.amaranth(self.dut, n), b) for n, b in (("bursts", bursts), ("words", words))
        )
        return [cocotb.start_soon(send(stream, beats)) for stream, beats in streams]

    async def write(self, lines: list[Line]) -> None:
        """Write lines, and compare the memory."""
        expected, done = self.memory.bytes.copy(), self.finished + sum(x.ends for x in lines)
        for line in lines:
            expected[line.address - MEMORY.start :][: len(line.data)] = list(line.data)
        for task in self.send(lines):
            await task
        while self.finished < done:
            await tick(self.dut)
        assert read(self.dut, "idle") and self.memory.idle
        assert (self.memory.bytes == expected).all()

    def stop(self) -> None:
        for task in self.tasks:
            task.cancel()


@cocotb.test(**TIMEOUT)
async def writes_bursts(dut):
    source = randomness()
    await start(dut)
    for pace in (Pace(), Pace(addresses=0.1, responses=0.5), Pace(beats=0.3, responses=0.05)):
        writer = Writer(dut, source, pace)
        await writer.write(random_lines(source, 25, most=300, memory=MEMORY))
        writer.stop()


@cocotb.test(**TIMEOUT)
async def begins_in_time(dut):
    """An address comes after 1 cycle, its first beat after 2, and then a beat per cycle."""
    await start(dut)
    writer = Writer(dut, randomness(), Pace())
    await tick(dut)
    begun = cycle_now() + 1
    size = writer.given.burst_beats * writer.given.beat_bytes
    count = writer.given.outstanding * size
    await writer.write([Line(address=MEMORY.start, data=bytes(count), ends=True)])
    assert writer.memory.cycles[0] == begun + 1
    beats = writer.memory.beat_cycles
    assert beats == list(range(begun + 2, begun + 2 + count // writer.given.beat_bytes))
    writer.stop()


@cocotb.test(**TIMEOUT)
async def is_flushed_at_any_time(dut):
    """What was announced is sent without strobes; then the writer works as before."""
    source = randomness()
    await start(dut)
    for _ in range(25):
        rates = [source.choice([0.1, 1.0]) for _ in range(3)]
        writer = Writer(dut, source, Pace(addresses=rates[0], beats=rates[1], responses=rates[2]))
        tasks = writer.send(random_lines(source, 10, most=300, memory=MEMORY))
        for _ in range(source.randint(1, 60)):
            await tick(dut)
        for task in tasks:
            task.cancel()
        dut.flush.value = 1
        await tick(dut)
        dut.flush.value = 0
        dut.bursts__valid.value = 0
        dut.words__valid.value = 0
        offered = len(writer.memory.beats) + 1
        await tick(dut)
        # An answer in front of the flush can finish an instruction during it.
        finished = writer.finished
        while not read(dut, "idle"):
            await tick(dut)
        assert writer.memory.idle
        assert writer.finished == finished
        assert not any(strobes for _, strobes in writer.memory.beats[offered:])
        await writer.write(random_lines(source, 3, most=300, memory=MEMORY))
        writer.stop()
