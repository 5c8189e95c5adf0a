"""Order: which instructions have certainly finished when another one starts.

A clock has five counters: how many instructions of each unit have finished. An instruction starts
after its predecessor in the queue and after everything that its waits name; what those know, it
knows too. Streams add two facts. When a MATMUL has finished, so have the WEIGHTS all of whose tiles
it and earlier ones took. When a VECTOR has drained all results of a MATMUL, that MATMUL has
finished.
"""

from bisect import bisect_right

from weft.isa.codes import Opcode, Unit
from weft.isa.instruction import Instruction
from weft.isa.kind import DRAIN_INTERVAL

from .streams import Streams

UNITS = tuple(Unit)

Clock = list[int]


class Order:
    """The clocks of a program, instruction by instruction.

    Parameters
    ----------
    instructions : tuple of Instruction

    Members
    -------
    numbers : list of list of int
        For each unit, the numbers of its instructions in the program.
    ends : list of list of int
        For each instruction that was given to `finish`, the clock at its end.
    """

    def __init__(self, instructions: tuple[Instruction, ...]):
        self.streams = Streams.of(instructions)
        self.numbers: list[list[int]] = [[] for _ in UNITS]
        self.ends: list[Clock] = []
        self._drained = [0] * len(UNITS)
        # MATMULs that emit results.
        self._emitting: list[int] = []

    def start(self, unit: Unit | None) -> Clock:
        """Return the clock at the start of the next instruction, without its waits."""
        if self.ends and len(self.ends) % DRAIN_INTERVAL == 0:
            self._drained = [len(numbers) for numbers in self.numbers]
        clock = list(self._drained)
        if unit is not None and self.numbers[unit]:
            _join(clock, self.ends[self.numbers[unit][-1]])
        return clock

    def wait(self, clock: Clock, unit: Unit, value: int) -> None:
        """Add to a clock what a wait lets an instruction know."""
        count = len(self.numbers[unit]) - value + 1
        if count > 0:
            _join(clock, self.ends[self.numbers[unit][count - 1]])

    def finish(self, instruction: Instruction, clock: Clock) -> None:
        """Add the next instruction, which starts with a clock."""
        number, end = len(self.ends), list(clock)
        if instruction.unit is not None:
            self.numbers[instruction.unit].append(number)
            end[instruction.unit] = len(self.numbers[instruction.unit])
        streams = self.streams
        if instruction.opcode == Opcode.MATMUL:
            self._join_latest(
                end, self.numbers[Unit.WEIGHTS], streams.pushed, streams.taken[number]
            )
            if instruction["last"]:
                self._emitting.append(number)
        elif streams.drained[number] > (streams.drained[number - 1] if number else 0):
            self._join_latest(end, self._emitting, streams.emitted, streams.drained[number])
        self.ends.append(end)

    def _join_latest(self, end: Clock, numbers: list[int], counts: list[int], most: int) -> None:
        """Join the end of the last of some instructions whose count is not above `most`."""
        place = bisect_right(numbers, most, key=counts.__getitem__)
        if place:
            _join(end, self.ends[numbers[place - 1]])


def _join(clock: Clock, other: Clock) -> None:
    for unit, count in enumerate(other):
        if count > clock[unit]:
            clock[unit] = count
