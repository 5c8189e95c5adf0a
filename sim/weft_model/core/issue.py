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
    number, at the latest before `issue` needs them: those of the instruction before, in the same
    unit; finishes of the instruction `slots` before, and of those that are waited for.

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
        self._given = [0] * units
        self._total = 0

    def issue(self, unit: int, waits: Sequence[int], *, offered: int) -> Issued:
        """Add the next instruction of the program; return its cycles.

        Parameters
        ----------
        unit : int
        waits : sequence of int
            Its wait for each unit.
        offered : int
            The first cycle in which it is decoded, and all before it have been dispatched.
        """
        number = self._given[unit]
        dispatch = offered
        if number >= self.slots:
            finish = self.finishes[unit][number - self.slots]
            dispatch = max(dispatch, finish + UnitQueue.release_latency)
        if self._total and self._total % self.most == 0:
            dispatch = max(dispatch, self.last_finish + Dispatcher.drain_latency)
        offer = dispatch + UnitQueue.offer_latency
        permission = dispatch + UnitQueue.permit_latency
        if number:
            offer = max(offer, self.takes[unit][number - 1] + 1)
            permission = max(permission, self.starts[unit][number - 1] + UnitQueue.next_latency)
        for finishes, given, wait in zip(self.finishes, self._given, waits, strict=True):
            if wait and wait <= given:
                permission = max(permission, finishes[given - wait] + UnitQueue.wait_latency)
        self._given[unit] += 1
        self._total += 1
        return Issued(dispatch, offer, permission)

    def halt(self, *, offered: int) -> int:
        """Return the cycle in which `done` is high, for a HALT that is offered then.

        All instructions have been added, with their finishes.
        """
        idle = max(offered, self.last_finish + 1)
        return idle + 1

    @property
    def last_finish(self) -> int:
        """The latest cycle in which an instruction has finished, -1 without instructions."""
        return max((finishes[-1] for finishes in self.finishes if finishes), default=-1)
