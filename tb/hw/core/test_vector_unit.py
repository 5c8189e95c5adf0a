"""VectorUnit: rows and row scalars equal those of the machine in numpy, in the model's cycles."""

import dataclasses
import itertools
import random
from collections.abc import Iterator

import cocotb
import numpy as np

from benches.bits import join, pack, unpack
from benches.core import random_state
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, start, tick
from benches.data_path import fill
from benches.runner import on_simulators
from benches.vector_core import VectorCore
from benches.vector_instructions import (
    POSITIVE,
    legal_vector,
    random_reciprocal,
    small_multipliers,
)
from weft.buffer.unified_buffer import write_layout
from weft.core.core_config import BufferConfig, CoreConfig, VectorConfig, core_of
from weft.core.vector_unit import VectorUnit
from weft.isa.codes import (
    Combine,
    Format,
    Opcode,
    Rounding,
    ScaleSource,
    Subtrahend,
    Target,
    XSource,
    YSource,
)
from weft.isa.instruction import Instruction
from weft.matrix.layouts import result_layout
from weft.vector.layouts import constant_layout
from weft_model.core.machine import work_of
from weft_model.core.vector_timing import vector_cycles
from weft_model.core.walks import vector_height, window_size
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_gaps


def core(lanes: int, vector_lanes: int) -> CoreConfig:
    """Return a core with the memories that random instructions need."""
    config = core_of(lanes=lanes, buffer=BufferConfig(rows=256, banks=4), accumulators=16)
    vector = VectorConfig(lanes=vector_lanes, parameter_rows=8, tables=4, row_scalars=128)
    return dataclasses.replace(config, vector=vector)


# Buffer rows that no random instruction has.
UNUSED = range(100, 128)
CORES = {"4x4, V = 1": core(4, 1), "8x8, V = 4": core(8, 4), "8x8, V = 2": core(8, 2)}


@on_simulators("config", CORES, verilator=2)
def test_vector_unit(simulate, config):
    simulate(
        [equals_the_machine_in_numpy, equals_the_machine_in_numpy_under_stalls],
        VectorCore,
        config=config,
    )


def result_rows_of(instruction: Instruction) -> int:
    """Return the result rows that an instruction drains."""
    drains = instruction["x_source"] == XSource.RESULTS and not instruction["function"]
    return vector_height(instruction) * window_size(instruction) if drains else 0


class Bench:
    """A core with random contents, its twin in numpy, and what it has done in which cycle."""

    def __init__(self, dut, config: CoreConfig, source: random.Random):
        self.dut, self.config, self.source = dut, config, source
        draw = np.random.default_rng(source.getrandbits(32))
        self.draw = draw
        self.state = random_state(draw, config.capacity)
        small_multipliers(self.state)
        # For reciprocals.
        self.state.scalars[POSITIVE, 0] = draw.integers(1, 1 << 31, len(POSITIVE))
        self.buffer = np.zeros_like(self.state.buffer)
        self.seen: dict[str, list[int]] = {}

    @classmethod
    async def begin(cls, dut) -> "Bench":
        """Reset, and fill all memories."""
        bench = cls(dut, parameters().config, randomness())
        await start(dut)
        await fill(dut, bench.config, bench.state.buffer)
        bench.buffer[:] = bench.state.buffer
        await bench._load()
        return bench

    async def _load(self) -> None:
        layout, state = constant_layout(self.config.lanes), self.state
        memories = {
            Target.PARAMETERS: state.parameters.reshape(len(state.parameters), -1),
            Target.TABLES: state.tables,
            Target.SCALARS: state.scalars,
        }
        self.dut.constants__valid.value = 1
        for target, memory in memories.items():
            for (row, word), number in np.ndenumerate(memory):
                fields = {"target": target, "row": row, "word": word, "data": number}
                self.dut.constants__payload.value = pack(layout, **fields)
                await tick(self.dut)
        self.dut.constants__valid.value = 0
        for _ in range(3):
            await tick(self.dut)

    async def _watch(self) -> None:
        """Record the cycles of everything that the unit does, and what it writes."""
        layout = write_layout(
            rows=self.config.buffer.rows, width=self.config.lanes * self.config.operand_width
        )
        names = ("x_request", "y_request", "write", "finished", "take", "start")
        self.seen = {name: [] for name in names}
        while True:
            await tick(self.dut)
            transfers = {
                "start": ("instructions__valid", "instructions__ready"),
                "take": ("results__valid", "results__ready"),
            }
            for name in names:
                if all(read(self.dut, part) for part in transfers.get(name, (name,))):
                    self.seen[name].append(cycle_now())
            assert not read(self.dut, "refused"), "a write was refused"
            if read(self.dut, "write"):
                write = unpack(layout, read(self.dut, "written"))
                row_bytes = self.buffer.shape[1]
                row = np.frombuffer(write["data"].to_bytes(row_bytes, "little"), np.uint8)
                self.buffer[write["row"]] = row

    async def run(self, instruction: Instruction, gaps: Iterator[int] | None = None) -> None:
        """Execute an instruction, and compare the buffer with that of the machine in numpy."""
        config, count = self.config, result_rows_of(instruction)
        rows = self.draw.integers(-(1 << 31), 1 << 31, (count, config.lanes)).astype(np.int32)
        layout = result_layout(config.matrix)
        beats = [(pack(layout, lanes=join(row.tolist(), 32)),) for row in rows]
        watching = cocotb.start_soon(self._watch())
        sending = cocotb.start_soon(send(Stream.amaranth(self.dut, "results"), beats, gaps))
        beat = (int.from_bytes(instruction.encode(), "little"),)
        await send(Stream.amaranth(self.dut, "instructions"), [beat])
        while not self.seen["finished"]:
            await tick(self.dut)
            assert not read(self.dut, "error"), read(self.dut, "error")
        watching.cancel()
        await sending
        assert len(self.seen["take"]) == count
        self.state.results.push(rows)
        work = work_of(self.state, instruction)
        work.run(0, work.parts)
        wrong = np.argwhere(self.buffer != self.state.buffer)
        if len(wrong):
            row, _ = wrong[0]
            got, wanted = self.buffer[row].tolist(), self.state.buffer[row].tolist()
            raise AssertionError(f"row {row}: got {got}, not {wanted}: {instruction}")

    def check_cycles(self, instruction: Instruction) -> None:
        """Compare the cycles of the last instruction with those of the model."""
        begun = self.seen["start"][0]
        seen = {name: np.array(cycles) - begun for name, cycles in self.seen.items()}
        expected = vector_cycles(
            instruction,
            row_chunks=VectorUnit.row_chunks_of(self.config),
            results=[0] * result_rows_of(instruction),
        )
        for name, cycles in (
            ("x_request", expected.x_requests),
            ("y_request", expected.y_requests),
            ("take", expected.takes),
            ("write", expected.writes),
            ("finished", [expected.finished]),
        ):
            compare(f"cycles of {name} of {instruction}", seen[name].tolist(), list(cycles))

    async def disturb(self) -> None:
        """Read random rows for ever, and write some that no instruction has."""
        rows, width = self.config.buffer.rows, self.config.lanes * self.config.operand_width
        layout = write_layout(rows=rows, width=width)
        while True:
            for name in ("matrix", "store"):
                getattr(self.dut, f"{name}__requests__valid").value = self.source.random() < 0.6
                getattr(self.dut, f"{name}__requests__payload").value = self.source.randrange(rows)
            row = self.source.choice(UNUSED)
            number = int.from_bytes(self.buffer[row].tobytes(), "little")
            self.dut.load__valid.value = self.source.random() < 0.5
            self.dut.load__payload.value = pack(layout, row=row, data=number)
            await tick(self.dut)


def dumps(lanes: int, row_scalars: int) -> Iterator[Instruction]:
    """Yield instructions that write all row scalars to the buffer, values and then scales."""
    for scales, first in itertools.product((False, True), range(0, row_scalars, 32)):
        # 1, from anything, times the scale.
        one = {
            "subtrahend": Subtrahend.SCALAR,
            "subtract_scalar": first,
            "y_source": YSource.IMMEDIATE,
            "combine": Combine.ADD,
            "immediate": 1,
            "rounding": Rounding.UP,
            "scale_source": ScaleSource.SCALAR,
            "scale_scalar": first,
            "scalar_inner": 1,
        }
        yield Instruction.make(
            Opcode.VECTOR,
            **dict(x_source=XSource.SCALARS, x_row=first, x_inner=1, inner_count=32, write=1),
            **dict(destination_format=Format.INT32, destination_row=128, destination_inner=4),
            **dict(valid_lanes=lanes, **(one if scales else {})),
        )


def random_program(draw: np.random.Generator, config: CoreConfig, count: int):
    """Yield random instructions, some of which are reciprocals, and then the row scalars."""
    for _ in range(count):
        if draw.random() < 0.1:
            yield random_reciprocal(draw)
        else:
            yield legal_vector(draw, config.lanes)
    yield from dumps(config.lanes, config.vector.row_scalars)


@cocotb.test(**TIMEOUT)
async def equals_the_machine_in_numpy(dut):
    """Random instructions, whose results are there in time."""
    bench = await Bench.begin(dut)
    for instruction in random_program(bench.draw, bench.config, 40):
        await bench.run(instruction)
        bench.check_cycles(instruction)


@cocotb.test(**TIMEOUT)
async def equals_the_machine_in_numpy_under_stalls(dut):
    """Results come late, and other units read the banks and write them."""
    bench = await Bench.begin(dut)
    source = bench.source
    others = cocotb.start_soon(bench.disturb())
    for likely in (0.9, 0.3):
        for instruction in random_program(bench.draw, bench.config, 20):
            await bench.run(instruction, random_gaps(source, likely, 12))
    others.cancel()
