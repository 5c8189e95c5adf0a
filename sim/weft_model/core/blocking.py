"""Blocking: whether a program runs to completion, decided without time.

Units and sequencer are sequential, and meet only in queues and streams with one writer and one
reader. None chooses between two that are ready, so timing cannot change which steps are possible:
the network is determinate (Kahn, "The semantics of a simple language for parallel programming",
1974). One run, in any order, decides for all; more room in a queue or stream never blocks it.
"""

from collections.abc import Iterator

from weft.isa.codes import Unit
from weft.isa.kind import DRAIN_INTERVAL
from weft.isa.program import Program

from .order import UNITS
from .streams import Streams, drained_rows


def blocks(program: Program) -> Iterator[str]:
    """Yield one sentence if the program never ends, with what each unit waits for."""
    run = _Run(program)
    if not run.completes():
        yield f"the program never ends: {'; '.join(run.causes())}"


class _Run:
    """A run of a program in which every instruction takes no time."""

    def __init__(self, program: Program):
        self.program = program
        self.streams = Streams.of(program.instructions)
        self.dispatched = 0
        # Numbers of the instructions of each unit, and how many of them came so far.
        self.queues: list[list[int]] = [[] for _ in UNITS]
        self.started = [0] * len(UNITS)
        self.finished = [0] * len(UNITS)
        # Instructions of each unit in front of each instruction.
        self.before = self._counts()

    def _counts(self) -> list[tuple[int, ...]]:
        counts, before = [0] * len(UNITS), []
        for instruction in self.program.instructions:
            before.append(tuple(counts))
            if instruction.unit is not None:
                counts[instruction.unit] += 1
        return before

    def completes(self) -> bool:
        """Run as far as possible; return whether all instructions have finished."""
        progress = True
        while progress:
            progress = self._dispatch()
            for unit in UNITS:
                progress |= self._advance(unit)
        return self.dispatched == len(self.program.instructions)

    def _dispatch(self) -> bool:
        moved = False
        while self.dispatched < len(self.program.instructions) and not self._held():
            unit = self.program.instructions[self.dispatched].unit
            if unit is not None:
                self.queues[unit].append(self.dispatched)
            self.dispatched += 1
            moved = True
        return moved

    def _held(self) -> str:
        """Return why the next instruction cannot enter its queue; "" if it can."""
        number = self.dispatched
        unit = self.program.instructions[number].unit
        if unit is None or (number and number % DRAIN_INTERVAL == 0):
            unfinished = any(self.finished[u] < self.before[number][u] for u in UNITS)
            return "waits until all before it have finished" if unfinished else ""
        slots = self.program.requirements.queue_slots
        full = len(self.queues[unit]) - self.finished[unit] >= slots
        return f"waits for a place in the queue of {unit.name}" if full else ""

    def _advance(self, unit: Unit) -> bool:
        """Start and finish instructions of a unit while it is possible."""
        moved = False
        while True:
            idle = self.started[unit] == self.finished[unit]
            if idle:
                if self.started[unit] == len(self.queues[unit]) or self._wait(unit):
                    return moved
                self.started[unit] += 1
            elif self._streams_hold(unit):
                return moved
            else:
                self.finished[unit] += 1
            moved = True

    def _wait(self, unit: Unit) -> tuple[Unit, int] | None:
        """Return what the first instruction in a queue waits for; None if it can start.

        It is a unit, and how many of its instructions must have finished.
        """
        number = self.queues[unit][self.started[unit]]
        for waited, value in self.program.instructions[number].waits.items():
            needed = self.before[number][waited] - value + 1
            if self.finished[waited] < needed:
                return waited, needed
        return None

    def _streams_hold(self, unit: Unit) -> str:
        """Return what the running instruction waits for in its streams; "" if it can finish."""
        number, needs = self.queues[unit][self.started[unit] - 1], self.program.requirements
        streams = self.streams
        if unit == Unit.WEIGHTS:
            room = self._latest(Unit.MATRIX, streams.taken) + needs.fifo_tiles
            return "" if streams.pushed[number] <= room else "waits for room in the weight FIFO"
        if unit == Unit.MATRIX:
            if streams.taken[number] > self._latest(Unit.WEIGHTS, streams.pushed):
                return "waits for a tile"
            room = self._latest(Unit.VECTOR, streams.drained) + needs.result_rows
            return "" if streams.emitted[number] <= room else "waits for room for its results"
        if unit == Unit.VECTOR and drained_rows(self.program.instructions[number]):
            return "" if streams.drained[number] <= self._emitted() else "waits for result rows"
        return ""

    def _latest(self, unit: Unit, counts: list[int]) -> int:
        """Return the count of the last instruction that a unit has started."""
        return counts[self.queues[unit][self.started[unit] - 1]] if self.started[unit] else 0

    def _emitted(self) -> int:
        """Return the result rows of all MATMULs that have started and have all of their tiles."""
        started, streams = self.started[Unit.MATRIX], self.streams
        pushed = self._latest(Unit.WEIGHTS, streams.pushed)
        queue = self.queues[Unit.MATRIX]
        if started and streams.taken[queue[started - 1]] > pushed:
            started -= 1
        return streams.emitted[queue[started - 1]] if started else 0

    def _wait_cause(self, unit: Unit) -> str:
        waited, needed = self._wait(unit) or (unit, 0)
        number = next(n for n, before in enumerate(self.before) if before[waited] == needed) - 1
        return f"waits for instruction {number}, {self.program.instructions[number].kind.name}"

    def causes(self) -> Iterator[str]:
        """Yield, for each unit that has work, what it waits for."""
        instructions = self.program.instructions
        for unit in UNITS:
            if self.finished[unit] < len(self.queues[unit]):
                number = self.queues[unit][self.finished[unit]]
                running = self.started[unit] > self.finished[unit]
                cause = self._streams_hold(unit) if running else self._wait_cause(unit)
                yield f"instruction {number}, {instructions[number].kind.name}, {cause}"
        held = self._held()
        yield f"instruction {self.dispatched}, {instructions[self.dispatched].kind.name}, {held}"
