"""StoreUnit: the memory is that of the machine in numpy, whatever the bus and the buffer do."""

import cocotb
import numpy as np

from benches.axi_storer import AxiStorer
from benches.axi_write_memory import Pace
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from benches.store_session import BASE, REGION_BYTES, ROWS, StoreSession, draw, sizes
from weft.core.errors import CoreError
from weft.core.store_unit import StoreUnit
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft_sim.cocotb_driver import cycle_now
from weft_sim.stalls import random_bools, random_gaps


@on_simulators(
    "parameters",
    {
        "16 in 8": sizes(row_bytes=16, beat_bytes=8),
        "4 in 4": sizes(row_bytes=4, beat_bytes=4),
        "4 in 32": sizes(row_bytes=4, beat_bytes=32),
        "12 in 8": sizes(row_bytes=12, beat_bytes=8),
        "32 in 64": sizes(row_bytes=32, beat_bytes=64),
    },
)
def test_store_unit(simulate, parameters):
    simulate(
        [
            writes_a_beat_per_cycle,
            stores_under_stalls,
            reports_an_illegal_line,
            reports_a_row_outside,
            reports_a_bad_response,
            is_flushed_at_any_time,
        ],
        StoreUnit,
        **parameters,
    )


@on_simulators(
    "parameters",
    {"16 in 8": sizes(row_bytes=16, beat_bytes=8), "4 in 32": sizes(row_bytes=4, beat_bytes=32)},
)
def test_store_unit_on_a_bus(simulate, parameters):
    """The memory is that of cocotbext-axi, which knows nothing of this project."""
    simulate([stores_to_a_memory_of_others], AxiStorer, **parameters)


@cocotb.test(**TIMEOUT)
async def writes_a_beat_per_cycle(dut):
    """The first address comes after `latency` cycles, and a beat or a row passes per cycle."""
    await start(dut)
    store = StoreSession(dut, randomness(), Pace())
    beat_bytes = parameters().data_width // 8
    short = Instruction.make(Opcode.STORE, bytes=1)
    begun = cycle_now() + 1
    store.send([short])
    store.expect([short])
    while store.finished < 1:
        await tick(dut)
    assert store.memory.cycles == [begun + StoreUnit.latency]
    assert store.memory.beat_cycles == [store.memory.cycles[0] + 1]

    count = 60 * store.row_bytes
    long = Instruction.make(Opcode.STORE, bytes=count)
    following = Instruction.make(Opcode.STORE, bytes=count, offset=2048 + 3)
    store.send([long, following])
    store.expect([long, following])
    while store.finished < 3:
        await tick(dut)
    store.compare()
    cycles = store.memory.beat_cycles[1:]
    piece = np.gcd(store.row_bytes, beat_bytes)
    # Two lines, the second of which ends in a part of a beat.
    assert cycles[-1] - cycles[0] <= 2 * count // piece + 2
    store.stop()


@cocotb.test(**TIMEOUT)
async def stores_under_stalls(dut):
    """The memory takes and answers when it likes, and the bank of the buffer is busy."""
    source = randomness()
    await start(dut)
    paces = (
        Pace(),
        Pace(addresses=0.1, beats=0.9, responses=0.5),
        Pace(addresses=0.9, beats=0.4, responses=0.03),
    )
    for pace, granted, late in zip(paces, (1.0, 0.3, 0.8), (0.5, 0.0, 0.1), strict=True):
        store = StoreSession(dut, source, pace, granted)
        await store.run(12, random_gaps(source, late, 60))
        store.stop()


async def fails_with(store: StoreSession, good: list, bad: Instruction, error: CoreError) -> None:
    """Send legal instructions and one that is not; the legal ones finish, and the next too."""
    store.send([*good, bad])
    while read(store.dut, "error") == CoreError.NONE.value:
        await tick(store.dut)
    for _ in range(300):
        await tick(store.dut)
    assert read(store.dut, "error") == error.value
    store.expect(good)
    assert store.finished == len(good)
    store.compare()
    await store.settle()
    store.finished = 0
    await store.run(3)
    store.finished = 0


@cocotb.test(**TIMEOUT)
async def reports_an_illegal_line(dut):
    """A line outside of its region, or in a region that is only read, is not written."""
    source = randomness()
    await start(dut)
    store = StoreSession(dut, source, Pace(addresses=0.5, beats=0.7, responses=0.5))
    for fields in (
        {"region": 0, "offset": REGION_BYTES - 3, "bytes": 4},
        {"region": 0, "offset": REGION_BYTES, "bytes": 1},
        {"region": 1, "offset": 0xFFFF_FFFF, "bytes": 0xFFFF},
        {"region": 3, "offset": 0, "bytes": 1},
    ):
        good = [draw(source, store.row_bytes) for _ in range(source.randint(0, 3))]
        await fails_with(store, good, Instruction.make(Opcode.STORE, **fields), CoreError.REGION)
    # The lines in front of the illegal one are written.
    for pitch in (-7, -(1 << 31)):
        fields = {"lines": 4, "bytes": 3, "offset": 7, "line_pitch": pitch, "row": 5}
        legal = 2 if pitch == -7 else 1
        store.expect([Instruction.make(Opcode.STORE, **fields | {"lines": legal})])
        await fails_with(store, [], Instruction.make(Opcode.STORE, **fields), CoreError.REGION)
    store.stop()


@cocotb.test(**TIMEOUT)
async def reports_a_row_outside(dut):
    source = randomness()
    await start(dut)
    store = StoreSession(dut, source, Pace())
    for fields in ({"row": ROWS}, {"row": (1 << 20) - 1, "lines": 3, "line_pitch": 1}):
        good = [draw(source, store.row_bytes) for _ in range(2)]
        bad = Instruction.make(Opcode.STORE, bytes=1, **fields)
        await fails_with(store, good, bad, CoreError.RANGE)
        assert max(store.asked) < ROWS
    fields = {"bytes": 1, "row": ROWS - 2, "line_pitch": 5}
    store.expect([Instruction.make(Opcode.STORE, lines=2, **fields)])
    await fails_with(store, [], Instruction.make(Opcode.STORE, lines=3, **fields), CoreError.RANGE)
    assert max(store.asked) < ROWS
    store.stop()


@cocotb.test(**TIMEOUT)
async def reports_a_bad_response(dut):
    """After a response with an error, no instruction finishes and no burst begins."""
    source = randomness()
    await start(dut)
    store = StoreSession(dut, source, Pace(responses=0.2))
    for bad in (0, 2, 5):
        store.memory.bad = {len(store.memory.bursts) + bad}
        sending = store.send([draw(source, store.row_bytes) for _ in range(6)])
        while not read(dut, "error"):
            await tick(dut)
        assert read(dut, "error") == CoreError.WRITE_RESPONSE.value
        bursts, finished = len(store.memory.bursts), store.finished
        for _ in range(100):
            await tick(dut)
        assert (len(store.memory.bursts), store.finished) == (bursts, finished)
        sending.cancel()
        dut.instructions__valid.value = 0
        await store.settle()
        await store.run(3)
    store.stop()


@cocotb.test(**TIMEOUT)
async def is_flushed_at_any_time(dut):
    """A flush leaves nothing owed, writes nothing more, and the next program runs."""
    source = randomness()
    await start(dut)
    for _ in range(12):
        pace = Pace(
            addresses=source.choice([0.05, 1.0]),
            beats=source.choice([0.1, 1.0]),
            responses=source.choice([0.05, 1.0]),
        )
        store = StoreSession(dut, source, pace)
        sending = store.send([draw(source, store.row_bytes) for _ in range(8)])
        for _ in range(source.randint(1, 120)):
            await tick(dut)
        sending.cancel()
        dut.instructions__valid.value = 0
        # The beat that is offered keeps its strobes.
        dut.flush.value = 1
        await tick(dut)
        offered = len(store.memory.beats) + 1
        await store.settle()
        assert all(not strobes for _, strobes in store.memory.beats[offered:])
        finished = store.finished
        await store.run(2)
        assert store.finished == finished + 2
        store.stop()


@cocotb.test(**TIMEOUT)
async def stores_to_a_memory_of_others(dut):
    """Random instructions at full speed and with pauses, and flushes in between."""
    # Not imported above, because pytest then reports what is deprecated in it.
    from cocotbext.axi import AxiRamWrite, AxiWriteBus

    source = randomness()
    await start(dut)
    store = StoreSession(dut, source)
    bus = AxiWriteBus.from_prefix(dut, "m_axi")
    ram = AxiRamWrite(bus, dut.clk, dut.rst, size=1 << parameters().address_width)
    channels = (ram.aw_channel, ram.w_channel, ram.b_channel)
    for likely in (0.0, 0.5, 0.9):
        for channel in channels:
            channel.set_pause_generator(random_bools(source, likely))
        instructions = [draw(source, store.row_bytes) for _ in range(10)]
        done = store.finished + len(instructions)
        store.send(instructions)
        store.expect(instructions)
        while store.finished < done:
            await tick(dut)
        store.memory.bytes[:] = np.frombuffer(ram.read(BASE, len(store.expected)), np.uint8)
        store.compare()

        sending = store.send([draw(source, store.row_bytes) for _ in range(10)])
        for _ in range(source.randint(1, 150)):
            await tick(dut)
        sending.cancel()
        dut.instructions__valid.value = 0
        dut.flush.value = 1
        await tick(dut)
        dut.flush.value = 0
        await tick(dut)
        while not read(dut, "idle"):
            await tick(dut)
        assert all(channel.empty() for channel in channels)
        store.expected[:] = np.frombuffer(ram.read(BASE, len(store.expected)), np.uint8)
