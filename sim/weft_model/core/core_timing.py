"""CoreTimes: when each instruction of a program starts and finishes: exact cycles of a core."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from weft.isa.codes import Unit
from weft.isa.instruction import Instruction
from weft.isa.kind import DRAIN_INTERVAL

from .bank_timing import Waiting, allow_first
from .core_parts import CoreParts
from .cycles import BEFORE
from .decode_timing import DecodeTimes, ProgramSource, ReadyProgram
from .issue import IssueTimes
from .order import UNITS


class UnitTimes(Protocol):
    """The cycles of one unit.

    Members
    -------
    starts, finishes : list of int
        Of as many instructions as are known.
    """

    starts: list[int]
    finishes: list[int]

    def give(self, instruction: Instruction, available: int) -> None:
        """Add the next instruction, which can start from the cycle `available` on."""
        ...

    def advance(self) -> bool:
        """Do what is known; return whether that was anything.

        What is known never depends on the order in which units advance.
        """
        ...


class CoreTimes:
    """The cycles of a program on a core.

    Units are advanced as far as what they depend on is known. When none can go on, all of them wait
    for banks, and the one that may read or write first goes on; see bank_timing.allow_first.

    Parameters
    ----------
    parts : CoreParts
    units : mapping of Unit to UnitTimes
        The models of LOAD, STORE and VECTOR, or of those that the program uses.
    waiting : sequence of Waiting
        What these do that may have to wait for a bank: reads, from the highest priority to the
        lowest, and writes likewise.
    source : ProgramSource, optional
        By default, the program is there when it begins.

    Members
    -------
    starts, finishes : mapping of Unit to list of int
        In the cycles of the instructions of each unit. Cycle 0 is the one after `launch`.
    done : int or None
        The cycle of `done`, once the program has run.
    """

    def __init__(
        self,
        parts: CoreParts,
        units: Mapping[Unit, UnitTimes],
        *,
        waiting: Sequence[Waiting] = (),
        source: ProgramSource | None = None,
    ):
        self.parts = parts
        self.units = {**units, Unit.WEIGHTS: parts.weights, Unit.MATRIX: parts.matrix}
        self.starts = {unit: times.starts for unit, times in self.units.items()}
        self.finishes = {unit: times.finishes for unit, times in self.units.items()}
        self.done: int | None = None
        self._waiting = (parts.weights, *waiting)
        self._decode = DecodeTimes(source or ReadyProgram(), begin=0)
        slots = parts.config.queues.slots
        self._issue = IssueTimes(units=len(UNITS), slots=slots, most=DRAIN_INTERVAL)
        for unit, times in self.units.items():
            # Instructions start when they are taken.
            self._issue.takes[unit] = self._issue.starts[unit] = times.starts
            self._issue.finishes[unit] = times.finishes
        self._offered: int | None = None
        self._dispatched = BEFORE
        self._given = dict.fromkeys(self.units, 0)
        self._programs: dict[Unit, list[Instruction]] = {unit: [] for unit in self.units}

    def run(self, instructions: Sequence[Instruction]) -> int:
        """Execute a program that ends with HALT; return the cycle of `done`.

        Raises
        ------
        ValueError
            If the program does not end.
        """
        place = 0
        while self.done is None:
            progress = False
            while place < len(instructions) and self._dispatch(instructions[place]):
                place, progress = place + 1, True
            for unit, times in self.units.items():
                progress |= self._give(unit, times)
                progress |= times.advance()
            if not progress and not allow_first(self._waiting):
                raise ValueError(f"the program never ends: instruction {place} never starts")
        return self.done

    def _dispatch(self, instruction: Instruction) -> bool:
        """Dispatch the next instruction, if it is known when."""
        if self._offered is None:
            units = instruction.kind.units
            self._offered = self._decode.offered(units, before=self._dispatched)
            if self._offered is None:
                return False
        if instruction.unit is None:
            if not self._issue.idle:
                return False
            self.done = self._issue.halt(offered=self._offered)
            return True
        waits = [0] * len(UNITS)
        for unit, value in instruction.waits.items():
            waits[unit] = value
        dispatched = self._issue.dispatch(instruction.unit, waits, offered=self._offered)
        if dispatched is None:
            return False
        self._dispatched, self._offered = dispatched, None
        self._programs[instruction.unit].append(instruction)
        return True

    def _give(self, unit: Unit, times: UnitTimes) -> bool:
        """Give a unit its next instruction, if it is known when it may start."""
        number = self._given[unit]
        if number == len(self._programs[unit]) or number > len(times.starts):
            return False
        offer, permission = self._issue.offer(unit, number), self._issue.permission(unit, number)
        if offer is None or permission is None:
            return False
        times.give(self._programs[unit][number], max(offer, permission))
        self._given[unit] += 1
        return True
