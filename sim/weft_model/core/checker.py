"""The checker: it accepts a program if its result is defined and cannot depend on timing."""

from collections.abc import Iterator

from weft.isa.program import Program

from . import contents, legal, places
from .accesses import Access, accesses
from .blocking import blocks
from .hazards import races


def faults(program: Program) -> list[str]:
    """Return what is wrong with a program, a sentence for each fault; none if it is accepted.

    A program is accepted if every field is legal for the sizes in its header; every place that it
    reads or writes exists, and was written before it is read; tiles, result rows and sums add up;
    it runs to completion; and waits, queues and streams order all accesses that conflict. The
    checks come in this order, and the first one that fails is the last.
    """
    found: list[list[Access]] = []
    wrong = list(_single(program, found))
    for check in (
        lambda: contents.violations(program, found),
        lambda: blocks(program),
        lambda: races(program, found),
    ):
        wrong = wrong or list(check())
    return wrong


def check_program(program: Program) -> None:
    """Raise ValueError, with the sentence of the first fault, unless a program is accepted."""
    wrong = faults(program)
    if wrong:
        raise ValueError(wrong[0])


def _single(program: Program, found: list[list[Access]]) -> Iterator[str]:
    """Check each instruction alone; add its accesses to `found`."""
    needs = program.requirements
    for number, instruction in enumerate(program.instructions):
        wrong = list(legal.violations(instruction, needs))
        found.append([] if wrong else list(accesses(instruction, needs)))
        wrong += places.violations(found[-1], needs)
        yield from (f"instruction {number}, {instruction.kind.name}: {one}" for one in wrong)
