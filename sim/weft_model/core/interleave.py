"""Random interleavings: a program on units that work at the same time, in any legal order.

A program that the checker accepts ends with the same memories as in program order.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Unit
from weft.isa.instruction import Instruction
from weft.isa.kind import DRAIN_INTERVAL
from weft.isa.program import Program

from .machine import work_of
from .order import UNITS
from .state import CoreState
from .work import Work

# Most parts that a unit does before another one can.
MOST_PARTS = 8


@dataclass(eq=False)
class _Running:
    """An instruction that has started."""

    work: Work
    done: int = 0


def interleave(
    program: Program,
    memory: Sequence[np.ndarray],
    source: np.random.Generator,
    *,
    queue_slots: int | None = None,
    fifo_tiles: int | None = None,
    result_rows: int | None = None,
) -> CoreState | None:
    """Execute a program in a random order that its waits, queues and streams permit.

    Parameters
    ----------
    program : Program
    memory : sequence of ndarray of uint8
        The eight regions; the program changes them.
    source : numpy Generator
        Chooses at each step what happens next.
    queue_slots, fifo_tiles, result_rows : int, optional
        Capacities, if they differ from what the program needs.

    Returns
    -------
    CoreState or None
        None if nothing can happen although the program has not ended.
    """
    given = dict(queue_slots=queue_slots, fifo_tiles=fifo_tiles, result_rows=result_rows)
    changes = {name: value for name, value in given.items() if value is not None}
    needs = dataclasses.replace(program.requirements, **changes)
    run = _Interleaving(program, CoreState(needs, memory), source)
    while run.step():
        pass
    return run.state if run.ended() else None


class _Interleaving:
    """The state of all queues and units; `step` lets one thing happen."""

    def __init__(self, program: Program, state: CoreState, source: np.random.Generator):
        self.program, self.state, self.source = program, state, source
        self.dispatched = 0
        # Of each unit: instructions in its queue, each with the count of instructions of each unit
        # in front of it; how many it has finished; and the one that runs.
        self.queues: list[list[tuple[Instruction, tuple[int, ...]]]] = [[] for _ in UNITS]
        self.finished = [0] * len(UNITS)
        self.running: list[_Running | None] = [None] * len(UNITS)

    def ended(self) -> bool:
        return self.dispatched == len(self.program.instructions)

    def step(self) -> bool:
        """Do one of the things that can happen; return whether there was any."""
        actions = [self._advance(unit) for unit in UNITS]
        actions.append(self._dispatch if not self.ended() and self._can_dispatch() else None)
        possible = [action for action in actions if action is not None]
        if possible:
            possible[self.source.integers(len(possible))]()
        return bool(possible)

    def _can_dispatch(self) -> bool:
        unit = self.program.instructions[self.dispatched].unit
        waiting = [len(q) - f for q, f in zip(self.queues, self.finished, strict=True)]
        if unit is None or self.dispatched % DRAIN_INTERVAL == 0:
            return not any(waiting)
        return waiting[unit] < self.state.needs.queue_slots

    def _dispatch(self) -> None:
        instruction = self.program.instructions[self.dispatched]
        if instruction.unit is not None:
            before = tuple(len(queue) for queue in self.queues)
            self.queues[instruction.unit].append((instruction, before))
        self.dispatched += 1

    def _advance(self, unit: Unit) -> Callable[[], None] | None:
        """Return what a unit can do next, or None."""
        running = self.running[unit]
        if running is None:
            return self._starting(unit)
        if running.done == running.work.parts:
            return lambda: self._finish(unit)
        if running.work.ready(running.done):
            return lambda: self._run(running)
        return None

    def _starting(self, unit: Unit) -> Callable[[], None] | None:
        if self.finished[unit] == len(self.queues[unit]):
            return None
        instruction, before = self.queues[unit][self.finished[unit]]
        for waited, value in instruction.waits.items():
            if self.finished[waited] < before[waited] - value + 1:
                return None
        return lambda: self._start(unit, instruction)

    def _start(self, unit: Unit, instruction: Instruction) -> None:
        self.running[unit] = _Running(work_of(self.state, instruction))

    def _run(self, running: _Running) -> None:
        """Do the next part, and perhaps some more."""
        for _ in range(self.source.integers(1, MOST_PARTS, endpoint=True)):
            running.work.run(running.done, running.done + 1)
            running.done += 1
            if running.done == running.work.parts or not running.work.ready(running.done):
                return

    def _finish(self, unit: Unit) -> None:
        self.running[unit] = None
        self.finished[unit] += 1
