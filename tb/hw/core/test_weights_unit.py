"""WeightsUnit: every tile is that of the machine in numpy, and only valid rows are read."""

import dataclasses
import random

import cocotb
import numpy as np

from benches.axi_memory import AxiMemory, random_memory
from benches.bits import split, split_signed, to_signed, unpack
from benches.buffer_port import answer
from benches.core import random_state
from benches.coroutines import TIMEOUT, parameters, randomness, read, reset, start, tick
from benches.memory_regions import RandomRegions
from benches.runner import on_simulators
from weft.bus.regions import REGIONS
from weft.core.core_config import SMALL, TINY, CoreConfig
from weft.core.errors import CoreError
from weft.core.tile_reader import TileReader
from weft.core.tile_transposer import TILES, TileTransposer
from weft.core.weights_unit import WeightsUnit
from weft.isa.codes import Format, Opcode
from weft.isa.instruction import Instruction
from weft.matrix.weight_fifo import fifo_row_layout
from weft_model.core.machine import work_of
from weft_model.core.walks import tile_heights, tile_offsets
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_bools, random_gaps

# Bytes of each region of the memory.
REGION = 6000


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


def draw(
    source: random.Random, config: CoreConfig, from_buffer: bool = True, transposed: float = 0.0
) -> Instruction:
    """Return a WEIGHTS whose rows all exist; some have negative pitches."""
    lanes, diagonal = config.lanes, int(source.random() < 0.3)
    transpose = int(from_buffer and not diagonal and source.random() < transposed)
    number = source.choice([Format.INT8, Format.UINT8])
    most_of = (5, 40, 90) if from_buffer else (40, 600, 900)
    pitches = {
        name: source.randint(-most, most)
        for name, most in zip(("row_pitch", "tile_pitch", "group_pitch"), most_of, strict=True)
    }
    instruction = Instruction.make(
        Opcode.WEIGHTS,
        from_buffer=int(from_buffer),
        diagonal=diagonal,
        transpose=transpose,
        format=number,
        valid_rows=source.choice([lanes, 1, source.randint(1, lanes)]),
        valid_columns=source.choice([lanes, lanes, source.randint(1, lanes)]),
        tiles=source.randint(1, 3),
        groups=source.randint(1, 2),
        zero_point=source.randint(number.minimum, number.maximum),
        **pitches,
    )
    # The first byte or row can be anywhere, as long as all are inside.
    places = places_read(instruction, lanes)
    size = config.buffer.rows if from_buffer else REGION
    longest = 1 if from_buffer else lanes
    offset = source.randint(-min(places), size - max(places) - longest)
    return changed(instruction, offset=offset)


def changed(instruction: Instruction, **fields: int) -> Instruction:
    """Return an instruction with other values of some fields."""
    values = {name: instruction[name] for name in instruction.kind.free_fields}
    return Instruction.make(instruction.opcode, **(values | fields))


def places_read(instruction: Instruction, lanes: int) -> list[int]:
    """Return the buffer rows or bytes of the source rows that an instruction reads, in order."""
    rows = []
    heights = tile_heights(instruction, lanes)
    for offset, height in zip(tile_offsets(instruction), heights, strict=True):
        count = 1 if instruction["diagonal"] else int(height)
        count = instruction["valid_columns"] if instruction["transpose"] else count
        rows += [int(offset) + row * instruction["row_pitch"] for row in range(count)]
    return rows


class Unit:
    """The unit between a buffer, a memory and a FIFO, and the tiles that it has written."""

    def __init__(self, dut, source: random.Random, places=None, granted=None, latency=20, mixes=0):
        self.dut, self.source, self.config = dut, source, parameters().config
        bus = self.config.bus
        self.regions = RandomRegions(
            source, address_width=bus.address_width, sizes=[REGION] * REGIONS
        )
        dut.regions.value = self.regions.bits
        numbers = np.random.default_rng(source.getrandbits(32))
        self.image = numbers.integers(0, 256, self.regions.bytes, np.uint8)
        needs = dataclasses.replace(self.config.capacity, regions=tuple(self.regions.sizes))
        self.state = random_state(numbers, needs)
        self.state.memory = [
            self.image[base - self.regions.base :][:REGION] for base in self.regions.bases
        ]
        sizes = dict(
            data_width=bus.data_width, address_width=bus.address_width, base=self.regions.base
        )
        if mixes:
            self.memory = random_memory(dut, "memory", self.image, source, **sizes)
        else:
            self.memory = AxiMemory(dut, "memory", self.image, latency=latency, **sizes)
        self.room = places if places is not None else random_bools(source, 1.0)
        self.asked: list[int] = []
        self.cycles: list[int] = []
        self.rows: list[list[int]] = []
        self.finished: list[int] = []
        self.places = 0
        granted = granted if granted is not None else random_bools(source, 1.0)
        self.tasks = [
            cocotb.start_soon(answer(dut, "buffer", self.state.buffer, granted, self.asked)),
            cocotb.start_soon(self._take()),
            cocotb.start_soon(self.memory.serve()),
        ]

    async def _take(self) -> None:
        """Take every row; a tile needs a place that was reserved before."""
        layout = fifo_row_layout(self.config.matrix)
        width, columns = self.config.operand_width, self.config.lanes
        room = True
        while True:
            # Room never goes away while it is not taken.
            room = room or bool(next(self.room))
            self.dut.has_room.value = int(room)
            await tick(self.dut)
            if read(self.dut, "reserve"):
                assert room, "a place was reserved where there is none"
                self.places += self.config.lanes
                room = bool(next(self.room))
            if read(self.dut, "rows__valid"):
                assert self.places > 0, "a row came without a place"
                self.places -= 1
                fields = unpack(layout, read(self.dut, "rows__payload"))
                lanes = (split_signed if fields["signed"] else split)(
                    fields["lanes"], width, columns
                )
                zero_point = fields["zero_point"]
                if fields["signed"]:
                    zero_point = to_signed(zero_point, width)
                self.rows.append([lane - zero_point for lane in lanes])
                self.cycles.append(cycle_now())
            if read(self.dut, "finished"):
                self.finished.append(len(self.rows))

    def draw(self, from_buffer: bool, transposed: float = 0.0) -> Instruction:
        """Return a legal instruction."""
        instruction = draw(self.source, self.config, from_buffer, transposed)
        return changed(instruction, region=self.source.choice(self.regions.permitted("readable")))

    def start(self, instructions, gaps=None):
        beats = [(int.from_bytes(i.encode(), "little"),) for i in instructions]
        stream = Stream.amaranth(self.dut, "instructions")
        self.tasks.append(cocotb.start_soon(send(stream, beats, gaps)))

    def beats_of(self, instruction: Instruction) -> list[int]:
        """Return the addresses of the beats that an instruction from the memory reads."""
        lanes, size = self.config.lanes, self.config.bus.data_width // 8
        base, columns = self.regions.bases[instruction["region"]], instruction["valid_columns"]
        beats = []
        heights = tile_heights(instruction, lanes)
        for offset, height in zip(tile_offsets(instruction), heights, strict=True):
            diagonal = instruction["diagonal"]
            length = min(height, columns) if diagonal else columns
            for row in range(1 if diagonal else height):
                first = int(base + offset + row * instruction["row_pitch"])
                beats += range(first // size * size, int(first + length), size)
        return beats

    async def run(
        self, count: int, gaps=None, from_buffer: float = 1.0, transposed: float = 0.0
    ) -> None:
        """Execute random instructions, and compare their tiles, reads and ends."""
        instructions = [
            self.draw(self.source.random() < from_buffer, transposed) for _ in range(count)
        ]
        if 0 < from_buffer < 1:
            # The second one must not overtake the first one.
            instructions[:2] = self.draw(False), self.draw(True)
        self.start(instructions, gaps)
        ends, asked, beats = [], [], []
        for instruction in instructions:
            work = work_of(self.state, instruction)
            for part in range(work.parts):
                work.run(part, part + 1)
            if instruction["from_buffer"]:
                asked += places_read(instruction, self.config.lanes)
            else:
                beats += self.beats_of(instruction)
            ends.append(len(self.state.tiles) * self.config.lanes)
        while len(self.finished) < count:
            await tick(self.dut)
            assert read(self.dut, "error") == CoreError.NONE.value
        expected = np.concatenate(list(self.state.tiles))
        wrong = np.argwhere(np.array(self.rows) != expected)
        assert not len(wrong), f"row, lane {wrong[0]}: got {self.rows[wrong[0][0]]}"
        # Transposed tiles are requested ahead of others.
        assert self.asked == asked if not transposed else sorted(self.asked) == sorted(asked)
        assert sorted(address for _, address in self.memory.beats) == sorted(beats)
        assert self.finished == ends

    def stop(self) -> None:
        for task in self.tasks:
            task.cancel()


@cocotb.test(**TIMEOUT)
async def writes_a_row_per_cycle(dut):
    """With room and no other reader, there is a row in every cycle, `latency` after the start."""
    await start(dut)
    unit = Unit(dut, randomness())
    begun = cycle_now()
    await unit.run(25)
    assert unit.cycles[0] == begun + 1 + WeightsUnit.latency
    assert unit.cycles == list(range(unit.cycles[0], unit.cycles[0] + len(unit.rows)))


@cocotb.test(**TIMEOUT)
async def writes_a_row_per_cycle_from_the_memory(dut):
    """With rows that are whole beats, there is a row in every cycle, also across instructions."""
    await start(dut)
    unit = Unit(dut, randomness())
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
    unit = Unit(dut, randomness())
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
        unit = Unit(dut, source, room, granted, mixes=1)
        await unit.run(10, random_gaps(source, late, 60), buffer, transposed)
        unit.stop()


@cocotb.test(**TIMEOUT)
async def writes_no_row_without_a_place(dut):
    """While the FIFO is full, nothing is requested."""
    await start(dut)
    source = randomness()
    unit = Unit(dut, source, iter([True] + [False] * 10_000))
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
        unit = Unit(dut, source)
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
    unit = Unit(dut, randomness())
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
        unit = Unit(dut, source, mixes=1)
        unit.start([unit.draw(source.random() < 0.6, 0.5) for _ in range(6)])
        for _ in range(source.randrange(150)):
            await tick(dut)
        unit.stop()
        dut.memory__r__valid.value = dut.instructions__valid.value = 0
        dut.buffer__rows__valid.value = 0
        await reset(dut)
    unit = Unit(dut, source, mixes=1)
    await unit.run(8, from_buffer=0.5, transposed=0.5)
