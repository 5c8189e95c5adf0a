"""Waits: what the checker refuses is what a transitive closure of all orderings leaves open."""

import dataclasses
import itertools
import os

import numpy as np

from benches.core import NEEDS
from benches.core_programs import random_core_program
from weft.isa.codes import Opcode, Unit, XSource
from weft.isa.instruction import Instruction
from weft.isa.kind import wait_name
from weft.isa.program import Program
from weft_model.core import order
from weft_model.core.accesses import accesses
from weft_model.core.checker import faults
from weft_model.core.hazards import races, with_waits
from weft_model.core.streams import Streams

HALT = Instruction.make(Opcode.HALT)


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def raced(program: Program) -> list[str]:
    found = [list(accesses(i, program.requirements)) for i in program.instructions]
    return list(races(program, found))


def closure(program: Program) -> np.ndarray:
    """Return whether the end of instruction i certainly comes before the start of j, as [i, j].

    Every ordering between a start or an end and another one is an edge of a graph: start before
    end; end before the start of the next instruction of the unit; end before the start of what
    waits for it; the end of WEIGHTS before that of the MATMUL that has taken all its tiles; the end
    of a MATMUL before that of the VECTOR that has drained all its rows.
    """
    body = program.instructions[:-1]
    streams = Streams.of(program.instructions)
    count = len(body)
    start, end = np.arange(count), count + np.arange(count)
    before = np.eye(2 * count, dtype=bool)
    before[start, end] = True
    of_unit = {unit: [n for n, i in enumerate(body) if i.unit == unit] for unit in Unit}
    for numbers in of_unit.values():
        for one, two in itertools.pairwise(numbers):
            before[end[one], start[two]] = True
    for n, instruction in enumerate(body):
        for unit, value in instruction.waits.items():
            earlier = [m for m in of_unit[unit] if m < n]
            for m in earlier[: max(0, len(earlier) - value + 1)]:
                before[end[m], start[n]] = True
        if instruction.opcode == Opcode.MATMUL:
            for m in of_unit[Unit.WEIGHTS]:
                before[end[m], end[n]] |= m < n and streams.pushed[m] <= streams.taken[n]
        if streams.drained[n] > (streams.drained[n - 1] if n else 0):
            for m in of_unit[Unit.MATRIX]:
                whole = m < n and body[m]["last"] and streams.emitted[m] <= streams.drained[n]
                before[end[m], end[n]] |= bool(whole)
    for middle in range(2 * count):
        before |= np.outer(before[:, middle], before[middle])
    return before[np.ix_(end, start)]


def conflicting(program: Program) -> list[tuple[int, int]]:
    """Return pairs of instructions of different units that touch a place, one of them writing."""
    places = []
    for instruction in program.instructions[:-1]:
        touched: dict[bool, set] = {False: set(), True: set()}
        for access in accesses(instruction, program.requirements):
            spans = zip(access.runs.starts.tolist(), access.runs.stops.tolist(), strict=True)
            touched[access.write] |= {
                (access.space, place) for start, stop in spans for place in range(start, stop)
            }
        places.append(touched)
    body = program.instructions
    return [
        (one, two)
        for two in range(len(places))
        for one in range(two)
        if body[one].unit != body[two].unit
        and (
            places[one][True] & (places[two][True] | places[two][False])
            or places[one][False] & places[two][True]
        )
    ]


def loosened(draw: np.random.Generator, program: Program) -> Program:
    """Return the program with one wait removed, or satisfied earlier."""
    body = list(program.instructions)
    waiting = [n for n, i in enumerate(body) if i.waits]
    place = int(draw.choice(waiting))
    unit = list(body[place].waits)[draw.integers(len(body[place].waits))]
    value = body[place].waits[unit]
    body[place] = body[place].replaced(**{wait_name(unit): (value + 1) * int(draw.integers(2))})
    return Program(program.requirements, tuple(body))


def test_a_loosened_wait_is_refused_exactly_if_the_closure_leaves_a_conflict_open():
    draw = source()
    verdicts = []
    for _ in range(30):
        whole = random_core_program(draw)
        assert not raced(whole)
        for program in (whole, loosened(draw, whole)):
            ordered = closure(program)
            open_pairs = [pair for pair in conflicting(program) if not ordered[pair]]
            found = raced(program)
            assert bool(found) == bool(open_pairs)
            named = {int(sentence.split()[1].rstrip(",")) for sentence in found}
            assert named == {two for _, two in open_pairs}
        verdicts.append(bool(found))
    # Nearly every wait is needed, because waits that others imply were left out.
    assert sum(verdicts) > len(verdicts) // 2


def test_with_waits_adds_no_wait_that_others_imply():
    """Removing any of them leaves a conflict open."""
    draw = source()
    for _ in range(10):
        program = random_core_program(draw)
        for number, instruction in enumerate(program.instructions):
            for unit in instruction.waits:
                body = list(program.instructions)
                body[number] = instruction.replaced(**{wait_name(unit): 0})
                assert raced(Program(program.requirements, tuple(body)))


def load(row: int, **fields: int) -> Instruction:
    return Instruction.make(Opcode.LOAD, row=row, bytes=4, **fields)


def store(row: int, **fields: int) -> Instruction:
    return Instruction.make(Opcode.STORE, region=1, row=row, bytes=4, **fields)


def test_a_distance_beyond_the_largest_wait_waits_for_a_later_instruction():
    body = [load(row % 200) for row in range(300)]
    (*_, last, _) = with_waits(Program(NEEDS, (*body, store(0), HALT))).instructions
    # Row 0 was last written by load 200, the 100-th from the end.
    assert last.waits == {Unit.LOAD: 100}
    body = [load(min(row, 1)) for row in range(300)]
    program = with_waits(Program(NEEDS, (*body, store(0), HALT)))
    assert program.instructions[300].waits == {Unit.LOAD: 255}
    assert not faults(program)


def test_a_drain_of_all_units_orders_what_is_on_both_sides(monkeypatch):
    program = Program(NEEDS, (load(0), store(0), HALT))
    assert raced(program)
    monkeypatch.setattr(order, "DRAIN_INTERVAL", 1)
    assert not raced(program)


def product(*, row: int, destination: int, tiles: int = 2) -> list[Instruction]:
    """Some tiles, six rows from a buffer row on, drained to another."""
    return [
        Instruction.make(Opcode.WEIGHTS, groups=tiles),
        Instruction.make(
            Opcode.MATMUL,
            **dict(row=row, x_count=6, x_stride=1, width=6, block_count=tiles, first=1, last=1),
        ),
        Instruction.make(
            Opcode.VECTOR,
            **dict(x_source=XSource.RESULTS, inner_count=6, write=1, valid_lanes=4),
            **dict(destination_row=destination, destination_inner=1),
        ),
    ]


def test_a_drain_that_overwrites_what_its_product_reads_is_refused():
    """With a wait instead, it depends on the room for results: here for 8 rows, or for fewer."""
    body = [load(20, lines=6), *product(row=20, destination=22)]
    body[2:] = [instruction.replaced(wait_load=1) for instruction in body[2:]]
    assert raced(Program(NEEDS, (*body, HALT))) == [
        "instruction 3, VECTOR: destination writes buffer row 22, which row of instruction 2, "
        "MATMUL, reads, and the two may overlap; wait_matrix=1 would order them"
    ]
    waiting = with_waits(Program(NEEDS, (*body, HALT)))
    assert waiting.instructions[3].waits == {Unit.MATRIX: 1}
    assert not faults(waiting)
    few = Program(dataclasses.replace(NEEDS, result_rows=4), waiting.instructions)
    assert faults(few)[0].startswith("the program never ends: ")


def test_what_a_stream_tells_needs_no_wait():
    """The drain has finished, so the product has, so the tiles were read."""
    body = [
        load(0, lines=40, line_pitch=4),
        *product(row=20, destination=40),
        store(40, wait_vector=1),
        load(22, wait_store=1),
    ]
    body[1] = body[1].replaced(from_buffer=1, offset=3, group_pitch=1, wait_load=1)
    body[2] = body[2].replaced(wait_load=1)
    program = Program(NEEDS, (*body, HALT))
    assert not faults(program)
    overwritten = [*body[:-1], load(4, wait_store=1), HALT]
    assert not faults(Program(NEEDS, tuple(overwritten)))
    # A part of the rows says nothing.
    half = body[3].replaced(inner_count=3)
    split = [*body[:3], half, *body[4:], half.replaced(destination_row=50), HALT]
    assert [sentence[:19] for sentence in raced(Program(NEEDS, tuple(split)))] == [
        "instruction 5, LOAD"
    ]


def test_a_drain_says_nothing_of_a_later_product_that_emits_nothing():
    """Its rows may still be read when the results before it have been drained."""
    tile, first, drain = product(row=20, destination=40)
    sums = first.replaced(last=0, row=30, accumulator=8)
    body = [load(0, lines=40, line_pitch=4), tile, first.replaced(wait_load=1), tile, sums]
    overwrite = load(30, wait_vector=1)
    assert raced(Program(NEEDS, (*body, drain.replaced(wait_load=1), overwrite, HALT))) == [
        "instruction 6, LOAD: row writes buffer row 30, which row of instruction 4, MATMUL, reads, "
        "and the two may overlap; wait_matrix=1 would order them"
    ]


def test_the_memory_is_ordered_byte_by_byte():
    """Lines of four bytes, eight apart; other lines between them do not conflict."""
    lines = dict(lines=4, line_pitch=8)
    body = [load(0, lines=4), store(0, wait_load=1, **lines)]
    between = load(9, region=1, offset=4, **lines)
    assert not raced(Program(NEEDS, (*body, between, HALT)))
    assert not raced(Program(NEEDS, (*body, load(9, region=0), HALT)))
    assert raced(Program(NEEDS, (*body, load(9, region=1, offset=5), HALT))) == [
        "instruction 2, LOAD: offset reads byte 8 of region 1, which offset of instruction 1, "
        "STORE, writes, and the two may overlap; wait_store=1 would order them"
    ]
