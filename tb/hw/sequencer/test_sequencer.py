"""Sequencer: whole programs; what starts has waited, and every fault ends the program."""

import random
from collections.abc import Iterator

import cocotb
import numpy as np

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.decoder_model import damaged, decode, units_of
from benches.instructions import random_instruction
from benches.runner import on_simulators
from benches.stub_units import StubUnit
from weft.isa.codes import Opcode, Unit
from weft.isa.instruction import Instruction
from weft.isa.kind import wait_name
from weft.isa.layouts import instruction_layout
from weft.sequencer.decoder import Decoder
from weft.sequencer.ports import FaultCode, fault_layout, program_unit_layout
from weft.sequencer.sequencer import KIND_OF, Sequencer, kept_fields
from weft.sequencer.unit_queue import UnitQueue


@on_simulators("slots", {"8 slots": 8, "1 slot": 1, "2 slots": 2})
def test_sequencer(simulate, slots):
    coroutines = [
        starts_what_has_waited,
        has_the_latencies_of_its_parts,
        reports_faults,
        reports_what_is_left_over,
    ]
    simulate(coroutines, Sequencer, slots=slots)


def random_program(source: random.Random, count: int) -> list[Instruction]:
    """Return instructions with random fields and any waits; all waits are legal."""
    numbers = np.random.default_rng(source.getrandbits(32))
    program = []
    for _ in range(count):
        instruction = random_instruction(numbers)
        waits = {
            wait_name(unit): source.choice([1, 2, 3, source.randrange(256)])
            if source.random() < 0.3
            else 0
            for unit in Unit
        }
        program.append(instruction.replaced(**waits))
    return program


def bytes_of(program: list[Instruction]) -> list[int]:
    """Return the units of 32 bytes of a program, with HALT behind it."""
    whole = [*program, Instruction.make(Opcode.HALT)]
    return units_of(b"".join(instruction.encode() for instruction in whole))


def fields_of(instruction: Instruction) -> int:
    """Return the bits that the unit of an instruction receives."""
    kept = [field.name for field in kept_fields(instruction.kind)]
    return pack(instruction_layout(instruction.kind), **{name: instruction[name] for name in kept})


def happens_before(program: list[Instruction], slots: int) -> Iterator[tuple[int, int]]:
    """Yield pairs of instructions, by number: the first must finish before the second starts.

    The second has waited for the first; or the second, or one before it, needs its slot.
    """
    given: dict[Unit, list[int]] = {unit: [] for unit in Unit}
    slot_of: dict[Unit, int] = {}
    for number, instruction in enumerate(program):
        unit = KIND_UNIT[instruction.opcode]
        for waited, wait in instruction.waits.items():
            before = given[waited][: max(0, len(given[waited]) - wait + 1)]
            yield from ((other, number) for other in before[-1:])
        if len(given[unit]) >= slots:
            slot_of[unit] = given[unit][-slots]
        yield from ((other, number) for other in slot_of.values())
        given[unit].append(number)


KIND_UNIT = {kind.opcode: unit for unit, kind in KIND_OF.items()}


class Run:
    """A program on the sequencer with stub units, cycle by cycle."""

    def __init__(self, dut, source: random.Random, units: list[int]):
        self.dut, self.source, self.units = dut, source, units
        longest = source.choice([1, 3, 30])
        self.stubs = {
            unit: StubUnit(
                unit.name.lower(), source, source.randint(1, 3), source.choice([1, 3, longest])
            )
            for unit in Unit
        }
        self.sent = 0
        self.offering = False
        self.cycle = 0

    async def step(self) -> None:
        dut = self.dut
        more = self.sent < len(self.units)
        self.offering = more and (self.offering or self.source.random() < 0.7)
        dut.program__valid.value = int(self.offering)
        if self.offering:
            last = self.sent == len(self.units) - 1
            dut.program__payload.value = pack(
                program_unit_layout(), bits=self.units[self.sent], last=last
            )
        for stub in self.stubs.values():
            stub.drive(dut, self.cycle)
        await tick(dut)
        for stub in self.stubs.values():
            stub.observe(dut)
        if self.offering and read(dut, "program__ready"):
            self.sent += 1
            self.offering = False
        self.cycle += 1

    async def until_it_ends(self) -> None:
        """Run until the program ends."""
        self.dut.launch.value = 1
        await tick(self.dut)
        self.dut.launch.value = 0
        await self.step()
        while read(self.dut, "running"):
            await self.step()
        self.idle()

    def idle(self) -> None:
        """Drive all inputs low from the next cycle on."""
        self.dut.program__valid.value = 0
        for stub in self.stubs.values():
            stub.idle(self.dut)

    def by_instruction(self, program: list[Instruction]) -> list[tuple[int, int]]:
        """Return the start and the finish of each instruction."""
        cycles = {
            unit: iter(zip(s.starts, s.finishes, strict=True)) for unit, s in self.stubs.items()
        }
        return [next(cycles[KIND_UNIT[instruction.opcode]]) for instruction in program]


@cocotb.test(**TIMEOUT)
async def starts_what_has_waited(dut):
    """Each unit gets its instructions whole and in order; starts and ends obey all waits."""
    source, slots = randomness(), parameters().slots
    await start(dut)
    for count in (1, 30, 80):
        program = random_program(source, count)
        run = Run(dut, source, bytes_of(program))
        await run.until_it_ends()
        assert read(dut, "done") and not read(dut, "flush")
        assert read(dut, "fault") == 0
        for unit, stub in run.stubs.items():
            own = [i for i in program if KIND_UNIT[i.opcode] == unit]
            assert stub.taken == [fields_of(i) for i in own], f"the instructions of {unit.name}"
            assert stub.starts == sorted(set(stub.starts))
        times = run.by_instruction(program)
        for first, second in happens_before(program, slots):
            ended, begun = times[first][1], times[second][0]
            assert ended < begun, f"{second} starts in {begun}, {first} ends in {ended}"


@cocotb.test(**TIMEOUT)
async def has_the_latencies_of_its_parts(dut):
    """The first instruction is offered and permitted a constant time after its last unit."""
    numbers = np.random.default_rng(randomness().getrandbits(32))
    await start(dut)
    for unit in Unit:
        program = [random_instruction(numbers, KIND_OF[unit].opcode)]
        units = bytes_of(program)
        name = unit.name.lower()
        dut.launch.value = 1
        await tick(dut)
        dut.launch.value = 0
        seen: dict[str, int] = {}
        for cycle in range(40):
            place = min(cycle, len(units) - 1)
            dut.program__valid.value = int(cycle < len(units))
            dut.program__payload.value = pack(
                program_unit_layout(), bits=units[place], last=place == len(units) - 1
            )
            for signal in ("instructions__ready", "starts", "finishes"):
                getattr(dut, f"{name}__{signal}").value = int(cycle == 20)
            await tick(dut)
            for signal in (f"{name}__instructions__valid", f"{name}__may_start", "done"):
                if read(dut, signal):
                    seen.setdefault(signal, cycle)
        dispatch = program[0].kind.units - 1 + Decoder.latency
        assert seen == {
            f"{name}__instructions__valid": dispatch + UnitQueue.offer_latency,
            f"{name}__may_start": dispatch + UnitQueue.permit_latency,
            "done": 22,
        }


@cocotb.test(**TIMEOUT)
async def reports_faults(dut):
    """An illegal instruction, or `stop`, ends the program; the next one runs as if it were new."""
    source = randomness()
    await start(dut)
    for _ in range(15):
        units = damaged(source, bytes_of(random_program(source, 5)))
        expected = decode(units)
        run = Run(dut, source, units)
        await run.until_it_ends()
        fault = unpack(fault_layout(), read(dut, "fault"))
        stopped = expected.code != FaultCode.NONE
        assert FaultCode(fault["code"]) == expected.code
        assert read(dut, "flush") == stopped and read(dut, "done") == (not stopped)
        if stopped:
            assert (fault["unit"], fault["word"]) == (expected.unit, expected.word)
    run = Run(dut, source, bytes_of(random_program(source, 30)))
    dut.launch.value = 1
    await tick(dut)
    dut.launch.value = 0
    for _ in range(source.randint(1, 40)):
        await run.step()
    dut.stop.value = 1
    await run.step()
    dut.stop.value = 0
    run.idle()
    await tick(dut)
    assert read(dut, "flush") and not read(dut, "running")
    program = random_program(source, 20)
    again = Run(dut, source, bytes_of(program))
    await again.until_it_ends()
    assert read(dut, "done") and read(dut, "fault") == 0
    again.by_instruction(program)


@cocotb.test(**TIMEOUT)
async def reports_what_is_left_over(dut):
    """HALT ends the program all the same."""
    source = randomness()
    await start(dut)
    units = bytes_of(random_program(source, 10))
    dut.left_over.value = 1
    run = Run(dut, source, units)
    await run.until_it_ends()
    assert read(dut, "done") and not read(dut, "flush")
    fault = unpack(fault_layout(), read(dut, "fault"))
    assert fault == {"code": FaultCode.LEFT_OVER.value, "unit": len(units) - 1, "word": 0}
