"""CoreControl: every program ends once, for its first reason, and the next one runs."""

import random
from dataclasses import dataclass, field

import cocotb

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.core.core_control import (
    CoreControl,
    State,
    ending_layout,
    errors_layout,
    sequencer_layout,
)
from weft.core.errors import CoreError
from weft.core.reporter import UNITS, Reporter, place_layout
from weft.sequencer.ports import FaultCode, fault_layout

LONGEST = 25


@on_simulators("standstill_bits", {"5": 5})
def test_core_control(simulate, standstill_bits):
    simulate(
        [ends_for_the_first_reason, keeps_its_latencies, stands_still],
        CoreControl,
        standstill_bits=standstill_bits,
    )


@dataclass
class Core:
    """What surrounds the control: a sequencer, units with errors, and a memory."""

    dut: object
    source: random.Random
    running: bool = False
    fault: dict[str, int] = field(default_factory=dict)
    errors: dict[Reporter, CoreError] = field(default_factory=dict)
    place: dict[str, int] = field(default_factory=dict)
    owes: int = 0
    flushed: int = 0
    seen: dict[str, int] = field(default_factory=dict)

    async def step(self, *, launch=0, abort=0, checked=0, halts=0, wrong=0, progress=1) -> None:
        """Pass a cycle; `halts` and `wrong`: the sequencer ends the program by itself."""
        dut = self.dut
        inputs = {"launch": launch, "abort": abort, "checked": checked, "progress": progress}
        errors = {unit.name.lower(): error.value for unit, error in self.errors.items()}
        inputs["errors"] = pack(errors_layout(), **errors)
        inputs["place"] = pack(place_layout(), **self.place)
        inputs["idle"] = not self.owes
        inputs["sequencer"] = pack(
            sequencer_layout(),
            running=self.running,
            done=halts,
            flush=self.flushed,
            fault=pack(fault_layout(), **self.fault),
        )
        for name, value in inputs.items():
            getattr(dut, name).value = int(value)
        await tick(dut)
        names = ("read", "start", "stop", "flush", "state", "done", "ending", "ended")
        self.seen = {name: read(dut, name) for name in names}
        stops = self.running and (self.seen["stop"] or wrong)
        self.flushed = int(stops)
        if self.seen["start"]:
            assert not self.running
            self.running, self.fault = True, {}
        if stops or halts:
            self.running = False
        if self.seen["flush"]:
            self.errors = {}
        if self.owes and self.source.random() < 0.3:
            self.owes -= 1

    @property
    def state(self) -> State:
        return State(self.seen["state"])

    async def begin(self) -> None:
        """Launch a program, and check its header."""
        await self.step(launch=1)
        assert self.state == State.IDLE
        await self.step()
        assert self.seen["read"] and not self.seen["ending"]
        for _ in range(self.source.randint(0, LONGEST)):
            await self.step(launch=self.source.randint(0, 1))
            assert not self.seen["read"] and self.state == State.READING

    async def run(self) -> None:
        """Let the sequencer begin, and execute instructions for a while."""
        await self.step(checked=1)
        await self.step()
        assert self.seen["start"] and not self.seen["read"]
        for _ in range(self.source.randint(0, LONGEST)):
            await self.step(launch=self.source.randint(0, 1))
            assert not self.seen["start"] and self.state == State.RUNNING

    async def end(self, reporter: Reporter, error: CoreError, place=None) -> None:
        """Wait until the program has ended, and compare its end."""
        self.owes = self.source.choice([0, 0, 5])
        flushed = 0
        while not self.seen["ended"]:
            # The cycle after WAITING can be the last one.
            launch = self.state != State.WAITING and self.source.randint(0, 1)
            noise = self.source.random() < 0.2
            if noise and self.state not in (State.READING, State.RUNNING):
                self.errors = {self.source.choice(UNITS): CoreError.RANGE}
            await self.step(launch=launch)
            flushed += self.seen["flush"]
        assert flushed >= CoreControl.flush_cycles
        assert self.owes == 0
        self.errors = {}
        got = unpack(ending_layout(), self.seen["ending"])
        assert (Reporter(got["reporter"]), CoreError(got["error"])) == (reporter, error)
        assert unpack(place_layout(), got["place"]) == (place or {"unit": 0, "word": 0})
        assert self.seen["done"] == (error == CoreError.NONE)
        assert not self.running


def random_place(source: random.Random) -> dict[str, int]:
    return {"unit": source.getrandbits(32), "word": source.randint(0, 7)}


async def one_program(core: Core) -> None:
    """Run a program that ends in a random way."""
    source = core.source
    core.place = random_place(source)
    await core.begin()
    kind = source.choice(
        ["halt", "left over", "fault", "errors", "errors", "header", "early abort"]
    )
    if kind == "header":
        core.errors = {Reporter.PROGRAM: CoreError.CRC}
        await core.step(checked=source.randint(0, 1), abort=source.randint(0, 1))
        await core.end(Reporter.PROGRAM, CoreError.CRC, core.place)
        return
    if kind == "early abort":
        await core.step(abort=1)
        await core.end(Reporter.HOST, CoreError.ABORTED)
        return
    await core.run()
    if kind == "halt":
        await core.step(halts=1)
        await core.end(Reporter.NONE, CoreError.NONE)
    elif kind == "left over":
        place = random_place(source)
        core.fault = {"code": FaultCode.LEFT_OVER.value, **place}
        await core.step(halts=1)
        await core.end(Reporter.SEQUENCER, CoreError.LEFT_OVER, place)
    elif kind == "fault":
        code = source.choice(
            [c for c in FaultCode if c not in (FaultCode.NONE, FaultCode.LEFT_OVER)]
        )
        place = random_place(source)
        await core.step(wrong=1)
        core.fault = {"code": code.value, **place}
        later = {Reporter.LOAD: CoreError.REGION, Reporter.VECTOR: CoreError.RECIPROCAL}
        core.errors = source.choice([{}, later])
        await core.step(abort=source.randint(0, 1))
        await core.end(Reporter.SEQUENCER, CoreError[code.name], place)
    else:
        chosen = source.sample([*UNITS, Reporter.HOST], source.randint(1, 4))
        for unit in chosen:
            if unit in UNITS:
                core.errors[unit] = source.choice([c for c in CoreError if c != CoreError.NONE])
        first = min(chosen, key=lambda r: r.value)
        error = {Reporter.HOST: CoreError.ABORTED}
        error |= core.errors
        await core.step(abort=Reporter.HOST in chosen)
        await core.end(first, error[first], core.place if first == Reporter.PROGRAM else None)


@cocotb.test(**TIMEOUT)
async def ends_for_the_first_reason(dut):
    source = randomness()
    await start(dut)
    core = Core(dut, source)
    for _ in range(150):
        await one_program(core)
        for _ in range(source.choice([0, 0, 3])):
            await core.step(abort=source.randint(0, 1))
            assert core.state == State.IDLE and not core.seen["ended"]


@cocotb.test(**TIMEOUT)
async def keeps_its_latencies(dut):
    """The cycles are those of the table of CoreControl."""
    await start(dut)
    core = Core(dut, randomness())
    await core.begin()
    await core.run()
    core.errors = {Reporter.STORE: CoreError.RANGE}
    await core.step()
    stops, flushes, ended = [], [], None
    cycle = 0
    while ended is None:
        cycle += 1
        await core.step()
        if cycle == 1:
            assert unpack(ending_layout(), core.seen["ending"])["error"] == CoreError.RANGE.value
        stops += [cycle] * core.seen["stop"]
        flushes += [cycle] * core.seen["flush"]
        ended = cycle if core.seen["ended"] else None
    assert stops[0] == 1
    assert flushes == list(range(2, 3 + CoreControl.flush_cycles))
    assert ended == 4 + CoreControl.flush_cycles


@cocotb.test(**TIMEOUT)
async def stands_still(dut):
    """The error comes after 2**standstill_bits cycles without a finish, and no earlier."""
    source = randomness()
    await start(dut)
    core, limit = Core(dut, source), 1 << parameters().standstill_bits
    for _ in range(3):
        await core.begin()
        await core.run()
        for _ in range(4):
            for _ in range(source.randint(limit // 2, limit - 1)):
                await core.step(progress=0)
            await core.step()
            assert core.state == State.RUNNING
        for _ in range(limit + 1):
            await core.step(progress=0)
            assert core.state == State.RUNNING
        await core.end(Reporter.STANDSTILL, CoreError.STANDSTILL)
