"""Faults: the effect of a flipped bit is reported correctly; without a fault nothing changes"""

import dataclasses
import os
import random
from collections import Counter

import numpy as np
import pytest

from verify.faults.campaign import PRODUCTS, Campaign, draw_work
from verify.faults.classes import CLASSES, DATAPATH, class_of
from verify.faults.command import UNITS
from verify.faults.effect import FaultEffect, WrongElement, judge
from verify.faults.injection import WATCHED_LATENCIES, Answer, Fault, FaultyUnit, Work
from weft.matrix.config import TINY
from weft.matrix.layouts import Error
from weft.matrix.timing import MatrixUnitTiming
from weft_model.operands import draw_operands
from weft_sim import MatrixUnitSimulator
from weft_sim.stalls import Stalls

SEED = int(os.environ["SEED"])
SIZE = TINY.rows
CHECKED = UNITS["4x4 checksum"]
# A cycle of a product of one tile in which rows both enter and leave the array.
BUSY_CYCLE = 18


@pytest.fixture(scope="module")
def unit() -> FaultyUnit:
    return FaultyUnit(TINY)


@pytest.fixture(scope="module")
def checked_unit() -> FaultyUnit:
    return FaultyUnit(CHECKED)


def one_tile(rows: int = 14) -> Work:
    return Work([draw_operands(TINY, rows, SIZE, SIZE, seed=SEED)])


def flipped(unit: FaultyUnit, work: Work, register: str, place: int, cycle: int) -> Answer:
    return unit.run(work, Fault(unit.bit_of(register, place), cycle))


@pytest.mark.parametrize("stalled", [False, True], ids=["full speed", "stalls"])
@pytest.mark.parametrize("config", UNITS.values(), ids=UNITS)
def test_without_a_fault_the_unit_is_unchanged(config, stalled):
    work = draw_work(config, f"{SEED}", stalled=stalled)
    plain = MatrixUnitSimulator(config).run(work.operands, stalls=work.stalls)
    answer = FaultyUnit(config).run(work)
    for product, expected in zip(answer.products, plain.products, strict=True):
        np.testing.assert_array_equal(product, expected)
    watched = WATCHED_LATENCIES * MatrixUnitTiming.of(config).latency
    later = plain.counters | {n: plain.counters[n] + watched for n in ("total", "idle")}
    assert (answer.cycles, answer.counters) == (plain.cycles, later)
    assert answer.ended and judge(answer, answer) == FaultEffect("masked", True)


@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_flipped_weight_changes_its_column_from_then_on(unit, place):
    row, column = 1, 2
    a, b = one_tile().operands[0]
    # No zero hides the weight.
    a[a == 0] = 1
    work = Work([(a, b)])
    (good,) = unit.run(work).products
    register = f"array.row_{row}.cell_{column}.weight"
    answer = flipped(unit, work, register, place, BUSY_CYCLE)
    weight = b[row, column]
    wrong_weight = (weight.view(np.uint8) ^ np.uint8(1 << place)).view(np.int8)
    error = a[:, row].astype(int) * (int(wrong_weight) - int(weight))
    got = (answer.products[0] - good).astype(int)
    assert not np.delete(got, column, axis=1).any()
    # Rows that passed before the flip are right.
    passed = next(m for m in range(len(a) + 1) if (got[m:, column] == error[m:]).all())
    assert 0 < passed < len(a)
    assert not got[:passed, column].any()


def test_a_bit_flips_at_the_end_of_its_cycle(unit):
    work = one_tile()
    good = unit.run(work)
    rows = len(good.products[0])
    for row in range(rows):
        # Only the result of this row is transferred in the next cycle.
        cycle = good.cycles - rows + row - 1
        (got,) = flipped(unit, work, "results.columns.column_3.o", 5, cycle).products
        assert np.argwhere(got != good.products[0]).tolist() == [[row, 3]]
        assert abs(int(got[row, 3]) - int(good.products[0][row, 3])) == 1 << 5


def test_a_flip_in_an_unused_accumulator_row_is_masked(unit):
    rows = 7
    work = Work([draw_operands(TINY, rows, 3 * SIZE, SIZE, seed=SEED)])
    good = unit.run(work)
    middle = good.cycles // 2
    memory = "accumulators.bank_1.sums.memory"
    effects = {
        row: judge(good, flipped(unit, work, f"{memory}[{row}]", 9, middle))
        for row in range(TINY.accumulator_depth)
    }
    assert {effects[row].kind for row in range(rows, TINY.accumulator_depth)} == {"masked"}
    silent = {row: v.wrong for row, v in effects.items() if v.kind == "silent"}
    assert silent
    assert all((wrong.row, wrong.column) == (row, 1) for row, wrong in silent.items())


def test_a_run_with_a_lost_row_hangs_and_is_ended(unit):
    work = one_tile()
    answer = flipped(unit, work, "admission.staying", 0, BUSY_CYCLE - 6)
    assert not answer.ended
    effect = judge(unit.run(work), answer)
    assert (effect.kind, effect.seen_by, effect.wrong) == ("seen", "end", None)


def test_a_false_error_status_is_seen(unit):
    work = one_tile()
    effect = judge(unit.run(work), flipped(unit, work, "errors", 1, BUSY_CYCLE))
    assert effect == FaultEffect("seen", True, "error_status")


def test_a_result_that_changes_while_it_waits_is_seen(unit):
    work = Work(one_tile().operands, Stalls.draw(SEED, results=0.8))
    good = unit.run(work)
    column = "results.columns.column_0.o"
    cycles = range(good.cycles // 2, good.cycles)
    seen = Counter(judge(good, flipped(unit, work, column, 4, cycle)).seen_by for cycle in cycles)
    assert seen["protocol"] > len(cycles) / 4


def test_a_flip_in_a_cycle_counter_does_not_change_results(unit):
    work = one_tile()
    answer = flipped(unit, work, "cycle_counters.counters_idle", 30, BUSY_CYCLE)
    assert judge(unit.run(work), answer) == FaultEffect("cycles", True)


@pytest.mark.parametrize(
    "change,seen_by",
    [
        ({"errors": Error.NO_TILE}, "error_status"),
        ({"ended": False}, "end"),
        ({"further_results": 1}, "further_results"),
        ({"wrong_ends": 1}, "tlast"),
        ({"broken_waits": 1}, "protocol"),
    ],
)
def test_visible_effects_are_seen(unit, change, seen_by):
    good = unit.run(one_tile())
    effect = judge(good, dataclasses.replace(good, **change))
    assert (effect.kind, effect.seen_by) == ("seen", seen_by)


def test_damage_after_the_last_result_shows_in_the_next_product():
    """The read slot of the result buffer flips after the last result."""
    campaign = Campaign("4x4", TINY, SEED)
    work, good = campaign.works[0], campaign.expected[0]
    slot = campaign.unit.bit_of("results.columns__read_slot", 0)
    fault = Fault(slot, campaign.cycles[0] - 1)
    wrong = judge(good, campaign.unit.run(work, fault)).wrong
    assert wrong is not None and wrong.product == PRODUCTS
    alone = Work(work.operands[:PRODUCTS], work.stalls)
    run = campaign.unit.run
    assert judge(run(alone), run(alone, fault)).kind == "masked"


def test_a_wrong_number_is_silent(unit):
    good = unit.run(one_tile())
    wrong = good.products[0].copy()
    wrong[5, 2] += 1
    effect = judge(good, dataclasses.replace(good, products=[wrong]))
    element = WrongElement(0, 5, 2, int(wrong[5, 2]), int(wrong[5, 2]) - 1)
    assert effect == FaultEffect("silent", False, wrong=element)


def test_the_same_seed_gives_the_same_effects():
    classes = ["control", "weights"]

    def injections(seed: int) -> list:
        tallies = Campaign("4x4", TINY, seed).run(classes, 25, lambda done, total: None)
        return [tally.injections for tally in tallies.values()]

    first = injections(SEED)
    assert injections(SEED) == first
    assert injections(SEED + 1) != first


def test_every_stored_bit_is_in_its_class(unit):
    bits = Counter(class_of(bit.register) for bit in unit.bits)
    assert len(set(unit.bits)) == len(unit.bits)
    cells, triangle = SIZE * SIZE, SIZE * (SIZE - 1) // 2
    operand, width = 8, TINY.accumulator_width
    assert bits["weights"] == operand * (2 * cells + triangle + 2 * SIZE)
    # The lanes at the gate: a memory of four rows, with a register before and after it.
    assert bits["activations"] == operand * (cells + triangle + (4 + 2) * SIZE)
    arithmetic = TINY.arithmetic
    cell = arithmetic.product_shape.width + arithmetic.sum_width
    assert bits["partial-sums"] == cells * cell
    # Six registers per column besides the memory.
    assert bits["accumulators"] == width * SIZE * (TINY.accumulator_depth + 6)
    assert bits["results"] == width * SIZE * (MatrixUnitTiming.of(TINY).result_depth + 1)
    assert bits["cycle-counters"] == 7 * 32 + 3 + 15
    assert set(bits) == set(CLASSES) - {"checksums"}


def test_bits_of_a_unit_with_checksums(unit, checked_unit):
    plain, checked = (
        Counter(class_of(bit.register) for bit in one.bits) for one in (unit, checked_unit)
    )
    assert set(checked) == set(CLASSES)
    for same in ("weights", "partial-sums", "accumulators", "cycle-counters"):
        assert checked[same] == plain[same]
    # A parity bit for each lane, in the skew and at the gate like the lane.
    triangle = SIZE * (SIZE - 1) // 2
    assert checked["activations"] == plain["activations"] + triangle + (4 + 2) * SIZE
    # One more place in each memory, and an extra memory, whose output register is a checksum.
    width, depth = TINY.accumulator_width, MatrixUnitTiming.of(CHECKED).result_depth
    assert depth == MatrixUnitTiming.of(TINY).result_depth + 1
    assert checked["results"] == width * (SIZE * (depth + 1) + depth)


@pytest.mark.parametrize(
    "register",
    [
        "loader.lanes",
        "weight_skew.delay.line",
        "array.row_1.cell_2.weight",
        "array.row_0.cell_1.weight_out",
        "admission.write__data",
        "admission.rows[2]",
        "admission.read__data",
        "activation_skew.delay.line",
        "array.row_2.cell_0.activation_out",
        "array.row_1.cell_3.product_1",
        "array.row_3.cell_0.sum_out",
        "accumulators.bank_2.sums.memory[4]",
        "accumulators.bank_1.operand",
        "accumulators.bank_3.sum_out",
        "results.columns.columns_0.column_1.memory[6]",
        "results.columns.columns_0.column_3.o",
    ],
)
def test_checksums_detect_a_changed_number(checked_unit, register):
    assert class_of(register) in DATAPATH
    source = random.Random(f"{SEED} {register}")
    work = Work([draw_operands(CHECKED, 14, 3 * SIZE, SIZE, seed=SEED)])
    good = checked_unit.run(work)
    places = [bit.place for bit in checked_unit.bits if bit.register == register]
    changed = tries = 0
    # Some registers hold a number in few cycles only.
    while tries < 60 or (not changed and tries < 2000):
        tries += 1
        place, cycle = source.choice(places), source.randrange(good.cycles)
        answer = flipped(checked_unit, work, register, place, cycle)
        effect = judge(good, answer)
        if not effect.all_right:
            changed += 1
            assert answer.ended and answer.errors == Error.CORRUPTED, (place, cycle)
    assert changed


@pytest.mark.parametrize("name", [name for name, config in UNITS.items() if config.checksum])
def test_every_changed_result_from_the_datapath_is_detected(name):
    tallies = Campaign(name, UNITS[name], SEED).run(
        [*DATAPATH, "checksums"], 100, lambda done, total: None
    )
    assert {kind: tally.detected for kind, tally in tallies.items()} == {
        kind: tally.changed for kind, tally in tallies.items()
    }
    assert all(tallies[kind].changed for kind in ("weights", "activations", "partial-sums"))
    assert not tallies["checksums"].changed


def test_wrong_products_that_cancel_are_detected_in_a_fast_array():
    config = UNITS["4x4 fast checksum"]
    unit = FaultyUnit(config)
    a, b = np.ones((14, SIZE), np.int8), np.zeros((SIZE, SIZE), np.int8)
    # The lower sum of the first pair is 2 or -2, so the errors of the upper sum add up to zero.
    b[0] = [1, -3, 1, -3]
    work = Work([(a, b)])
    answer = flipped(unit, work, "array.cells.row_0.cell_0.activation_out", 1, BUSY_CYCLE)
    wrong = answer.products[0].astype(int) - a.astype(int) @ b
    assert (wrong != 0).all(axis=1).sum() == 1 and not wrong.sum(axis=1).any()
    assert answer.errors == Error.CORRUPTED


def test_a_flip_in_the_checks_is_a_false_alarm_but_no_wrong_number(checked_unit):
    source = random.Random(SEED)
    bits = [n for n, bit in enumerate(checked_unit.bits) if class_of(bit.register) == "checksums"]
    work = draw_work(CHECKED, f"{SEED}", stalled=True)
    good = checked_unit.run(work)
    alarms = 0
    for bit in source.sample(bits, 300):
        answer = checked_unit.run(work, Fault(bit, source.randrange(good.cycles)))
        effect = judge(good, answer)
        assert effect.all_right and answer.errors in (Error(0), Error.CORRUPTED)
        assert (answer.cycles, answer.counters) == (good.cycles, good.counters)
        alarms += bool(answer.errors)
    assert alarms > 30
