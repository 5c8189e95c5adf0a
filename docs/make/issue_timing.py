"""Drawing of three instructions in the sequencer, in the cycles of its model."""

from dataclasses import dataclass

from matplotlib.figure import Figure

from canvas import (
    ACTIVATIONS,
    ACTIVATIONS_LIGHT,
    CONTROL,
    CONTROL_LIGHT,
    FAINT,
    INK,
    SUMS,
    SUMS_LIGHT,
    WEIGHTS,
    WEIGHTS_LIGHT,
    cycles_axis,
    note,
    plt,
    tile,
)
from weft.isa.codes import Unit
from weft_model.core.issue import Issued, IssueTimes

# Cycles that the units of the example need to prepare an instruction.
PREPARE = 4
BEGIN = 1


@dataclass(frozen=True)
class Line:
    """An instruction: its name, its cycles, and how long it executes."""

    name: str
    issued: Issued
    take: int
    start: int
    finish: int


def lines() -> list[Line]:
    """Return a LOAD, a MATMUL that waits for it, and a second MATMUL, dispatched one by one."""
    model = IssueTimes(units=len(Unit), slots=8, most=100)
    found, offered = [], BEGIN
    for name, unit, waited, duration in (
        ("LOAD", Unit.LOAD, None, 9),
        ("MATMUL wait_load=1", Unit.MATRIX, Unit.LOAD, 8),
        ("MATMUL", Unit.MATRIX, None, 5),
    ):
        waits = [int(other == waited) for other in Unit]
        issued = model.issue(unit, waits, offered=offered)
        takes, starts, finishes = (
            record[unit] for record in (model.takes, model.starts, model.finishes)
        )
        takes.append(max(issued.offer, (starts[-1] + 1 if starts else 0)))
        ready = max(takes[-1] + PREPARE + 1, finishes[-1] + 1 if finishes else 0)
        starts.append(max(issued.permission, ready))
        finishes.append(starts[-1] + duration - 1)
        found.append(Line(name, issued, takes[-1], starts[-1], finishes[-1]))
        offered = issued.dispatch + 1
    return found


def draw() -> Figure:
    """Draw two rows for each instruction: what its queue does, and what its unit does."""
    drawn = lines()
    rows = [f"{line.name}{row}" for line in drawn for row in (", queue", ", unit")]
    figure, axes = plt.subplots(figsize=(10.5, 3.9))
    figure.subplots_adjust(left=0.22, right=0.985, top=0.95, bottom=0.15)
    cycles_axis(axes, drawn[-1].finish + 2, rows)
    axes.set_xlabel("cycle, from `launch`", color=FAINT)
    for number, line in enumerate(drawn):
        issued, queue, unit = line.issued, 2 * number, 2 * number + 1
        dispatch, held = issued.dispatch, line.finish - issued.dispatch
        offer = line.take + 1 - issued.offer
        permission = line.start + 1 - issued.permission
        duration = line.finish + 1 - line.start
        blocks = [
            (queue, dispatch, 1, "D", INK, "#eef0f3"),
            (queue, dispatch + 1, held, "", FAINT, "#f7f8fa"),
            (queue, issued.offer, offer, "O", CONTROL, CONTROL_LIGHT),
            (queue, issued.permission, permission, "S", SUMS, SUMS_LIGHT),
            (unit, line.take + 1, PREPARE, "prepare", ACTIVATIONS, ACTIVATIONS_LIGHT),
            (unit, line.start, duration, "execute", WEIGHTS, WEIGHTS_LIGHT),
        ]
        for row, begin, length, text, edge, fill in blocks:
            tile(axes, begin + 0.04, row + 0.12, length - 0.08, 0.76, fill, edge)
            note(axes, begin + length / 2, row + 0.5, text, color=edge, ha="center")
    return figure
