"""Programs on a GatedCore, with simple units at its ports, and the cycles of all instructions."""

from collections.abc import Collection, Sequence

import cocotb

from benches.bits import pack
from benches.coroutines import compare, parameters, read, tick
from benches.gated_core import do_name
from benches.stub_times import StubWork
from weft.buffer.unified_buffer import write_layout
from weft.isa.codes import Unit
from weft.isa.fields import UNIT_BYTES
from weft.isa.instruction import Instruction
from weft.sequencer.ports import program_unit_layout
from weft_model.core.core_timing import CoreTimes
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send


class Stub:
    """A simple unit at the ports of a core."""

    def __init__(self, dut, unit: Unit, program: Sequence[Instruction]):
        self.dut, self.unit = dut, unit
        self.works = [StubWork.of(one) for one in program if one.unit == unit]

    async def run(self) -> None:
        for work in self.works:
            await self._begin()
            reading = [
                cocotb.start_soon(self._read(name, rows)) for name, rows in work.reads.items()
            ]
            if self.unit == Unit.VECTOR:
                reading.append(cocotb.start_soon(self._take(work)))
            for task in reading:
                await task
            if work.writes:
                await self._write(work.writes)
            await self._finish(work.delay)

    async def _begin(self) -> None:
        """Be ready for the next instruction until it starts; return after that cycle."""
        instructions = Stream.amaranth(self.dut, do_name(self.unit))
        instructions.ready.value = 1
        await tick(self.dut)
        while not instructions.valid.value:
            await tick(self.dut)
        instructions.ready.value = 0

    async def _read(self, name: str, rows: range) -> None:
        await send(Stream.amaranth(self.dut, f"{name}__requests"), [(row,) for row in rows])

    async def _write(self, rows: range) -> None:
        config = parameters().config
        layout = write_layout(rows=config.buffer.rows, width=config.lanes * config.operand_width)
        beats = [(pack(layout, row=row, data=0),) for row in rows]
        await send(Stream.amaranth(self.dut, self.unit.name.lower()), beats)

    async def _take(self, work: StubWork) -> None:
        results = Stream.amaranth(self.dut, "results")
        for row in range(work.results):
            for _ in range(work.period - 1 if row else 0):
                await tick(self.dut)
            results.ready.value = 1
            await tick(self.dut)
            while not results.valid.value:
                await tick(self.dut)
            results.ready.value = 0

    async def _finish(self, delay: int) -> None:
        """Be done `delay` cycles after the one that has just ended."""
        for _ in range(delay - 1):
            await tick(self.dut)
        done = getattr(self.dut, f"did_{self.unit.name.lower()}")
        done.value = 1
        await tick(self.dut)
        done.value = 0


async def execute(
    dut, program: Sequence[Instruction], stubs: Collection[Unit]
) -> dict[str, dict[Unit, list[int]]]:
    """Run a program; return the cycles of all starts and finishes, and of `done`."""
    data = b"".join(instruction.encode() for instruction in program)
    units = [data[at : at + UNIT_BYTES] for at in range(0, len(data), UNIT_BYTES)]
    beats = [
        (
            pack(
                program_unit_layout(),
                bits=int.from_bytes(unit, "little"),
                last=number == len(units) - 1,
            ),
        )
        for number, unit in enumerate(units)
    ]
    tasks = [cocotb.start_soon(Stub(dut, unit, program).run()) for unit in stubs]
    dut.launch.value = 1
    await tick(dut)
    dut.launch.value = 0
    tasks.append(cocotb.start_soon(send(Stream.amaranth(dut, "program"), beats)))
    begun = cycle_now() + 1
    seen = {name: {unit: [] for unit in Unit} for name in ("started", "finished")}
    while True:
        await tick(dut)
        cycle = cycle_now() - begun
        for name, cycles in seen.items():
            bits = read(dut, name)
            for unit in Unit:
                if bits >> unit & 1:
                    cycles[unit].append(cycle)
        if read(dut, "done"):
            break
    for task in tasks:
        task.cancel()
    assert not read(dut, "errors")
    return {**seen, "done": {Unit.LOAD: [cycle]}}


async def check(
    dut, program: Sequence[Instruction], model: CoreTimes, stubs: Collection[Unit]
) -> None:
    """Run a program, and compare all its cycles with those of a model.

    `stubs`: the units that are ports of the core.
    """
    done = model.run(program)
    seen = await execute(dut, program, stubs)
    for unit in Unit:
        compare(f"starts of {unit.name}", seen["started"][unit], model.starts[unit])
        compare(f"finishes of {unit.name}", seen["finished"][unit], model.finishes[unit])
    assert seen["done"][Unit.LOAD] == [done]
