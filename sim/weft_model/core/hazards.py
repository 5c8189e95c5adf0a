"""Hazards: accesses of different units that conflict, and the waits that order them."""

from collections.abc import Iterator

from weft.isa.codes import Unit
from weft.isa.kind import MOST_WAIT, wait_name
from weft.isa.program import Program

from .accesses import SPACES, Access, accesses, place_name
from .order import UNITS, Clock, Order


class Conflicts:
    """Finds earlier instructions whose accesses conflict with those of an instruction.

    Two accesses conflict if they are of different units, touch the same place, and one writes.
    """

    def __init__(self):
        # For each unit and space, accesses in program order: those that write, and all.
        self._past: list[list[tuple[list[_Past], list[_Past]]]] = [
            [([], []) for _ in range(SPACES)] for _ in UNITS
        ]

    def add(self, unit: Unit, count: int, found: list[Access]) -> None:
        """Add the accesses of an instruction, the `count`-th of its unit."""
        for access in found:
            writes, everything = self._past[unit][access.space]
            everything.append((count, access))
            if access.write:
                writes.append((count, access))

    def latest(self, found: list[Access], clock: Clock, other: Unit) -> "_Conflict | None":
        """Return the last conflict with an instruction of another unit that is not in the clock.

        Parameters
        ----------
        found : list of Access
            The accesses of the instruction.
        clock : Clock
            At its start.
        other : Unit
        """
        latest = None
        for access in found:
            writes, everything = self._past[other][access.space]
            past = everything if access.write else writes
            least = latest[0] if latest else clock[other]
            for count, earlier in reversed(past):
                if count <= least:
                    break
                if earlier.low < access.high and access.low < earlier.high:
                    place = earlier.runs.first_common(access.runs)
                    if place is not None:
                        latest = count, earlier, access, place
                        break
        return latest


# Which instruction of its unit, counted from 1, and an access of it.
_Past = tuple[int, Access]
# Which instruction of another unit, its access, the access of this one, and a common place.
_Conflict = tuple[int, Access, Access, int]


def with_waits(program: Program) -> Program:
    """Return the program with the fewest waits that order all conflicting accesses.

    Waits of the program are not kept.
    """
    order, conflicts = Order(program.instructions), Conflicts()
    waiting = []
    for instruction in program.instructions:
        unit = instruction.unit
        clock = order.start(unit)
        waits = {}
        if unit is not None:
            found = list(accesses(instruction, program.requirements))
            waits = _needed_waits(order, conflicts, unit, found, clock)
            conflicts.add(unit, len(order.numbers[unit]) + 1, found)
        fields = {wait_name(other): waits.get(other, 0) for other in UNITS}
        instruction = instruction.replaced(**fields)
        order.finish(instruction, clock)
        waiting.append(instruction)
    return Program(program.requirements, tuple(waiting))


def _needed_waits(
    order: Order, conflicts: Conflicts, unit: Unit, found: list[Access], clock: Clock
) -> dict[Unit, int]:
    """Return the waits that an instruction needs, and add what they tell to its clock."""
    needed = []
    for other in UNITS:
        latest = conflicts.latest(found, clock, other) if other != unit else None
        if latest:
            needed.append((order.numbers[other][latest[0] - 1], latest[0], other))
    waits = {}
    # The latest first: it often knows of the others.
    for _, count, other in sorted(needed, reverse=True):
        if clock[other] < count:
            waits[other] = min(len(order.numbers[other]) - count + 1, MOST_WAIT)
            order.wait(clock, other, waits[other])
    return waits


def races(program: Program, accessed: list[list[Access]]) -> Iterator[str]:
    """Yield a sentence for each instruction that can overlap with one that it conflicts with.

    Parameters
    ----------
    program : Program
    accessed : list of list of Access
        The accesses of each instruction.
    """
    order, conflicts = Order(program.instructions), Conflicts()
    for number, instruction in enumerate(program.instructions):
        unit = instruction.unit
        clock = order.start(unit)
        for waited, value in instruction.waits.items():
            order.wait(clock, waited, value)
        if unit is not None:
            for other in UNITS:
                latest = conflicts.latest(accessed[number], clock, other) if other != unit else None
                if latest:
                    yield _race(program, order, number, other, latest)
            conflicts.add(unit, len(order.numbers[unit]) + 1, accessed[number])
        order.finish(instruction, clock)


def _race(program: Program, order: Order, number: int, other: Unit, latest: "_Conflict") -> str:
    count, earlier, access, place = latest
    one = order.numbers[other][count - 1]
    names = [f"{n}, {program.instructions[n].kind.name}" for n in (number, one)]
    verbs = ["writes" if a.write else "reads" for a in (access, earlier)]
    value = len(order.numbers[other]) - count + 1
    return (
        f"instruction {names[0]}: {access.operand} {verbs[0]} {place_name(access.space, place)}, "
        f"which {earlier.operand} of instruction {names[1]}, {verbs[1]}, and the two may overlap; "
        f"{wait_name(other)}={value} would order them"
    )
