"""A StoreUnit with a buffer and a memory, and what it has written."""

import random

import cocotb
import numpy as np

from benches.axi_write_memory import Pace, WriteMemory
from benches.bits import join, pack
from benches.buffer_port import answer
from benches.core import random_state
from benches.coroutines import parameters, read, tick
from weft.bus.regions import region_layout
from weft.core.errors import CoreError
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft.isa.requirements import Requirements
from weft_model.core.machine import work_of
from weft_model.core.walks import line_offsets
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_bools

# The memory has 16 KiB from here on, in regions of 4 KiB and some bytes; region 3 is read only.
BASE = 0x12_3456_0000
REGION_BYTES = 5120
BASES = (0, 5120, 10240, 256)
ROWS = 96


def sizes(*, row_bytes: int, beat_bytes: int) -> dict[str, int]:
    return {
        "width": 8 * row_bytes,
        "rows": ROWS,
        "data_width": 8 * beat_bytes,
        "address_width": 40,
    }


def draw(source: random.Random, row_bytes: int) -> Instruction:
    """Return a legal STORE; its lines may overlap."""
    while True:
        most_rows = source.choice([1, 2, 6, 20])
        count = source.randint(1, most_rows * row_bytes)
        per_line = -(-count // row_bytes)
        pitch = source.choice([count, 2 * count, count - 1, 64])
        instruction = Instruction.make(
            Opcode.STORE,
            region=source.randint(0, 2),
            groups=source.randint(1, 3),
            lines=source.randint(1, 4),
            bytes=count,
            row=source.randint(0, ROWS - 1),
            offset=source.choice([0, 8, source.randint(0, REGION_BYTES - 1)]),
            line_pitch=source.choice([pitch, -pitch, source.randint(-300, 300)]),
            group_pitch=source.choice([0, 3 * pitch, source.randint(-900, 900)]),
        )
        offsets = line_offsets(instruction)
        fits = offsets.min() >= 0 and offsets.max() + count <= REGION_BYTES
        if fits and instruction["row"] + per_line * len(offsets) <= ROWS:
            return instruction


class StoreSession:
    """The unit between a buffer and a memory; without a pace, somebody else is the memory."""

    def __init__(self, dut, source: random.Random, pace=None, granted: float = 1.0):
        self.dut, self.source, given = dut, source, parameters()
        self.row_bytes = given.width // 8
        needs = Requirements(
            lanes=self.row_bytes,
            queue_slots=8,
            fifo_tiles=1,
            result_rows=1,
            buffer_rows=ROWS,
            accumulators=1,
            regions=(REGION_BYTES,) * 3,
        )
        self.state = random_state(np.random.default_rng(source.getrandbits(32)), needs)
        image = np.zeros(4 * 4096, np.uint8)
        # The regions of the machine are parts of the memory that is expected.
        self.expected = image.copy()
        for number in range(3):
            self.state.memory[number] = self.expected[BASES[number] :][:REGION_BYTES]
        self.memory = WriteMemory(
            dut=dut,
            name="port",
            base=BASE,
            bytes=image,
            address_width=given.address_width,
            data_width=given.data_width,
            source=source,
            pace=pace or Pace(),
        )
        self.asked: list[int] = []
        self.finished = 0
        layout = region_layout(given.address_width)
        dut.regions.value = join(
            [
                pack(layout, base=BASE + base, size=REGION_BYTES, readable=1, writable=number < 3)
                for number, base in enumerate(BASES)
            ],
            layout.size,
        )
        grants = random_bools(source, granted)
        self.tasks = [
            cocotb.start_soon(answer(dut, "buffer", self.state.buffer, grants, self.asked)),
            cocotb.start_soon(self._count()),
        ]
        if pace:
            self.tasks.append(cocotb.start_soon(self.memory.run()))

    async def _count(self) -> None:
        while True:
            await tick(self.dut)
            if read(self.dut, "finished"):
                self.finished += 1

    def expect(self, instructions) -> None:
        """Execute instructions with numpy."""
        for instruction in instructions:
            work = work_of(self.state, instruction)
            work.run(0, work.parts)

    def send(self, instructions, gaps=None):
        beats = [(int.from_bytes(i.encode(), "little"),) for i in instructions]
        return cocotb.start_soon(send(Stream.amaranth(self.dut, "instructions"), beats, gaps))

    async def run(self, count: int, gaps=None) -> None:
        """Execute random instructions, and compare the memory."""
        instructions = [draw(self.source, self.row_bytes) for _ in range(count)]
        done = self.finished + count
        sending = self.send(instructions, gaps)
        self.expect(instructions)
        while self.finished < done:
            await tick(self.dut)
        await sending
        self.compare()
        assert read(self.dut, "idle") and self.memory.idle
        assert read(self.dut, "error") == CoreError.NONE.value

    def compare(self) -> None:
        wrong = np.flatnonzero(self.memory.bytes != self.expected)
        assert not len(wrong), (
            f"byte {wrong[0]} of the memory: got {self.memory.bytes[wrong[0]]}, expected "
            f"{self.expected[wrong[0]]} ({len(wrong)} differ)"
        )

    async def settle(self) -> None:
        """Flush the unit, and wait until it is idle."""
        self.dut.flush.value = 1
        await tick(self.dut)
        for _ in range(self.source.choice([0, 0, 3])):
            await tick(self.dut)
        self.dut.flush.value = 0
        await tick(self.dut)
        while not read(self.dut, "idle"):
            await tick(self.dut)
        assert self.memory.idle
        assert read(self.dut, "error") == CoreError.NONE.value
        self.expected[:] = self.memory.bytes
        self.memory.bad.clear()

    def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
