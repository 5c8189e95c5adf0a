"""WeightsUnit: every tile is that of the machine in numpy, and only valid rows are read."""

import random

import cocotb
import numpy as np

from benches.bits import split, split_signed, to_signed, unpack
from benches.buffer_port import answer
from benches.core import random_state
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.core.core_config import SMALL, TINY, CoreConfig
from weft.core.weights_unit import WeightsUnit
from weft.isa.codes import Format, Opcode
from weft.isa.instruction import Instruction
from weft.matrix.weight_fifo import fifo_row_layout
from weft_model.core.machine import work_of
from weft_model.core.walks import tile_heights, tile_offsets
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_bools, random_gaps


@on_simulators("config", {"4x4": TINY, "16x16": SMALL})
def test_weights_unit(simulate, config):
    simulate(
        [writes_a_row_per_cycle, writes_tiles_under_stalls, writes_no_row_without_a_place],
        WeightsUnit,
        config=config,
    )


def draw(source: random.Random, config: CoreConfig) -> Instruction:
    """Return a WEIGHTS whose rows are all in the buffer; some have negative pitches."""
    lanes, diagonal = config.lanes, int(source.random() < 0.3)
    number = source.choice([Format.INT8, Format.UINT8])
    pitches = {
        name: source.randint(-most, most)
        for name, most in (("row_pitch", 5), ("tile_pitch", 40), ("group_pitch", 90))
    }
    return Instruction.make(
        Opcode.WEIGHTS,
        from_buffer=1,
        diagonal=diagonal,
        format=number,
        valid_rows=source.choice([lanes, 1, source.randint(1, lanes)]),
        valid_columns=source.choice([lanes, lanes, source.randint(1, lanes)]),
        tiles=source.randint(1, 3),
        groups=source.randint(1, 2),
        zero_point=source.randint(number.minimum, number.maximum),
        offset=source.randint(300, 600),
        **pitches,
    )


def rows_read(instruction: Instruction, lanes: int) -> list[int]:
    """Return the buffer rows that an instruction reads, in order."""
    rows = []
    heights = tile_heights(instruction, lanes)
    for offset, height in zip(tile_offsets(instruction), heights, strict=True):
        count = 1 if instruction["diagonal"] else int(height)
        rows += [int(offset) + row * instruction["row_pitch"] for row in range(count)]
    return rows


class Unit:
    """The unit between a buffer and a FIFO, and the tiles that it has written."""

    def __init__(self, dut, source: random.Random, places=None, granted=None):
        self.dut, self.source, self.config = dut, source, parameters().config
        self.state = random_state(
            np.random.default_rng(source.getrandbits(32)), self.config.capacity
        )
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

    async def run(self, count: int, gaps=None) -> None:
        """Execute random instructions, and compare their tiles, reads and ends."""
        instructions = [draw(self.source, self.config) for _ in range(count)]
        beats = [(int.from_bytes(i.encode(), "little"),) for i in instructions]
        sending = cocotb.start_soon(send(Stream.amaranth(self.dut, "instructions"), beats, gaps))
        ends, asked = [], []
        for instruction in instructions:
            work = work_of(self.state, instruction)
            for part in range(work.parts):
                work.run(part, part + 1)
            asked += rows_read(instruction, self.config.lanes)
            ends.append(len(self.state.tiles) * self.config.lanes)
        while len(self.finished) < count:
            await tick(self.dut)
        await sending
        expected = np.concatenate(list(self.state.tiles))
        wrong = np.argwhere(np.array(self.rows) != expected)
        assert not len(wrong), f"row, lane {wrong[0]}: got {self.rows[wrong[0][0]]}"
        assert self.asked == asked
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
async def writes_tiles_under_stalls(dut):
    """Instructions come late, the FIFO is full, and the bank belongs to others."""
    source = randomness()
    await start(dut)
    for late, room, granted in ((0.5, 1.0, 1.0), (0.0, 0.05, 0.5), (0.3, 0.3, 0.2)):
        unit = Unit(dut, source, random_bools(source, room), random_bools(source, granted))
        await unit.run(12, random_gaps(source, late, 60))
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
