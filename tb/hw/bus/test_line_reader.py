"""LineReader: lines of any place and length become rows, as fast as the beats come."""

import random

import cocotb
import numpy as np

from benches.axi_memory import MOST_BEATS, AxiMemory, random_memory
from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, reset, start, tick
from benches.runner import on_simulators
from weft.bus.burst_splitter import BurstSplitter
from weft.bus.line_reader import LineReader, filled_line_layout
from weft.bus.row_aligner import row_layout
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

ADDRESS, TAG, ROOM = 40, 5, 40
BASE = (1 << 33) + 4096
# Bits of a beat, and bytes of a row.
READERS = {
    "rows of 16 in beats of 16": (128, 16),
    "rows of 4 in beats of 16": (128, 4),
    "rows of 16 in beats of 4": (32, 16),
    "rows of 12 in beats of 8": (64, 12),
    "rows of 12 in beats of 16": (128, 12),
    "rows of 8 in beats of 128": (1024, 8),
    "rows of 256 in beats of 32": (256, 256),
}


@on_simulators("data_width, row_bytes", READERS, verilator=2)
def test_line_reader(simulate, data_width, row_bytes):
    simulate(
        [
            reads_lines_of_any_place_and_length,
            takes_a_beat_or_a_row_per_cycle,
            reads_lines_of_a_row_without_pause,
            comes_after_its_latency,
            stops_at_an_error,
            forgets_everything_at_reset,
        ],
        LineReader,
        address_width=ADDRESS,
        data_width=data_width,
        row_bytes=row_bytes,
        tag_width=TAG,
        room=ROOM,
    )


class Bench:
    """A reader of a random image, the lines that it is given, and the rows that come."""

    def __init__(self, dut, source: random.Random, size: int = 30_000):
        given = parameters()
        self.dut, self.source = dut, source
        self.row_bytes, self.data_width = given.row_bytes, given.data_width
        self.layout = row_layout(row_bytes=given.row_bytes, tag_width=TAG)
        self.image = np.random.default_rng(source.getrandbits(32)).integers(0, 256, size, np.uint8)
        self.sizes = dict(data_width=given.data_width, address_width=ADDRESS, base=BASE)
        self.rows: list[dict[str, int]] = []
        self.cycles: list[int] = []
        self.tasks: list = []

    def begin(self, memory: AxiMemory, ready=None) -> AxiMemory:
        """Connect a memory, and take the rows."""
        self.tasks = [
            cocotb.start_soon(memory.serve()),
            cocotb.start_soon(watch(Stream.amaranth(self.dut, "rows"), self._see)),
            cocotb.start_soon(
                throttle(Stream.amaranth(self.dut, "rows"), ready or random_bools(self.source, 1.0))
            ),
        ]
        return memory

    def _see(self, payload) -> None:
        self.rows.append(unpack(self.layout, payload[0]))
        self.cycles.append(cycle_now())

    def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.rows.clear()
        self.cycles.clear()

    def line(self, start: int, size: int) -> dict[str, int]:
        """Return a line of the image, with a random fill and tag."""
        return dict(
            address=BASE + start,
            bytes=size,
            fill=self.source.randrange(256),
            tag=self.source.randrange(1 << TAG),
        )

    def any_line(self) -> dict[str, int]:
        size = self.source.choice(
            [1, self.source.randint(1, 40), self.row_bytes, self.source.randint(1, 700)]
        )
        start = self.source.randint(0, len(self.image) - size)
        if self.source.random() < 0.2:
            start -= start % self.row_bytes
        return self.line(start, size)

    def expected(self, lines) -> list[dict[str, int]]:
        """Return the rows of lines."""
        rows = []
        for line in lines:
            start = line["address"] - BASE
            data = self.image[start : start + line["bytes"]].tobytes()
            for at in range(0, len(data), self.row_bytes):
                part = data[at : at + self.row_bytes]
                whole = part + bytes([line["fill"]]) * (self.row_bytes - len(part))
                last = at + self.row_bytes >= len(data)
                rows.append(
                    dict(
                        data=int.from_bytes(whole, "little"),
                        bytes=len(part),
                        last=int(last),
                        tag=line["tag"],
                    )
                )
        return rows

    async def read(self, lines, gaps=None) -> None:
        """Read lines, and compare their rows."""
        layout = filled_line_layout(address_width=ADDRESS, tag_width=TAG)
        expected = self.expected(lines)
        beats = [(pack(layout, **line),) for line in lines]
        sending = cocotb.start_soon(send(Stream.amaranth(self.dut, "lines"), beats, gaps))
        self.tasks.append(sending)
        while len(self.rows) < len(expected):
            await tick(self.dut)
            assert not read(self.dut, "error")
        await sending
        for number, (seen, wanted) in enumerate(zip(self.rows, expected, strict=True)):
            assert seen == wanted, f"row {number}: got {seen}, expected {wanted}"


@cocotb.test(**TIMEOUT)
async def reads_lines_of_any_place_and_length(dut):
    """Memories of all kinds, lines that come late, and rows that wait."""
    source = randomness()
    await start(dut)
    bench = Bench(dut, source)
    for late, ready in ((0.0, 1.0), (0.3, 0.5), (0.0, 0.1), (0.0, 1.0), (0.0, 0.8)):
        memory = random_memory(dut, "memory", bench.image, source, **bench.sizes)
        bench.begin(memory, random_bools(source, ready))
        await bench.read([bench.any_line() for _ in range(40)], random_gaps(source, late, 30))
        assert memory.is_idle
        bench.end()


@cocotb.test(**TIMEOUT)
async def takes_a_beat_or_a_row_per_cycle(dut):
    """A long line at any place comes without pause, from the slowest memory for the room."""
    await start(dut)
    bench = Bench(dut, randomness())
    beat = bench.data_width // 8
    latency = ROOM - MOST_BEATS - LineReader.extra_room
    memory = bench.begin(AxiMemory(dut, "memory", bench.image, latency=latency, **bench.sizes))
    rows = 200 if bench.row_bytes < 100 else 30
    await bench.read([bench.line(bench.source.randrange(100), rows * bench.row_bytes)])
    # Chunks of a row.
    interval = -(-bench.row_bytes // min(beat, bench.row_bytes))
    assert bench.cycles == [bench.cycles[0] + interval * row for row in range(rows)]
    if bench.row_bytes >= beat and bench.row_bytes % beat == 0:
        cycles = [cycle for cycle, _ in memory.beats]
        assert cycles == list(range(cycles[0], cycles[0] + len(cycles)))


@cocotb.test(**TIMEOUT)
async def reads_lines_of_a_row_without_pause(dut):
    """Lines of one row in beats of their own come in every cycle, far apart in the memory."""
    await start(dut)
    bench = Bench(dut, randomness())
    beat = bench.data_width // 8
    bench.begin(AxiMemory(dut, "memory", bench.image, latency=20, **bench.sizes))
    starts = [4 * beat * bench.source.randrange(50) for _ in range(100)]
    await bench.read([bench.line(start, bench.row_bytes) for start in starts])
    interval = -(-bench.row_bytes // min(beat, bench.row_bytes))
    assert bench.cycles == [bench.cycles[0] + interval * row for row in range(100)]


@cocotb.test(**TIMEOUT)
async def comes_after_its_latency(dut):
    """The request and the row come as many cycles later as the classes say."""
    await start(dut)
    bench = Bench(dut, randomness())
    memory = bench.begin(AxiMemory(dut, "memory", bench.image, latency=7, **bench.sizes))
    begun = cycle_now() + 1
    await bench.read([bench.line(0, bench.row_bytes)])
    assert memory.requests[0].cycle == begun + BurstSplitter.latency
    assert memory.beats[0][0] == memory.requests[0].cycle + 7
    assert bench.cycles == [memory.beats[-1][0] + LineReader.row_latency]


@cocotb.test(**TIMEOUT)
async def stops_at_an_error(dut):
    """No row with a byte of the wrong beat or a later one comes."""
    await start(dut)
    bench = Bench(dut, randomness())
    memory = bench.begin(AxiMemory(dut, "memory", bench.image, latency=5, **bench.sizes))
    beat = bench.data_width // 8
    lines = [bench.line(9, 20 * bench.row_bytes)]
    wrong = BASE + (9 + 11 * bench.row_bytes) // beat * beat
    memory.errors = {wrong}
    layout = filled_line_layout(address_width=ADDRESS, tag_width=TAG)
    await send(Stream.amaranth(dut, "lines"), [(pack(layout, **line),) for line in lines])
    for _ in range(200):
        await tick(dut)
    assert read(dut, "error")
    assert bench.rows == bench.expected(lines)[: len(bench.rows)]
    assert len(bench.rows) * bench.row_bytes <= max(0, wrong - BASE - 9)


@cocotb.test(**TIMEOUT)
async def forgets_everything_at_reset(dut):
    """A reset in the middle of lines, whose beats then never come, leaves the reader as new."""
    source = randomness()
    await start(dut)
    bench = Bench(dut, source)
    for _ in range(10):
        bench.begin(random_memory(dut, "memory", bench.image, source, **bench.sizes))
        reading = cocotb.start_soon(bench.read([bench.any_line() for _ in range(40)]))
        for _ in range(source.randrange(150)):
            await tick(dut)
        reading.cancel()
        bench.end()
        dut.lines__valid.value = dut.memory__r__valid.value = 0
        await reset(dut)
    bench.begin(AxiMemory(dut, "memory", bench.image, **bench.sizes))
    await bench.read([bench.any_line() for _ in range(20)])
