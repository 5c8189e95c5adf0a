"""Programs that never end: the checker's run without time agrees with random interleavings."""

import dataclasses
import itertools
import os

import numpy as np
import pytest

from benches.core import NEEDS, empty_memory
from weft.isa.codes import Opcode, XSource
from weft.isa.instruction import Instruction
from weft.isa.program import Program
from weft_model.core import blocking
from weft_model.core.blocking import blocks
from weft_model.core.interleave import interleave

CAPACITIES = list(itertools.product((1, 2, 4, 8), (1, 2, 4), (1, 4, 8)))


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def tiles(count: int, **waits: int) -> Instruction:
    return Instruction.make(Opcode.WEIGHTS, groups=count, **waits)


def product(rows: int, count: int = 1, **waits: int) -> Instruction:
    """A product of some rows and tiles, of rows that all read buffer row 0."""
    return Instruction.make(
        Opcode.MATMUL,
        **dict(x_count=rows, width=rows, block_count=count, first=1, last=1),
        **waits,
    )


def drain(rows: int, **waits: int) -> Instruction:
    fields = dict(x_source=XSource.RESULTS, inner_count=rows, write=1, valid_lanes=4)
    return Instruction.make(
        Opcode.VECTOR, destination_row=100, destination_inner=1, **fields, **waits
    )


def load(**waits: int) -> Instruction:
    return Instruction.make(Opcode.LOAD, **waits)


def add(**waits: int) -> Instruction:
    fields = dict(write=1, valid_lanes=4, destination_row=200)
    return Instruction.make(Opcode.VECTOR, **fields, **waits)


def program(*body: Instruction, slots: int = 4, fifo: int = 2, rows: int = 8) -> Program:
    needs = dataclasses.replace(NEEDS, queue_slots=slots, fifo_tiles=fifo, result_rows=rows)
    return Program(needs, (*body, Instruction.make(Opcode.HALT)))


def ends(body: tuple[Instruction, ...], slots: int, fifo: int, rows: int) -> bool:
    """Return whether a program ends; fail unless all random interleavings agree."""
    one = program(*body, slots=slots, fifo=fifo, rows=rows)
    answer = not list(blocks(one))
    for _ in range(3):
        assert (interleave(one, empty_memory(), source()) is not None) == answer
    return answer


# Each breaks one rule of a group of stream instructions; the number of capacities, of 36, at which
# it cannot end, and the repaired order, which ends at every capacity.
COUNTER_EXAMPLES = {
    "an instruction inside a group depends on it": (
        (tiles(1), product(9), load(wait_matrix=1), add(wait_load=1), drain(9)),
        36,
        (tiles(1), product(9), drain(9), load(wait_matrix=1), add(wait_load=1)),
    ),
    "a queue inside a group fills": (
        (tiles(1), product(9), *[load(wait_matrix=1)] * 9, drain(9)),
        36,
        (tiles(1), product(9), drain(9), *[load(wait_matrix=1)] * 9),
    ),
    "a group has more products than slots": (
        (tiles(10), *[product(2)] * 10, drain(20)),
        30,
        (tiles(10), *[product(2), drain(2)] * 10),
    ),
    "a group has more tiles than slots": (
        (*[tiles(2)] * 10, *[product(2, 2), drain(2)] * 10),
        33,
        (*[tiles(2), product(2, 2), drain(2)] * 10,),
    ),
    "a product waits for its tiles": (
        (tiles(5), product(2, 5, wait_weights=1), drain(2)),
        36,
        (tiles(5), product(2, 5), drain(2)),
    ),
    "a drain waits for its product": (
        (tiles(1), product(9), drain(9, wait_matrix=1)),
        36,
        (tiles(1), product(9), drain(9)),
    ),
    "a wait reaches further than its conflict": (
        (tiles(1), product(9), drain(9), tiles(1), product(9), drain(9, wait_matrix=1)),
        36,
        (tiles(1), product(9), drain(9), tiles(1), product(9), drain(9, wait_matrix=2)),
    ),
}


@pytest.mark.parametrize("case", COUNTER_EXAMPLES)
def test_counter_examples_never_end_and_their_repairs_do(case):
    body, most, repaired = COUNTER_EXAMPLES[case]
    stuck = sum(not ends(tuple(body), *capacity) for capacity in CAPACITIES)
    assert stuck == most
    assert all(ends(tuple(repaired), *capacity) for capacity in CAPACITIES)


def test_more_room_never_blocks_a_program():
    """And a random order of stream instructions ends exactly if random interleavings do."""
    draw = source()
    for _ in range(25):
        body = [tiles(3), product(3), product(2, 2), drain(2), drain(3), load(), add()]
        names = ("wait_load", "wait_weights", "wait_matrix", "wait_vector")
        body = [
            i.replaced(**{str(draw.choice(names)): int(draw.integers(0, 4)) // 2})
            for i in draw.permutation(np.array(body, object))
        ]
        answers = {}
        for capacity in itertools.product((1, 2), (1, 2), (1, 3)):
            answers[capacity] = ends(tuple(body), *capacity)
        for small, large in itertools.product(answers, answers):
            if all(a <= b for a, b in zip(small, large, strict=True)):
                assert answers[small] <= answers[large]


def test_a_drain_of_all_units_must_not_fall_into_a_group(monkeypatch):
    """After so many instructions, the sequencer waits until all have finished."""
    monkeypatch.setattr(blocking, "DRAIN_INTERVAL", 2)
    # Instruction 4 is the drain: a product of 8 rows has finished without it, one of 9 rows not.
    for rows, answer in ((8, []), (9, ["the program never ends: instruction 3, MATMUL, waits"])):
        body = load(), load(), tiles(1), product(rows), drain(rows)
        assert [sentence[:52] for sentence in blocks(program(*body))] == answer


@pytest.mark.parametrize(
    "body, sentence",
    [
        (
            COUNTER_EXAMPLES["an instruction inside a group depends on it"][0],
            "the program never ends: instruction 2, LOAD, waits for instruction 1, MATMUL; "
            "instruction 1, MATMUL, waits for room for its results; instruction 3, VECTOR, waits "
            "for instruction 2, LOAD; instruction 5, HALT, waits until all before it have finished",
        ),
        (
            COUNTER_EXAMPLES["a product waits for its tiles"][0],
            "the program never ends: instruction 0, WEIGHTS, waits for room in the weight FIFO; "
            "instruction 1, MATMUL, waits for instruction 0, WEIGHTS; instruction 2, VECTOR, waits "
            "for result rows; instruction 3, HALT, waits until all before it have finished",
        ),
        (
            (product(1), tiles(1), load(wait_vector=1), drain(1), *[load()] * 4, tiles(1)),
            None,
        ),
        (
            (tiles(1), product(9), *[load(wait_matrix=1)] * 5, drain(9)),
            "the program never ends: instruction 2, LOAD, waits for instruction 1, MATMUL; "
            "instruction 1, MATMUL, waits for room for its results; instruction 6, LOAD, waits for "
            "a place in the queue of LOAD",
        ),
        (
            (product(1), drain(1, wait_load=1)),
            "the program never ends: instruction 0, MATMUL, waits for a tile; instruction 1, "
            "VECTOR, waits for result rows; instruction 2, HALT, waits until all before it have "
            "finished",
        ),
    ],
)
def test_the_sentence_names_what_each_unit_waits_for(body, sentence):
    found = list(blocks(program(*body)))
    assert found == ([sentence] if sentence else [])
