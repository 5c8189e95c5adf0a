"""Rules that follow from program order: what is read was written, streams and sums add up."""

from collections.abc import Iterator

import numpy as np

from weft.isa.codes import Opcode
from weft.isa.program import Program

from .accesses import SPACES, Access, Space, place_name, space_size
from .streams import Streams
from .walks import matmul_height


def violations(program: Program, found: list[list[Access]]) -> Iterator[str]:
    """Yield a sentence for each instruction that uses what earlier ones did not leave.

    Parameters
    ----------
    program : Program
    found : list of list of Access
        The accesses of each instruction.
    """
    yield from _unwritten(program, found)
    yield from _streams(program)
    yield from _sums(program)


def _unwritten(program: Program, found: list[list[Access]]) -> Iterator[str]:
    """Rows of the core that are read before they are written; the host writes the memory."""
    spaces = [space for space in range(SPACES) if space < Space.REGION]
    written = [np.zeros(space_size(space, program.requirements), bool) for space in spaces]
    for number, accesses in enumerate(found):
        inside = [access for access in accesses if access.space < Space.REGION]
        for access in inside:
            if not access.write:
                place = access.runs.first_missing(written[access.space])
                if place is not None:
                    name = program.instructions[number].kind.name
                    yield (
                        f"instruction {number}, {name}: {access.operand} reads "
                        f"{place_name(access.space, place)}, which nothing has written"
                    )
        for access in inside:
            if access.write:
                access.runs.mark(written[access.space], True)


def _streams(program: Program) -> Iterator[str]:
    """Tiles and result rows that are taken before they are put, or that are left over."""
    streams = Streams.of(program.instructions)
    for number, instruction in enumerate(program.instructions):
        short = streams.taken[number] - streams.pushed[number]
        if short > 0 and instruction.opcode == Opcode.MATMUL:
            yield (
                f"instruction {number}, MATMUL: takes more tiles than WEIGHTS before it have "
                f"pushed, by {short}"
            )
        short = streams.drained[number] - streams.emitted[number]
        if short > 0 and instruction.opcode == Opcode.VECTOR:
            yield (
                f"instruction {number}, VECTOR: drains more result rows than MATMULs before it "
                f"have emitted, by {short}"
            )
    left = streams.pushed[-1] - streams.taken[-1]
    if left > 0:
        yield f"tiles are left at the end, which no MATMUL takes: {left}"
    left = streams.emitted[-1] - streams.drained[-1]
    if left > 0:
        yield f"result rows are left at the end, which no VECTOR drains: {left}"


def _sums(program: Program) -> Iterator[str]:
    """Accumulators that are added to before their sum begins, or whose sum never ends."""
    begun = np.zeros(program.requirements.accumulators, bool)
    for number, instruction in enumerate(program.instructions):
        if instruction.opcode != Opcode.MATMUL:
            continue
        bottom = instruction["accumulator"]
        rows = begun[bottom : bottom + matmul_height(instruction)]
        if not instruction["first"] and not rows.all():
            yield (
                f"instruction {number}, MATMUL: adds to accumulator "
                f"{bottom + int(np.argmin(rows))}, whose sum has not begun: first must be 1"
            )
        if instruction["first"] and rows.any():
            yield (
                f"instruction {number}, MATMUL: overwrites accumulator "
                f"{bottom + int(np.argmax(rows))}, whose sum was not emitted"
            )
        rows[:] = not instruction["last"]
    if begun.any():
        yield (
            f"a sum is left in accumulator {int(np.argmax(begun))} at the end, which no MATMUL "
            "emits"
        )
