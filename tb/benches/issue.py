"""Random instructions for five units, or fewer, and the cycles in which simple units do them."""

import random
from dataclasses import dataclass

from weft_model.core.issue import Issued, IssueTimes


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One instruction, and how long everything takes that is not the sequencer's.

    Parameters
    ----------
    unit : int
    waits : tuple of int
    fields : int
        Its bits for the unit.
    gap : int
        Cycles in which it is not offered, after the one before it.
    take, prepare, duration : int
        Cycles from its offer until its unit takes it; from the take until it starts, at least; from
        its start until it finishes, at least.
    """

    unit: int
    waits: tuple[int, ...]
    fields: int = 0
    gap: int = 0
    take: int = 0
    prepare: int = 0
    duration: int = 1


@dataclass(frozen=True, kw_only=True)
class Times:
    """The cycles of one instruction."""

    offered: int
    issued: Issued
    take: int
    start: int
    finish: int


def random_plan(
    source: random.Random, *, units: int, count: int, wait_width: int, width: int, slow: bool
) -> list[Planned]:
    """Return random instructions; all waits are legal, since they are for earlier instructions.

    `slow`: everything takes its time; otherwise, most of what a unit does is immediate.
    """
    longest = 8 if slow else 1
    likely = [source.random() + 0.05 for _ in range(units)]
    plan = []
    for _ in range(count):
        waits = [0] * units
        for unit in range(units):
            if source.random() < 0.3:
                waits[unit] = source.choice([1, 2, source.randrange(1 << wait_width)])
        plan.append(
            Planned(
                unit=source.choices(range(units), likely)[0],
                waits=tuple(wait % (1 << wait_width) for wait in waits),
                fields=source.getrandbits(width),
                gap=source.choice([0, 0, 0, source.randrange(longest)]),
                take=source.choice([0, 0, source.randrange(longest)]),
                prepare=source.choice([0, source.randrange(longest)]),
                duration=source.choice([0, 1, source.randrange(4 * longest)]),
            )
        )
    return plan


def times_of(
    plan: list[Planned], *, units: int, slots: int, most: int, overlapping: set[int]
) -> tuple[list[Times], int]:
    """Return the cycles of all instructions, and the one in which a HALT behind them is done.

    A unit prepares one instruction at a time. Units that do not overlap start an instruction after
    the one before has finished. The program begins in cycle 0.
    """
    model = IssueTimes(units=units, slots=slots, most=most)
    times: list[Times] = []
    free = 1
    for planned in plan:
        offered = free + planned.gap
        issued = model.issue(planned.unit, planned.waits, offered=offered)
        takes, starts = model.takes[planned.unit], model.starts[planned.unit]
        finishes = model.finishes[planned.unit]
        take = max(issued.offer, starts[-1] + 1 if starts else 0) + planned.take
        start = max(issued.permission, take + planned.prepare)
        if finishes and planned.unit not in overlapping:
            start = max(start, finishes[-1] + 1)
        finish = start + planned.duration
        if finishes:
            finish = max(finish, finishes[-1] + 1)
        takes.append(take)
        starts.append(start)
        finishes.append(finish)
        times.append(Times(offered=offered, issued=issued, take=take, start=start, finish=finish))
        free = issued.dispatch + 1
    return times, model.halt(offered=free)
