"""LoadUnit: the memories of the core become those of the machine in numpy."""

import random

import cocotb
import numpy as np

from benches.axi_loader import AxiLoader
from benches.axi_memory import AxiMemory, random_memory
from benches.core import first_difference
from benches.coroutines import TIMEOUT, randomness, read, reset, start, tick
from benches.load_session import LoadSession, copies
from benches.runner import on_simulators
from weft.core.core_config import SMALL, TINY, BufferConfig, core_of
from weft.core.errors import CoreError
from weft.core.load_unit import LoadUnit
from weft.isa.codes import Opcode, Target
from weft.isa.instruction import Instruction
from weft_sim.cocotb_driver import cycle_now
from weft_sim.stalls import random_bools, random_gaps

UNITS = {
    "16x16, 128 bits": (SMALL, 128),
    "4x4, 32 bits": (TINY, 32),
    "4x4, 256 bits": (TINY, 256),
    "12x12, 64 bits": (
        core_of(lanes=12, buffer=BufferConfig(rows=256), accumulators=64, vector_lanes=3),
        64,
    ),
    "16x16, 32 bits": (SMALL, 32),
}


@on_simulators("config, data_width", UNITS)
def test_load_unit(simulate, config, data_width):
    simulate(
        [
            loads_what_the_machine_loads,
            writes_a_row_per_cycle,
            writes_a_word_per_cycle,
            reports_what_is_outside,
            reports_an_answer_with_an_error,
            works_as_new_after_a_reset,
        ],
        LoadUnit,
        config=config,
        data_width=data_width,
    )


@on_simulators("config, data_width", {"4x4, 64 bits": (TINY, 64), "16x16, 256 bits": (SMALL, 256)})
def test_load_unit_on_a_bus(simulate, config, data_width):
    """The memory is that of cocotbext-axi, which knows nothing of this project."""
    simulate(
        [loads_from_a_memory_of_others, goes_on_after_a_flush],
        AxiLoader,
        config=config,
        data_width=data_width,
    )


@cocotb.test(**TIMEOUT)
async def loads_what_the_machine_loads(dut):
    """Random instructions, memories and pauses."""
    source = randomness()
    await start(dut)
    for late, granted in ((0.0, 1.0), (0.5, 0.5), (0.0, 0.3), (0.0, 1.0)):
        unit = LoadSession(dut, source)
        memory = random_memory(dut, "memory", unit.image, source, **unit.sizes)
        unit.begin(memory, random_bools(source, granted))
        await unit.run([unit.draw() for _ in range(15)], random_gaps(source, late, 60))
        assert memory.is_idle
        unit.end()


@cocotb.test(**TIMEOUT)
async def writes_a_row_per_cycle(dut):
    """Rows that are whole beats come one after the other, also across instructions."""
    await start(dut)
    unit = LoadSession(dut, randomness(), sizes=[8000] * 8)
    memory = unit.begin(AxiMemory(dut, "memory", unit.image, latency=20, **unit.sizes))
    row, beat = unit.got.buffer.shape[1], unit.sizes["data_width"] // 8
    instructions = [
        unit.draw(
            target=Target.BUFFER,
            groups=1,
            lines=lines,
            row=7,
            offset=0,
            bytes=row,
            line_pitch=row,
        )
        for lines in (32, 3, 1, 1, 40, 20)
    ]
    begun = cycle_now() + 1
    await unit.run(instructions)
    assert memory.requests[0].cycle == begun + LoadUnit.request_latency
    assert unit.finished[-1] == unit.row_writes[-1] + 1
    interval = -(-row // beat)
    first = unit.row_writes[0]
    assert unit.row_writes == [first + interval * n for n in range(len(unit.row_writes))]
    if row == beat:
        assert first == memory.beats[0][0] + LoadUnit.write_latency


@cocotb.test(**TIMEOUT)
async def writes_a_word_per_cycle(dut):
    """Tables come at a word per cycle if beats and rows come as fast."""
    await start(dut)
    unit = LoadSession(dut, randomness(), sizes=[8000] * 8)
    unit.begin(AxiMemory(dut, "memory", unit.image, latency=20, **unit.sizes))
    await unit.run(
        [
            unit.draw(
                target=Target.TABLES,
                groups=1,
                lines=2,
                row=1,
                offset=40,
                bytes=1000,
                line_pitch=1024,
            )
        ]
    )
    first = unit.word_writes[0]
    assert unit.word_writes == list(range(first, first + 512))
    assert unit.finished == [unit.word_writes[-1] + 1]


@cocotb.test(**TIMEOUT)
async def reports_what_is_outside(dut):
    """Rows and lines that do not exist are not touched; those before may have been."""
    source = randomness()
    await start(dut)
    for case in range(16):
        unit = LoadSession(dut, source)
        unit.begin(random_memory(dut, "memory", unit.image, source, **unit.sizes))
        target = Target(case % 4)
        instruction = unit.draw(target=target)
        values = {name: instruction[name] for name in instruction.kind.free_fields}
        if case < 8:
            expected = CoreError.RANGE
            rows = len(unit.got.target(target))
            high = rows if case < 4 else (1 << 20) - 1
            values["row"] = source.choice([rows, high])
        else:
            expected = CoreError.REGION
            values["offset"] = unit.regions.sizes[values["region"]] - values["bytes"] + 1
            values |= dict(groups=1, lines=1)
        before = unit.got.buffer.copy()
        unit.start([Instruction.make(Opcode.LOAD, **values)])
        for _ in range(300):
            await tick(dut)
        assert read(dut, "error") == expected.value
        assert not unit.finished and not unit.row_writes and not unit.word_writes
        assert np.array_equal(before, unit.got.buffer)
        assert not read(dut, "instructions__ready")
        unit.end()
        dut.instructions__valid.value = dut.memory__r__valid.value = 0
        await reset(dut)


@cocotb.test(**TIMEOUT)
async def reports_an_answer_with_an_error(dut):
    """An instruction with a wrong answer does not finish, and writes nothing from it on."""
    source = randomness()
    await start(dut)
    unit = LoadSession(dut, source, sizes=[4096] * 8)
    memory = unit.begin(random_memory(dut, "memory", unit.image, source, **unit.sizes))
    size = unit.sizes["data_width"] // 8
    region = unit.regions.permitted("readable")[0]
    good, bad = (
        unit.draw(region=region, groups=1, lines=1, bytes=4, offset=offset, row=0)
        for offset in (0, 2048)
    )
    memory.errors = {(unit.regions.bases[region] + 2048) // size * size}
    await unit.run([good])
    unit.start([bad, good])
    for _ in range(500):
        await tick(dut)
    assert len(unit.finished) == 1
    assert first_difference(unit.got, unit.expected) == ""
    assert read(dut, "error") == CoreError.READ_RESPONSE.value
    unit.end()


@cocotb.test(**TIMEOUT)
async def works_as_new_after_a_reset(dut):
    """A reset in the middle of instructions, whose beats then do not come."""
    source = randomness()
    await start(dut)
    for last in [False] * 6 + [True]:
        unit = LoadSession(dut, source)
        unit.begin(random_memory(dut, "memory", unit.image, source, **unit.sizes))
        instructions = [unit.draw() for _ in range(8)]
        if last:
            await unit.run(instructions)
        else:
            unit.start(instructions)
            for _ in range(source.randrange(200)):
                await tick(dut)
        unit.end()
        dut.instructions__valid.value = dut.memory__r__valid.value = 0
        await reset(dut)


def memory_of_others(dut, unit: LoadSession):
    """Return a memory of cocotbext-axi with the image, which pauses at random."""
    # Not imported above, because pytest then reports what is deprecated in it.
    from cocotbext.axi import AxiRamRead, AxiReadBus

    size = 1 << unit.sizes["address_width"]
    ram = AxiRamRead(AxiReadBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=size)
    ram.write(unit.regions.base, unit.image.tobytes())
    return ram


def pause(ram, source: random.Random, likely: float) -> None:
    ram.ar_channel.set_pause_generator(random_bools(source, likely))
    ram.r_channel.set_pause_generator(random_bools(source, likely))


@cocotb.test(**TIMEOUT)
async def loads_from_a_memory_of_others(dut):
    """Random instructions, at full speed and with pauses."""
    source = randomness()
    await start(dut)
    unit = LoadSession(dut, source)
    ram = memory_of_others(dut, unit)
    unit.take()
    for likely in (0.0, 0.5, 0.9):
        pause(ram, source, likely)
        await unit.run([unit.draw() for _ in range(10)])
        await tick(dut)
    assert read(dut, "idle")


@cocotb.test(**TIMEOUT)
async def goes_on_after_a_flush(dut):
    """Instructions that follow a flush at once get none of the beats of those before it."""
    source = randomness()
    await start(dut)
    unit = LoadSession(dut, source)
    ram = memory_of_others(dut, unit)
    stale = 0
    for _ in range(25):
        pause(ram, source, source.choice([0.0, 0.3, 0.8]))
        unit.take()
        unit.start([unit.draw() for _ in range(8)])
        for _ in range(source.randrange(100)):
            await tick(dut)
        unit.end()
        dut.instructions__valid.value, dut.flush.value = 0, 1
        await tick(dut)
        dut.flush.value = 0
        # What was written so far is that of instructions that were not executed whole.
        for mine, theirs in zip(copies(unit.got), copies(unit.expected), strict=True):
            theirs[:] = mine
        unit.finished.clear()
        if source.random() < 0.5:
            unit.take()
            stale += not read(dut, "idle")
            await unit.run([unit.draw() for _ in range(4)])
            unit.end()
    assert stale
    pause(ram, source, 0.0)
    for _ in range(300):
        await tick(dut)
    assert read(dut, "idle")
