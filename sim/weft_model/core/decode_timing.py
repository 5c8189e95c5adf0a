"""When the decoder of a program has joined the units of 32 bytes of each instruction."""

from typing import Protocol

from .cycles import BEFORE


class ProgramSource(Protocol):
    """Where the units of 32 bytes of a program come from."""

    def transfer(self, ready: int) -> int | None:
        """Return the cycle in which the next unit is transferred, if it is known.

        `ready`: the first cycle in which the decoder can take it; the same until it is known.
        """


class ReadyProgram:
    """A program whose units are all there, so that each is taken as soon as possible."""

    def transfer(self, ready: int) -> int | None:
        """See ProgramSource."""
        return ready


class DecodeTimes:
    """The cycles in which instructions are decoded, in program order.

    A unit is taken, checked, and joined to its instruction; each stage holds one. The first unit of
    an instruction is joined when the instruction before is dispatched, at the earliest:

        take(u)   = join(u - 1), or later if the source is late
        join(u)   = max(take(u) + 1, dispatch of the instruction before)
        offered   = join(last unit) + 1

    Parameters
    ----------
    source : ProgramSource
    begin : int
        The first cycle in which the program is running.
    """

    def __init__(self, source: ProgramSource, *, begin: int):
        self.source = source
        self._join = begin
        self._joined = 0

    def offered(self, units: int, *, before: int = BEFORE) -> int | None:
        """Return the first cycle in which the next instruction is decoded, if it is known.

        If it is not, this must be called again with the same arguments.

        Parameters
        ----------
        units : int
            Units of the instruction.
        before : int
            The dispatch of the instruction before.
        """
        while self._joined < units:
            taken = self.source.transfer(self._join)
            if taken is None:
                return None
            self._join = max(taken + 1, before if not self._joined else BEFORE)
            self._joined += 1
        self._joined = 0
        return self._join + 1
