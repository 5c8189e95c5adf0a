"""Issue: instructions are dispatched and started in the cycles that the model computes."""

import random

import cocotb
from amaranth.hdl import unsigned

from benches.bits import join, pack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.issue import Planned, Times, random_plan, times_of
from benches.runner import on_simulators
from weft.sequencer.issue import Issue, issued_layout

CASES = {
    "5 units": {"units": 5, "slots": 8, "wait_width": 8, "most": 32767},
    "5 units, counts of 2 bits": {"units": 5, "slots": 3, "wait_width": 3, "most": 3},
    "3 units, 1 slot": {"units": 3, "slots": 1, "wait_width": 2, "most": 10},
    "1 unit": {"units": 1, "slots": 2, "wait_width": 1, "most": 1},
    "2 units, 7 slots": {"units": 2, "slots": 7, "wait_width": 3, "most": 60},
}
WIDTH = 11


@on_simulators("case", CASES)
def test_issue(simulate, case):
    simulate(
        [keeps_the_cycles_of_the_model, discards_everything_when_stopped],
        Issue,
        shapes=tuple(unsigned(WIDTH - unit) for unit in range(case["units"])),
        slots=case["slots"],
        wait_width=case["wait_width"],
        most=case["most"],
    )


def payload(planned: Planned) -> int:
    """Return the bits of an instruction; the fields are its low bits for every unit."""
    known = parameters()
    layout = issued_layout(shapes=known.shapes, wait_width=known.wait_width)
    widths = [shape.width for shape in known.shapes]
    fields = pack(
        layout["fields"].shape,
        **{f"of_{unit}": planned.fields for unit in range(len(widths))},
    )
    return pack(
        layout,
        unit=1 << planned.unit,
        waits=join(planned.waits, known.wait_width),
        fields=fields,
    )


def halt_payload() -> int:
    known = parameters()
    return pack(issued_layout(shapes=known.shapes, wait_width=known.wait_width), halt=1)


def draw(
    source: random.Random, count: int, *, slow: bool
) -> tuple[list[Planned], list[Times], int]:
    """Return random instructions, their cycles, and the cycle in which HALT is done."""
    known = parameters()
    units = len(known.shapes)
    plan = random_plan(
        source, units=units, count=count, wait_width=known.wait_width, width=WIDTH, slow=slow
    )
    overlapping = {unit for unit in range(units) if source.random() < 0.5}
    times, done = times_of(
        plan, units=units, slots=known.slots, most=known.most, overlapping=overlapping
    )
    return plan, times, done


async def run(dut, plan: list[Planned], times: list[Times], done: int, cycles: int) -> None:
    """Begin a program, drive the inputs of each cycle, and compare all outputs with the model."""
    units = len(parameters().shapes)
    end = times[-1].issued.dispatch + 1 if times else 1
    starting = {time.issued.dispatch: number for number, time in enumerate(times)}
    own = [[n for n, planned in enumerate(plan) if planned.unit == unit] for unit in range(units)]
    next_one, to_take, to_start = 0, [0] * units, [0] * units
    to_finish = [0] * units
    for cycle in range(cycles):
        offered = next_one < len(plan) and cycle >= times[next_one].offered
        halting = next_one == len(plan) and end <= cycle < done
        dut.launch.value = int(cycle == 0)
        dut.instructions__valid.value = int(offered or halting)
        if offered or halting:
            dut.instructions__payload.value = payload(plan[next_one]) if offered else halt_payload()
        expected = {"running": int(0 < cycle < done), "done": int(cycle == done), "flush": 0}
        if offered or halting:
            expected["instructions__ready"] = int(cycle in starting or cycle == done - 1)
        for unit in range(units):
            port = f"port_{unit}__"
            first = {
                name: times[own[unit][at[unit]]] if at[unit] < len(own[unit]) else None
                for name, at in (("take", to_take), ("start", to_start), ("finish", to_finish))
            }
            offers = first["take"] is not None and cycle >= first["take"].issued.offer
            permits = first["start"] is not None and cycle >= first["start"].issued.permission
            expected[f"{port}instructions__valid"] = int(offers)
            expected[f"{port}may_start"] = int(permits)
            if offers:
                fields = plan[own[unit][to_take[unit]]].fields
                mask = (1 << parameters().shapes[unit].width) - 1
                expected[f"{port}instructions__payload"] = fields & mask
            takes = first["take"] is not None and cycle == first["take"].take
            starts = first["start"] is not None and cycle == first["start"].start
            ends = first["finish"] is not None and cycle == first["finish"].finish
            getattr(dut, f"{port}instructions__ready").value = int(takes)
            getattr(dut, f"{port}starts").value = int(starts)
            getattr(dut, f"{port}finishes").value = int(ends)
            to_take[unit] += takes
            to_start[unit] += starts
            to_finish[unit] += ends
        await tick(dut)
        for name, wanted in expected.items():
            got = read(dut, name)
            assert got == wanted, f"{name}, cycle {cycle}: got {got:#x}, expected {wanted:#x}"
        if cycle in starting:
            next_one += 1


@cocotb.test(**TIMEOUT)
async def keeps_the_cycles_of_the_model(dut):
    """Checks all outputs in every cycle of several programs, each begun after the one before."""
    source = randomness()
    await start(dut)
    for slow in (False, True, False, True):
        plan, times, done = draw(source, source.choice([0, 1, 60, 250]), slow=slow)
        await run(dut, plan, times, done, done + source.randint(1, 5))


@cocotb.test(**TIMEOUT)
async def discards_everything_when_stopped(dut):
    """After a stop in any cycle nothing is offered, and the next program runs as if it were new."""
    source = randomness()
    units = len(parameters().shapes)
    await start(dut)
    for _ in range(20):
        plan, times, done = draw(source, 40, slow=source.random() < 0.5)
        stop = source.randint(1, done - 1)
        await run(dut, plan, times, done, stop)
        for unit in range(units):
            for name in ("instructions__ready", "starts", "finishes"):
                getattr(dut, f"port_{unit}__{name}").value = 0
        dut.launch.value, dut.stop.value = 0, 1
        await tick(dut)
        assert read(dut, "instructions__ready") == 0
        dut.stop.value = 0
        for cycle in range(source.randint(1, 4)):
            await tick(dut)
            assert read(dut, "flush") == (cycle == 0)
            assert read(dut, "running") == read(dut, "done") == 0
            assert read(dut, "instructions__ready") == 0
            for unit in range(units):
                seen = cycle and any(
                    read(dut, f"port_{unit}__{name}")
                    for name in ("instructions__valid", "may_start")
                )
                assert not seen, f"port {unit} after a stop"
