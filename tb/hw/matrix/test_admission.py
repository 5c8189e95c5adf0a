"""Admission: a row enters when its tile is complete and its result has a place, or is dropped."""

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice

import cocotb

from benches.coroutines import TIMEOUT, parameters, randomness, read, reset, start, tick
from benches.gate_model import Gate, Row, Tiles, lane_bits, marks, payload
from benches.runner import on_simulators
from weft.matrix.admission import Admission
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Activity, Error
from weft.matrix.timing import MatrixUnitTiming
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_bools, random_gaps


def gate(depth, credit, rows=3, spacing=1, **options):
    config = MatrixUnitConfig(rows=rows, columns=2, accumulator_depth=depth, **options)
    return config, credit, spacing


def gate_of_a_unit(**options):
    """Return the gate as it is in a unit of 2 x 2 cells."""
    config = MatrixUnitConfig(rows=2, columns=2, **options)
    timing = MatrixUnitTiming.of(config)
    return config, timing.result_depth, timing.spacing


# Accumulator depth, credits and least distance of the rows of a sum.
CASES = {
    "depth-4": gate(4, 3),
    "depth-1": gate(1, 2, rows=1),
    "depth-2": gate(2, 1, activation="uint3"),
    "depth-5": gate(5, 6, activation="int16"),
    "depth-7": gate(7, 1),
    "depth-16": gate(16, 4),
    "depth-33": gate(33, 3),
    "depth-512": gate(512, 16, rows=9),
    "depth-3 checksum": gate(3, 2, activation="int3", checksum=True),
    "depth-9, 7 cycles apart": gate(9, 4, spacing=7),
    "depth-1, 3 cycles apart": gate(1, 3, spacing=3),
    "depth-4, bfloat16": gate_of_a_unit(
        accumulator_depth=4, activation="bfloat16", weight="bfloat16", result="bfloat16"
    ),
}


@on_simulators("config, credits, spacing", CASES)
def test_admission(simulate, config, credits, spacing):
    coroutines = [
        admits_a_legal_row_every_cycle,
        holds_and_drops_as_it_must,
        waits_for_room,
        works_as_new_after_reset,
        remembers_neighbours_from_the_first_cycle,
    ]
    simulate(coroutines, Admission, config=config, credits=credits, spacing=spacing)


async def run_with_model(
    dut, rows: list[Row], cycles: int, tiles: Iterator[Tiles], release, gaps=None, resets=None
) -> Counter:
    """Send rows and compare every output with the model in every cycle; count the events.

    Runs until all rows have passed, for at most `cycles`. `tiles` yields the state of the loader in
    each cycle; a complete tile stays until it is taken. `release` and `resets` yield whether to
    release a place, if one is taken, and whether to reset.
    """
    config, places = parameters().config, parameters().credits
    beats = [(payload(row, config),) for row in rows]
    stream = Stream.amaranth(dut, "activations")
    sender = cocotb.start_soon(send(stream, beats, gaps))
    known = {beat: row for (beat,), row in zip(beats, rows, strict=True)}
    spacing = parameters().spacing
    model, seen, now = Gate(config, places, spacing), Counter(), Tiles()
    for number in range(cycles):
        if not now.complete:
            now = next(tiles)
        released = next(release) and model.places_out > 0
        resetting = resets is not None and next(resets)
        dut.tile_complete.value = int(now.complete)
        dut.tile_broken.value = int(now.broken)
        dut.tile_started.value = int(now.started)
        dut.tile_transferring.value = int(now.transferring)
        dut.released.value = int(released)
        dut.rst.value = int(resetting)
        await tick(dut)
        for name, expected in model.outputs(now).items():
            got = read(dut, name)
            assert got == expected, f"{name}, cycle {number}: got {got:#x}, expected {expected:#x}"
        admitted = "control" in model.checked[0]
        assert admitted or read(dut, "control") & marks(model.config) == 0, (
            f"an unexpected row, cycle {number}"
        )
        valid = read(dut, "activations__valid")
        offered = known[read(dut, "activations__payload")] if valid else None
        seen[model.activity(now).name] += 1
        for error in Error:
            seen[error.name] += error in model.errors(now)
        take = read(dut, "take") and now.complete
        seen["broken tile taken"] += take and now.broken
        seen["admitted"] += admitted
        model.step(now, released, offered)
        if take:
            now = Tiles()
        if resetting:
            model, now = Gate(config, places, spacing), Tiles()
        on_the_way = any("control" in checked for checked in model.checked)
        if sender.done() and model.waiting is None and not on_the_way:
            break
    seen["sent"] = stream.transfers
    sender.cancel()
    return seen


def any_tile(source: random.Random, likely: float, broken: float) -> Iterator[Tiles]:
    """Yield tiles that are complete with probability `likely`, and then broken with `broken`."""
    while True:
        complete = source.random() < likely
        yield Tiles(
            complete,
            complete and source.random() < broken,
            complete or source.random() < 0.3,
            source.random() < 0.5,
        )


def good_tile() -> Iterator[Tiles]:
    """Yield a good tile whenever the previous one has been taken."""
    while True:
        yield Tiles(complete=True, started=True)


def moody_bools(source: random.Random, places: int) -> Iterator[bool]:
    """Yield bools that are rarely true until all places can be taken, then always, and so on."""
    for likely in cycle([0.02, 1.0]):
        yield from islice(random_bools(source, likely), max(300, 40 * places))


def legal_rows(source: random.Random, config: MatrixUnitConfig, count: int) -> list[Row]:
    """Return random rows without a fault, the first of which switches."""
    begun: set[int] = set()
    recent: list[int] = []
    rows = []
    for _ in range(count):
        lanes = source.getrandbits(lane_bits(config))
        # Mostly a few rows, which overlap in the pipeline; sometimes any row.
        row = source.randrange(min(config.accumulator_depth, 6))
        if source.random() < 0.4:
            row = source.choice([config.accumulator_depth - 1, *recent[-4:]])
        if source.random() < 0.3:
            row = source.randrange(config.accumulator_depth)
        recent.append(row)
        first = row not in begun or source.random() < 0.2
        last = source.random() < 0.4
        begun = begun - {row} if last else begun | {row}
        switch = not rows or source.random() < 0.2
        rows.append(Row(lanes, switch, first, last, source.random() < 0.2, row))
    return rows


def any_rows(source: random.Random, config: MatrixUnitConfig, count: int) -> list[Row]:
    """Return random rows with some faults: inverted flags, and any row number of the port."""
    rows = []
    for row in legal_rows(source, config, count):
        fields = vars(row)
        fault = source.choice(["none", "none", "none", "none", "first", "last", "row", "begin"])
        if fault in ("first", "last"):
            fields = fields | {fault: not fields[fault]}
        if fault == "row":
            limit = 1 << config.row_width
            fields = fields | {
                "row": source.choice([config.accumulator_depth, source.randrange(limit)])
            }
        if fault == "begin":
            fields = fields | {"first": True, "last": False}
        rows.append(Row(**fields))
    return rows


@cocotb.test(**TIMEOUT)
async def admits_a_legal_row_every_cycle(dut):
    """No row waits if tiles and places are available; a place is available again after 3 cycles.

    Only a row that is added to a sum waits until the sum is known.
    """
    config, places = parameters().config, parameters().credits
    source, count = randomness(), 400
    await start(dut)
    rows = legal_rows(source, config, count)
    cycles = math.ceil(count * max(1, 3 / places) * parameters().spacing) + 10
    seen = await run_with_model(dut, rows, cycles, good_tile(), random_bools(source, 1.0))
    assert seen["admitted"] == seen["sent"] == seen["COMPUTING"] == count
    assert not any(seen[error.name] for error in Error)


@cocotb.test(**TIMEOUT)
async def holds_and_drops_as_it_must(dut):
    """Checks every output in every cycle, with faulty rows, broken tiles and few places."""
    config = parameters().config
    source, places = randomness(), parameters().credits
    count = 1000 + 50 * places
    # A row before the first tile.
    rows = [Row(0, first=True), *any_rows(source, config, count)]
    await start(dut)
    seen = await run_with_model(
        dut,
        rows,
        20 * count,
        any_tile(source, 0.3, 0.2),
        moody_bools(source, places),
        random_gaps(source, 0.3, 4),
    )
    assert seen["sent"] == len(rows), "not every row was taken"
    faults = [error.name for error in (Error.NO_TILE, Error.ROW_OUT_OF_RANGE, Error.NOT_STARTED)]
    never = {Activity.IDLE}
    if parameters().spacing == 1:
        never.add(Activity.WAITING_FOR_SUM)
    waits = [activity.name for activity in Activity if activity not in never]
    for what in ("admitted", "broken tile taken", *faults, *waits):
        assert seen[what] > 3, f"{what} came only {seen[what]} times"


@cocotb.test(**TIMEOUT)
async def waits_for_room(dut):
    """As many sums as credits are finished, and no more until a place is released."""
    places = parameters().credits
    source = randomness()
    rows = [Row(0, switch=True, first=True, last=True)]
    rows += [Row(1, first=True, last=True)] * (places + 4)
    await start(dut)
    seen = await run_with_model(dut, rows, places + 50, good_tile(), random_bools(source, 0.0))
    assert seen["admitted"] == places
    assert seen["WAITING_FOR_ROOM"] >= 40


@cocotb.test(**TIMEOUT)
async def works_as_new_after_reset(dut):
    """After a reset there are all credits, no tile in use, no begun sum and no row at the gate."""
    config = parameters().config
    source = randomness()
    await start(dut)
    rows = any_rows(source, config, 2000)
    seen = await run_with_model(
        dut,
        rows,
        1500,
        any_tile(source, 0.4, 0.1),
        random_bools(source, 0.2),
        random_gaps(source, 0.3, 4),
        resets=random_bools(source, 0.03),
    )
    assert seen["admitted"] > 100
    assert seen["NO_TILE"] > 3
    assert seen["IDLE"] > 3


@cocotb.test(**TIMEOUT)
async def remembers_neighbours_from_the_first_cycle(dut):
    """Right after a reset two sums begin, 1 to 6 cycles apart, and both can be continued.

    Between them there are bubbles, or rows with a distant number, which also follow them.
    """
    config = parameters().config
    source = randomness()
    await start(dut)
    other = min(1, config.accumulator_depth - 1)
    far = Row(0, first=True, row=config.accumulator_depth - 1)
    for gap, filled in itertools.product(range(6), (False, True)):
        between = [far] * gap if filled else []
        rows = [Row(0, switch=True, first=True), *between, Row(0, first=True, row=other)]
        rows += [far] * 6 + [Row(0), Row(0, row=other), Row(0), Row(0, row=other)]
        gaps = iter([0, 0 if filled else gap, *[0] * len(rows)])
        dut.tile_started.value = 0
        await reset(dut)
        cycles = 60 + 6 * parameters().spacing
        seen = await run_with_model(dut, rows, cycles, good_tile(), random_bools(source, 1.0), gaps)
        assert seen["admitted"] == len(rows), f"{gap} cycles apart, filled: {filled}"
