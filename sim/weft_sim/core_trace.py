"""The trace of a program on a core: when each instruction started and finished."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from weft.checks import check
from weft.isa.assembly import instruction_text
from weft.isa.codes import Unit
from weft.isa.instruction import Instruction
from weft.isa.program import Program


@dataclass(frozen=True)
class Span:
    """An instruction, by its number in the program, and the cycles of its start and its finish."""

    number: int
    instruction: Instruction
    unit: Unit
    start: int
    finish: int


def spans_of(
    program: Program, starts: Sequence[Sequence[int]], finishes: Sequence[Sequence[int]]
) -> list[Span]:
    """Return the spans of all instructions but HALT, in program order.

    Parameters
    ----------
    starts, finishes : sequence of sequence of int
        For each unit, the cycles of its instructions, in order.

    Raises
    ------
    ValueError
        If an instruction has not finished.
    """
    cycles = {unit: iter(zip(starts[unit], finishes[unit], strict=False)) for unit in Unit}
    spans = []
    for number, instruction in enumerate(program.instructions):
        unit = instruction.unit
        if unit is None:
            continue
        found = next(cycles[unit], None)
        check(found is not None, f"instruction {number}, {instruction.kind.name}, did not finish")
        assert found is not None
        spans.append(Span(number, instruction, unit, *found))
    return spans


def trace_lines(spans: Iterable[Span]) -> Iterator[str]:
    """Yield a line for each instruction: its cycles, its number and its text."""
    yield f"{'start':>9} {'finish':>9} {'number':>7}  instruction"
    for span in spans:
        text = instruction_text(span.instruction)
        yield f"{span.start:>9,} {span.finish:>9,} {span.number:>7}  {text}"


def chrome_trace(spans: Iterable[Span]) -> str:
    """Return the spans as JSON in the Trace Event Format, which Perfetto and Chrome open.

    There is a thread for each unit, and a cycle is a microsecond. An instruction that starts before
    the one in front of it has finished is drawn from that finish on; `start` has its real start.
    """
    events: list[dict] = [
        {"ph": "M", "pid": 0, "tid": unit, "name": "thread_name", "args": {"name": unit.name}}
        for unit in Unit
    ]
    free = dict.fromkeys(Unit, 0)
    for span in spans:
        start = max(span.start, free[span.unit])
        free[span.unit] = span.finish
        shown = {
            "number": span.number,
            "start": span.start,
            "text": instruction_text(span.instruction),
        }
        events.append(
            {
                "ph": "X",
                "pid": 0,
                "tid": span.unit,
                "name": f"{span.instruction.kind.name}, tag {span.instruction['tag']}",
                "ts": start,
                "dur": max(span.finish - start, 1),
                "args": shown,
            }
        )
    return json.dumps({"traceEvents": events})
