"""When the sequencer dispatches instructions and lets them start: exact cycles."""

from collections.abc import Sequence
from dataclasses import dataclass

from weft.sequencer.dispatcher import Dispatcher
from weft.sequencer.unit_queue import UnitQueue


@dataclass(frozen=True)
class Issued:
    """The cycles of one instruction that are the sequencer's.

    `dispatch`: it enters its queue. `offer`: its unit can take it, to prepare. `permission`: its
    unit can start it.
    """

    dispatch: int
    offer: int
    permission: int


class IssueTimes:
    """The cycles of the sequencer, for instructions in program order.

    The sequencer's cycles depend on those in which units take, start and finish earlier
    instructions. The model of a unit appends these to `takes`, `starts` and `finishes` of its
    number. What is not known yet because it depends on others that are not, is None.

    Parameters
    ----------
    units : int
    slots : int
        Unfinished instructions of a unit.
    most : int
        Instructions after which the dispatcher waits until all have finished.
    """

    def __init__(self, *, units: int, slots: int, most: int):
        self.slots = slots
        self.most = most
        self.takes: list[list[int]] = [[] for _ in range(units)]
        self.starts: list[list[int]] = [[] for _ in range(units)]
        self.finishes: list[list[int]] = [[] for _ in range(units)]
        self.dispatches: list[list[int]] = [[] for _ in range(units)]
        # Of each instruction: the units that it waits for, and the instruction of each.
        self._waits: list[list[list[tuple[int, int]]]] = [[] for _ in range(units)]
        self._total = 0

    def issue(self, unit: int, waits: Sequence[int], *, offered: int) -> Issued:
        """Add the next instruction of the program, whose cycles are all known; return them.

        See `dispatch`.
        """
        number = len(self.dispatches[unit])
        dispatch = self.dispatch(unit, waits, offered=offered)
        offer, permission = self.offer(unit, number), self.permission(unit, number)
        assert dispatch is not None and offer is not None and permission is not None
        return Issued(dispatch, offer, permission)

    def dispatch(self, unit: int, waits: Sequence[int], *, offered: int) -> int | None:
        """Add the next instruction of the program, if its dispatch is known; return its cycle.

        Parameters
        ----------
        unit : int
        waits : sequence of int
            Its wait for each unit.
        offered : int
            The first cycle in which it is decoded, and all before it have been dispatched.
        """
        before = len(self.dispatches[unit]) - self.slots
        dispatch = offered
        if before >= 0:
            if before >= len(self.finishes[unit]):
                return None
            dispatch = max(dispatch, self.finishes[unit][before] + UnitQueue.release_latency)
        if self._total and self._total % self.most == 0:
            if not self.idle:
                return None
            dispatch = max(dispatch, self.last_finish + Dispatcher.drain_latency)
        self._waits[unit].append(
            [
                (waited, len(given) - wait)
                for waited, (given, wait) in enumerate(zip(self.dispatches, waits, strict=True))
                if wait and wait <= len(given)
            ]
        )
        self.dispatches[unit].append(dispatch)
        self._total += 1
        return dispatch

    def offer(self, unit: int, number: int) -> int | None:
        """Return the first cycle in which a dispatched instruction of a unit can be taken."""
        offer = self.dispatches[unit][number] + UnitQueue.offer_latency
        if not number:
            return offer
        takes = self.takes[unit]
        return max(offer, takes[number - 1] + 1) if number <= len(takes) else None

    def permission(self, unit: int, number: int) -> int | None:
        """Return the first cycle in which a dispatched instruction of a unit can start."""
        permission = self.dispatches[unit][number] + UnitQueue.permit_latency
        if number:
            if number > len(self.starts[unit]):
                return None
            permission = max(permission, self.starts[unit][number - 1] + UnitQueue.next_latency)
        for waited, place in self._waits[unit][number]:
            finishes = self.finishes[waited]
            if place >= len(finishes):
                return None
            permission = max(permission, finishes[place] + UnitQueue.wait_latency)
        return permission

    def halt(self, *, offered: int) -> int:
        """Return the cycle in which `done` is high, for a HALT that is offered then.

        All instructions have been added, with their finishes.
        """
        idle = max(offered, self.last_finish + 1)
        return idle + 1

    @property
    def idle(self) -> bool:
        """Whether it is known when all instructions that were added finish."""
        return sum(map(len, self.finishes)) == self._total

    @property
    def last_finish(self) -> int:
        """The latest cycle in which an instruction has finished, -1 without instructions."""
        return max((finishes[-1] for finishes in self.finishes if finishes), default=-1)
