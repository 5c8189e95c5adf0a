"""A WeightsUnit with a buffer and a memory, and the tiles that it writes."""

import dataclasses
import random

import cocotb
import numpy as np

from benches.axi_memory import AxiMemory, random_memory
from benches.bits import split, split_signed, to_signed, unpack
from benches.buffer_port import answer
from benches.core import random_state
from benches.coroutines import parameters, read, tick
from benches.memory_regions import RandomRegions
from weft.bus.regions import REGIONS
from weft.core.core_config import CoreConfig
from weft.core.errors import CoreError
from weft.isa.codes import Format, Opcode
from weft.isa.instruction import Instruction
from weft.matrix.weight_fifo import fifo_row_layout
from weft_model.core.machine import work_of
from weft_model.core.walks import tile_heights, tile_offsets
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_bools

# Bytes of each region of the memory.
REGION = 6000


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


class WeightsSession:
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
