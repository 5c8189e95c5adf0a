"""WeightsUnit: every tile is that of the machine in numpy, and only valid rows are read."""

import cocotb

from benches.coroutines import TIMEOUT, randomness, read, reset, start, tick
from benches.runner import on_simulators
from benches.weights_session import REGION, WeightsSession, changed, places_read
from weft.bus.regions import REGIONS
from weft.core.core_config import SMALL, TINY
from weft.core.errors import CoreError
from weft.core.tile_reader import TileReader
from weft.core.tile_transposer import TILES, TileTransposer
from weft.core.weights_unit import WeightsUnit
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft_sim.cocotb_driver import cycle_now
from weft_sim.stalls import random_bools, random_gaps


@on_simulators("config", {"4x4": TINY, "16x16": SMALL})
def test_weights_unit(simulate, config):
    simulate(
        [
            writes_a_row_per_cycle,
            writes_a_row_per_cycle_from_the_memory,
            writes_a_row_per_cycle_transposed,
            writes_tiles_under_stalls,
            writes_no_row_without_a_place,
            reports_what_it_does_not_have,
            reports_an_answer_with_an_error,
            works_as_new_after_a_reset,
        ],
        WeightsUnit,
        config=config,
    )


@cocotb.test(**TIMEOUT)
async def writes_a_row_per_cycle(dut):
    """With room and no other reader, there is a row in every cycle, `latency` after the start."""
    await start(dut)
    unit = WeightsSession(dut, randomness())
    begun = cycle_now()
    await unit.run(25)
    assert unit.cycles[0] == begun + 1 + WeightsUnit.latency
    assert unit.cycles == list(range(unit.cycles[0], unit.cycles[0] + len(unit.rows)))


@cocotb.test(**TIMEOUT)
async def writes_a_row_per_cycle_from_the_memory(dut):
    """With rows that are whole beats, there is a row in every cycle, also across instructions."""
    await start(dut)
    unit = WeightsSession(dut, randomness())
    lanes, beat = unit.config.lanes, unit.config.bus.data_width // 8
    instruction = changed(
        unit.draw(False),
        **dict(diagonal=0, tiles=3, groups=2, valid_rows=lanes, valid_columns=lanes, offset=0),
        **dict(row_pitch=beat, tile_pitch=lanes * beat, group_pitch=beat),
    )
    begun = cycle_now() + 1
    unit.start([instruction] * 4)
    while len(unit.finished) < 4:
        await tick(dut)
    beats = unit.memory.beats
    assert unit.memory.requests[0].cycle == begun + TileReader.request_latency
    assert unit.cycles[0] == beats[0][0] + WeightsUnit.memory_latency
    assert unit.cycles == list(range(unit.cycles[0], unit.cycles[0] + len(unit.rows)))


@cocotb.test(**TIMEOUT)
async def writes_a_row_per_cycle_transposed(dut):
    """Two transposed tiles come in 2 N + 4 cycles, also across instructions."""
    await start(dut)
    unit = WeightsSession(dut, randomness())
    lanes = unit.config.lanes
    begun = cycle_now()
    await unit.run(12, transposed=1.0)
    instructions = [unit.draw(True, 1.0) for _ in range(30)]
    instructions = [one for one in instructions if one["transpose"]]
    for seen in (unit.rows, unit.cycles, unit.finished):
        seen.clear()
    begun = cycle_now() + 1
    unit.start(instructions)
    while len(unit.finished) < len(instructions):
        await tick(dut)
    first = begun + lanes + WeightsUnit.turned_latency
    tiles = [divmod(tile, TILES) for tile in range(len(unit.rows) // lanes)]
    starts = [first + pair * TileTransposer.interval(lanes) + lanes * one for pair, one in tiles]
    assert unit.cycles == [start + row for start in starts for row in range(lanes)]


@cocotb.test(**TIMEOUT)
async def writes_tiles_under_stalls(dut):
    """Instructions come late, the FIFO is full, the bank belongs to others, the memory is slow."""
    source = randomness()
    await start(dut)
    for late, room, granted, buffer, transposed in (
        *((0.5, 1.0, 1.0, 0.5, 0), (0.0, 0.05, 0.5, 1.0, 0), (0.3, 0.3, 0.2, 0.5, 0.5)),
        *((0.0, 1.0, 1.0, 0.8, 0.5), (0.0, 1.0, 1.0, 0.2, 0), (0.0, 0.1, 1.0, 0.0, 0)),
        *((0.0, 1.0, 1.0, 1.0, 1.0), (0.0, 0.2, 0.5, 1.0, 0.7)),
    ):
        room, granted = random_bools(source, room), random_bools(source, granted)
        unit = WeightsSession(dut, source, room, granted, mixes=1)
        await unit.run(10, random_gaps(source, late, 60), buffer, transposed)
        unit.stop()


@cocotb.test(**TIMEOUT)
async def writes_no_row_without_a_place(dut):
    """While the FIFO is full, nothing is requested."""
    await start(dut)
    source = randomness()
    unit = WeightsSession(dut, source, iter([True] + [False] * 10_000))
    instruction = Instruction.make(Opcode.WEIGHTS, from_buffer=1, tiles=3, row_pitch=1)
    dut.instructions__payload.value = int.from_bytes(instruction.encode(), "little")
    dut.instructions__valid.value = 1
    await tick(dut)
    dut.instructions__valid.value = 0
    for _ in range(8 * unit.config.lanes):
        await tick(dut)
    assert len(unit.rows) <= 2 * unit.config.lanes
    assert not read(dut, "buffer__requests__valid")
    assert not unit.finished
    unit.stop()


@cocotb.test(**TIMEOUT)
async def reports_what_it_does_not_have(dut):
    """Nothing outside is read, and the instruction does not finish; those before it do."""
    source = randomness()
    await start(dut)
    for case in range(24):
        unit = WeightsSession(dut, source)
        good, bad = (unit.draw(bool(case & 1)) for _ in range(2))
        lanes, rows = unit.config.lanes, unit.config.buffer.rows
        reach = max(places_read(changed(bad, offset=0), lanes))
        lowest = min(places_read(changed(bad, offset=0), lanes))
        if case % 6 == 0:
            error, bad = CoreError.REGION, changed(bad, diagonal=0, offset=0)
            reach = max(places_read(bad, lanes))
            bad = changed(bad, offset=REGION - reach - bad["valid_columns"] + 1)
        elif case % 6 == 1:
            error, bad = CoreError.RANGE, changed(bad, offset=rows - reach)
        elif case % 6 == 2:
            error = CoreError.REGION
            others = set(range(REGIONS)) - unit.regions.readable
            bad = changed(bad, region=source.choice(sorted(others)))
        elif case % 6 == 3 and lowest < 0:
            error, bad = CoreError.RANGE, changed(bad, offset=-lowest - 1)
        elif case % 6 == 4:
            error, bad = CoreError.RANGE, changed(bad, valid_rows=lanes + 1)
        else:
            error = CoreError.ILLEGAL_FIELD
            bad = changed(bad, transpose=1, **{source.choice(["from_buffer", "diagonal"]): 0})
            bad = changed(bad, diagonal=bad["from_buffer"])
        unit.start([good, bad])
        for _ in range(40 * lanes):
            await tick(dut)
        assert read(dut, "error") == error.value
        assert len(unit.finished) == 1
        legal = range(REGION) if error == CoreError.REGION else range(rows)
        assert all(row in legal for row in unit.asked)
        assert not read(dut, "instructions__ready")
        unit.stop()
        dut.memory__r__valid.value = dut.instructions__valid.value = 0
        await reset(dut)


@cocotb.test(**TIMEOUT)
async def reports_an_answer_with_an_error(dut):
    """The instruction whose row is wrong does not finish."""
    await start(dut)
    unit = WeightsSession(dut, randomness())
    bad = unit.draw(False)
    unit.memory.errors = {unit.beats_of(bad)[-1]}
    unit.start([bad])
    for _ in range(40 * unit.config.lanes):
        await tick(dut)
    assert read(dut, "error") == CoreError.READ_RESPONSE.value
    assert not unit.finished


@cocotb.test(**TIMEOUT)
async def works_as_new_after_a_reset(dut):
    """A reset in the middle of instructions, whose beats and rows then do not come."""
    source = randomness()
    await start(dut)
    for _ in range(6):
        unit = WeightsSession(dut, source, mixes=1)
        unit.start([unit.draw(source.random() < 0.6, 0.5) for _ in range(6)])
        for _ in range(source.randrange(150)):
            await tick(dut)
        unit.stop()
        dut.memory__r__valid.value = dut.instructions__valid.value = 0
        dut.buffer__rows__valid.value = 0
        await reset(dut)
    unit = WeightsSession(dut, source, mixes=1)
    await unit.run(8, from_buffer=0.5, transposed=0.5)
