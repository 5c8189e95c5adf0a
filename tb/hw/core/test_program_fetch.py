"""ProgramFetch: a program comes whole and in order, or not at all, with the reason."""

import dataclasses
import random
import zlib

import cocotb
import numpy as np

from benches.axi_memory import AxiMemory, random_memory
from benches.bits import unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, reset, start, tick
from benches.instructions import random_program
from benches.memory_regions import RandomRegions
from benches.runner import on_simulators
from weft.core.core_config import SMALL, TINY
from weft.core.errors import CoreError
from weft.core.program_fetch import ProgramFetch
from weft.core.reporter import place_layout
from weft.isa.fields import UNIT_BYTES
from weft.isa.kind import REGIONS
from weft.isa.program import Program
from weft.isa.requirements import HEADER_BY_NAME, HEADER_BYTES, HEADER_FIELDS
from weft.sequencer.ports import program_unit_layout
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, throttle, watch
from weft_sim.stalls import random_bools

BASE = 1 << 34
CONFIGS = {"4x4": TINY, "16x16": SMALL}


@on_simulators("config", CONFIGS)
def test_program_fetch(simulate, config):
    simulate(
        [
            streams_whole_programs,
            comes_after_its_latency,
            streams_a_unit_per_cycle,
            refuses_every_wrong_header,
            refuses_what_the_host_does_not_provide,
            refuses_flipped_bits,
            reports_an_answer_with_an_error,
            works_as_new_after_a_reset,
        ],
        ProgramFetch,
        config=config,
    )


class Bench:
    """A program in a memory at any place, and what comes out of it."""

    def __init__(self, dut, source: random.Random, mixes: bool = False, length: int = 10):
        self.dut, self.source, self.config = dut, source, parameters().config
        bus = self.config.bus
        self.regions = RandomRegions(source, address_width=bus.address_width)
        dut.regions.value = self.regions.bits
        needs = dataclasses.replace(
            self.config.capacity,
            queue_slots=source.randint(1, self.config.capacity.queue_slots),
            regions=tuple(source.randint(0, size) for size in self.regions.sizes),
            readable=tuple(source.sample(sorted(self.regions.readable), 2)),
            writable=tuple(self.regions.writable),
        )
        body = random_program(np.random.default_rng(source.getrandbits(32)), length).instructions
        self.program = Program(needs, body).encode()
        self.address = BASE + 128 * source.randrange(1000)
        self.mixes = mixes
        self.units: list[tuple[int, int]] = []
        self.cycles: list[int] = []
        self.tasks: list = []

    def launch(self, program: bytes, ready=None) -> AxiMemory:
        """Put a program into the memory, and begin to read it."""
        dut, bus = self.dut, self.config.bus
        image = np.frombuffer(program, np.uint8)
        sizes = dict(data_width=bus.data_width, address_width=bus.address_width, base=self.address)
        if self.mixes:
            memory = random_memory(dut, "memory", image, self.source, **sizes)
        else:
            memory = AxiMemory(dut, "memory", image, latency=9, **sizes)
        units = Stream.amaranth(dut, "units")
        self.tasks = [
            cocotb.start_soon(memory.serve()),
            cocotb.start_soon(watch(units, self._see)),
            cocotb.start_soon(throttle(units, ready or random_bools(self.source, 1.0))),
            cocotb.start_soon(self._pulse()),
        ]
        return memory

    async def _pulse(self) -> None:
        self.dut.launch.value, self.dut.address.value = 1, self.address
        await tick(self.dut)
        self.dut.launch.value, self.dut.address.value = 0, 0

    def _see(self, payload) -> None:
        fields = unpack(program_unit_layout(), payload[0])
        self.units.append((fields["bits"], fields["last"]))
        self.cycles.append(cycle_now())

    async def end(self) -> None:
        """Reset the component, without its clock."""
        for task in self.tasks:
            task.cancel()
        self.dut.launch.value = self.dut.memory__r__valid.value = 0
        self.units.clear()
        self.cycles.clear()
        await reset(self.dut)

    def expected(self) -> list[tuple[int, int]]:
        body = self.program[HEADER_BYTES:]
        units = [body[at : at + UNIT_BYTES] for at in range(0, len(body), UNIT_BYTES)]
        return [
            (int.from_bytes(unit, "little"), int(number == len(units) - 1))
            for number, unit in enumerate(units)
        ]

    async def refuses(self, program: bytes, error: CoreError, word: int | None = None) -> None:
        """Check that a program is refused, and that none of it leaves."""
        memory = self.launch(program)
        for _ in range(3 * len(self.program)):
            await tick(self.dut)
            assert not read(self.dut, "checked")
            if read(self.dut, "error"):
                break
        assert CoreError(read(self.dut, "error")) == error, (word, error)
        if word is not None:
            place = unpack(place_layout(), read(self.dut, "place"))
            assert (place["unit"], place["word"]) == divmod(word, 8)
        requests = len(memory.requests)
        for _ in range(30):
            await tick(self.dut)
        assert len(memory.requests) == requests, "something is requested after the error"
        assert CoreError(read(self.dut, "error")) == error
        assert not self.units
        await self.end()


def with_field(program: bytes, name: str, value: int) -> bytes:
    """Return a program with another value in a field of its header, and the CRC of that."""
    field = HEADER_BY_NAME[name]
    words = np.frombuffer(program, "<u4").copy()
    words[field.word] &= ~np.uint32(field.mask << field.bit)
    words[field.word] |= np.uint32(value << field.bit)
    return with_crc(words)


def with_crc(words: np.ndarray) -> bytes:
    words[HEADER_BY_NAME["crc"].word] = 0
    words[HEADER_BY_NAME["crc"].word] = zlib.crc32(words.tobytes())
    return words.tobytes()


@cocotb.test(**TIMEOUT)
async def streams_whole_programs(dut):
    """One program after the other, from memories of all kinds."""
    source = randomness()
    await start(dut)
    for length, ready in ((1, 1.0), (12, 0.5), (60, 1.0), (3, 0.1), (0, 1.0), (70, 0.9)):
        bench = Bench(dut, source, mixes=True, length=length)
        memory = bench.launch(bench.program, random_bools(source, ready))
        checked = 0
        while not (bench.units and bench.units[-1][1]):
            await tick(dut)
            checked += read(dut, "checked")
            assert checked or not bench.units
        assert checked == 1 and bench.units == bench.expected()
        assert not read(dut, "error") and memory.is_idle
        for task in bench.tasks:
            task.cancel()
        await tick(dut)


@cocotb.test(**TIMEOUT)
async def comes_after_its_latency(dut):
    """The cycles of the table."""
    await start(dut)
    bench = Bench(dut, randomness(), length=0)
    begun = cycle_now() + 1
    memory = bench.launch(bench.program)
    while not read(dut, "checked"):
        await tick(dut)
    checked = cycle_now()
    while not bench.units:
        await tick(dut)
    beats = UNIT_BYTES * 8 // bench.config.bus.data_width
    cycles = [cycle for cycle, _ in memory.beats]
    # The header has 24 words, and the program one unit more.
    first = cycles[beats - 1] + 6
    requests = {(request.cycle, request.address) for request in memory.requests}
    body = bench.address + HEADER_BYTES
    assert min(requests) == (begun + 3, bench.address)
    assert (first + 23 + 3, body) in requests
    last = cycles[4 * beats - 1] + 6 + 7
    assert checked == last + 2
    assert (last + 4, body) in requests


@cocotb.test(**TIMEOUT)
async def streams_a_unit_per_cycle(dut):
    """Units come as fast as their beats."""
    await start(dut)
    bench = Bench(dut, randomness(), length=40)
    bench.launch(bench.program)
    while not (bench.units and bench.units[-1][1]):
        await tick(dut)
    beats = max(1, UNIT_BYTES * 8 // bench.config.bus.data_width)
    first = bench.cycles[0]
    assert bench.cycles == [first + beats * unit for unit in range(len(bench.units))]


@cocotb.test(**TIMEOUT)
async def refuses_every_wrong_header(dut):
    """Each field outside of its range, beyond the core, and each word with bits of no field."""
    source = randomness()
    await start(dut)
    bench = Bench(dut, source, length=2)
    capacity, program = bench.config.capacity, bench.program
    cases = []
    for field in HEADER_FIELDS:
        if field.name == "crc" or field.name.startswith(("region_", "readable", "writable")):
            continue
        own = {"magic": CoreError.MAGIC, "version": CoreError.VERSION}
        illegal = own.get(field.name, CoreError.HEADER)
        low, high = field.minimum - 1, field.maximum + 1
        cases += [(field, value, illegal) for value in (low, high) if 0 <= value <= field.mask]
        if hasattr(capacity, field.name):
            more = getattr(capacity, field.name) + (4 if field.name == "lanes" else 1)
            if more <= field.maximum:
                cases.append((field, more, CoreError.GEOMETRY))
    cases.append((HEADER_BY_NAME["lanes"], 6, CoreError.HEADER))
    if capacity.lanes > 4:
        cases.append((HEADER_BY_NAME["lanes"], 4, CoreError.GEOMETRY))
    for field, value, error in cases:
        await bench.refuses(with_field(program, field.name, value), error, field.word)
    spare = [(1, 31), (4, 24), *((word, source.randrange(32)) for word in range(18, 24))]
    for word, bit in spare:
        words = np.frombuffer(program, "<u4").copy()
        words[word] |= np.uint32(1 << bit)
        await bench.refuses(with_crc(words), CoreError.HEADER, word)


@cocotb.test(**TIMEOUT)
async def refuses_what_the_host_does_not_provide(dut):
    """A region that is a byte too small, and permissions that are missing."""
    await start(dut)
    bench = Bench(dut, randomness(), length=2)
    for number in range(REGIONS):
        name = f"region_{number}"
        program = with_field(bench.program, name, bench.regions.sizes[number] + 1)
        await bench.refuses(program, CoreError.REGION, HEADER_BY_NAME[name].word)
        for permission in ("readable", "writable"):
            if number not in getattr(bench.regions, permission):
                program = with_field(bench.program, permission, 1 << number)
                await bench.refuses(program, CoreError.REGION, HEADER_BY_NAME[permission].word)


@cocotb.test(**TIMEOUT)
async def refuses_flipped_bits(dut):
    """A flipped bit in an instruction, or in the CRC itself."""
    source = randomness()
    await start(dut)
    bench = Bench(dut, source, length=4)
    crc = HEADER_BY_NAME["crc"].word
    for _ in range(8):
        flipped = bytearray(bench.program)
        at = source.choice([4 * crc, source.randrange(HEADER_BYTES, len(flipped))])
        flipped[at] ^= 1 << source.randrange(8)
        await bench.refuses(bytes(flipped), CoreError.CRC, crc)


@cocotb.test(**TIMEOUT)
async def reports_an_answer_with_an_error(dut):
    """In the header, in the first pass over the instructions, and in the second one."""
    await start(dut)
    for at in (0, HEADER_BYTES + 64):
        bench = Bench(dut, randomness(), length=6)
        memory = bench.launch(bench.program)
        memory.errors = {bench.address + at // 16 * 16}
        for _ in range(600):
            await tick(dut)
            assert not read(dut, "checked")
        assert read(dut, "error") == CoreError.READ_RESPONSE.value
        assert not bench.units
        await bench.end()
    bench = Bench(dut, randomness(), length=6)
    memory = bench.launch(bench.program)
    while not read(dut, "checked"):
        await tick(dut)
    memory.errors = {bench.address + HEADER_BYTES + 128}
    for _ in range(200):
        await tick(dut)
    assert read(dut, "error") == CoreError.READ_RESPONSE.value
    assert len(bench.units) <= 4


@cocotb.test(**TIMEOUT)
async def works_as_new_after_a_reset(dut):
    """A reset at any time, whose beats then do not come."""
    source = randomness()
    await start(dut)
    for _ in range(8):
        bench = Bench(dut, source, mixes=True)
        bench.launch(bench.program)
        for _ in range(source.randrange(600)):
            await tick(dut)
        await bench.end()
    bench = Bench(dut, source)
    bench.launch(bench.program)
    while not (bench.units and bench.units[-1][1]):
        await tick(dut)
    assert bench.units == bench.expected()
