"""A LoadUnit with a memory, and what it has written."""

import dataclasses
import random

import cocotb
import numpy as np

from benches.axi_memory import AxiMemory
from benches.bits import unpack
from benches.core import first_difference, random_state
from benches.coroutines import parameters, read, tick
from benches.memory_regions import RandomRegions
from weft.buffer.unified_buffer import write_layout
from weft.isa.codes import Opcode, Target
from weft.isa.instruction import Instruction
from weft.vector.layouts import constant_layout
from weft_model.core.machine import work_of
from weft_model.core.walks import row_bytes_of
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_bools

ADDRESS = 40


class LoadSession:
    """The unit between a memory with regions and the memories of a core."""

    def __init__(self, dut, source: random.Random, sizes: list[int] | None = None):
        given = parameters()
        self.dut, self.source, self.config = dut, source, given.config
        self.regions = RandomRegions(source, address_width=ADDRESS, sizes=sizes)
        numbers = np.random.default_rng(source.getrandbits(32))
        self.image = numbers.integers(0, 256, self.regions.bytes, np.uint8)
        capacity = self.config.capacity
        needs = dataclasses.replace(capacity, regions=tuple(self.regions.sizes))
        self.expected, self.got = (random_state(np.random.default_rng(1), needs) for _ in range(2))
        # Both read the image.
        self.expected.memory = [
            self.image[base - self.regions.base :][:size]
            for base, size in zip(self.regions.bases, self.regions.sizes, strict=True)
        ]
        self.got.memory = self.expected.memory
        self.sizes = dict(
            data_width=given.data_width, address_width=ADDRESS, base=self.regions.base
        )
        self.row_writes: list[int] = []
        self.word_writes: list[int] = []
        self.finished: list[int] = []
        self.tasks: list = []
        dut.regions.value = self.regions.bits

    def begin(self, memory: AxiMemory, granted=None) -> AxiMemory:
        """Connect the memory and the buffer."""
        self.take(granted)
        self.tasks.append(cocotb.start_soon(memory.serve()))
        return memory

    def take(self, granted=None) -> None:
        """Connect the buffer."""
        granted = granted or random_bools(self.source, 1.0)
        self.tasks = [cocotb.start_soon(self._write(granted))]

    def end(self) -> None:
        for task in self.tasks:
            task.cancel()

    async def _write(self, granted) -> None:
        """Take every write, and count the ends."""
        dut, config = self.dut, self.config
        rows = write_layout(rows=config.buffer.rows, width=config.lanes * config.operand_width)
        words = constant_layout(config.lanes)
        size = self.got.buffer.shape[1]
        while True:
            ready = int(next(granted))
            dut.buffer__ready.value = ready
            await tick(dut)
            if read(dut, "finished"):
                self.finished.append(cycle_now())
            if ready and read(dut, "buffer__valid"):
                fields = unpack(rows, read(dut, "buffer__payload"))
                data = np.frombuffer(fields["data"].to_bytes(size, "little"), np.uint8)
                self.got.buffer[fields["row"]] = data
                self.row_writes.append(cycle_now())
            if read(dut, "constants__valid"):
                fields = unpack(words, read(dut, "constants__payload"))
                target = self.got.target(Target(fields["target"]))
                data = np.frombuffer(fields["data"].to_bytes(4, "little"), np.uint8)
                at = 4 * fields["word"]
                target[fields["row"], at : at + 4] = data
                self.word_writes.append(cycle_now())

    def draw(self, **given: int) -> Instruction:
        """Return a legal LOAD: all its lines and rows exist."""
        source, config = self.source, self.config
        target = Target(given.get("target", source.choice([0, 0, 1, 2, 3])))
        size = row_bytes_of(
            target, lanes=config.lanes, buffer_row=config.lanes * config.operand_width // 8
        )
        length = source.choice([1, source.randint(1, size), size, 2 * size + source.randint(0, 9)])
        region = source.choice(self.regions.permitted("readable"))
        length = min(length, self.regions.sizes[region], 250)
        counts = [source.choice([1, 2, 3]), source.choice([1, 2, 4])]
        rows_of = len(self.got.target(target))
        if counts[0] * counts[1] * -(-length // size) > rows_of:
            counts = [1, 1]
        rows = counts[0] * counts[1] * -(-length // size)
        space = self.regions.sizes[region] - length
        pitches = [source.randint(0, space // 2) // max(1, count - 1) for count in counts]
        reach = sum(p * (count - 1) for p, count in zip(pitches, counts, strict=True))
        offset = source.randint(0, space - reach)
        if source.random() < 0.3:
            offset += pitches[1] * (counts[1] - 1)
            pitches[1] = -pitches[1]
        fields = dict(
            target=target,
            region=region,
            groups=counts[0],
            lines=counts[1],
            row=source.randint(0, rows_of - rows),
            fill=source.randrange(256),
            offset=offset,
            bytes=length,
            group_pitch=pitches[0],
            line_pitch=pitches[1],
        )
        return Instruction.make(Opcode.LOAD, **(fields | given))

    def start(self, instructions, gaps=None):
        beats = [(int.from_bytes(one.encode(), "little"),) for one in instructions]
        task = cocotb.start_soon(send(Stream.amaranth(self.dut, "instructions"), beats, gaps))
        self.tasks.append(task)
        return task

    async def run(self, instructions, gaps=None) -> None:
        """Execute instructions, and compare the memories of the core at their end."""
        self.start(instructions, gaps)
        already = len(self.finished)
        for instruction in instructions:
            work = work_of(self.expected, instruction)
            work.run(0, work.parts)
        while len(self.finished) < already + len(instructions):
            await tick(self.dut)
            assert read(self.dut, "error") == 0
        assert first_difference(self.got, self.expected) == ""
        await tick(self.dut)


def copies(state) -> list[np.ndarray]:
    """Return the memories that LOAD writes."""
    return [state.target(target) for target in Target]
