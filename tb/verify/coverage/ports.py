"""Model of a unit that sees only its ports: which row enters in each cycle, or why none does.

The model does not look into the unit. Its activities are checked against the counters of the unit.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from weft.matrix.admission import Admission
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.counters import CycleCounters
from weft.matrix.layouts import Activity

COUNTER_LAG = Admission.activity_latency + CycleCounters.latency


class Handshake(NamedTuple):
    """One stream in one cycle."""

    valid: bool = False
    ready: bool = True

    @property
    def transfer(self) -> bool:
        return self.valid and self.ready

    @property
    def held(self) -> bool:
        """A transfer is offered but not accepted."""
        return self.valid and not self.ready

    @property
    def awaited(self) -> bool:
        """A transfer would be accepted but is not offered."""
        return self.ready and not self.valid


NOTHING = Handshake()


@dataclass(frozen=True)
class WeightRow:
    """A transfer of weights: `lanes`, (C,), and whether it is the last of a tile."""

    lanes: np.ndarray
    last: bool = False


@dataclass(frozen=True)
class ActivationRow:
    """A transfer of activations: `lanes`, (R,), and the fields of their control."""

    lanes: np.ndarray
    switch: bool = False
    first: bool = False
    last: bool = False
    end: bool = False
    row: int = 0


@dataclass(frozen=True)
class Cycle:
    """The ports in one cycle, as a flip-flop samples them; rows are None if not valid."""

    reset: bool = False
    weights: Handshake = NOTHING
    activations: Handshake = NOTHING
    results: Handshake = NOTHING
    weight_row: WeightRow | None = None
    activation_row: ActivationRow | None = None
    result_ends: bool = False
    errors: int = 0
    clears: bool = False


@dataclass(frozen=True)
class Tile:
    """A complete tile: `weights`, (R, C), or None if the tile is broken."""

    weights: np.ndarray | None

    @property
    def good(self) -> bool:
        return self.weights is not None


@dataclass(frozen=True)
class Entry:
    """A row that enters the array, the tile that it uses, and whether it is admitted."""

    row: ActivationRow
    tile: Tile | None
    admitted: bool


@dataclass
class PortModel:
    """The state of a unit at the beginning of a cycle, derived from its ports.

    `waiting`: the row at the gate. `loading`: the rows of an incomplete tile. `complete`: a tile
    that waits. `in_use`: the tile in use. `begun`: accumulator rows with unfinished sums.
    `places_taken`: number of results in flight or waiting.
    """

    config: MatrixUnitConfig
    waiting: ActivationRow | None = None
    loading: list[np.ndarray] = field(default_factory=list)
    complete: Tile | None = None
    in_use: Tile | None = None
    begun: set[int] = field(default_factory=set)
    places_taken: int = 0

    def enters(self, cycle: Cycle) -> bool:
        """Return whether the row at the gate enters: only then is the gate ready for another."""
        return self.waiting is not None and cycle.activations.ready

    def activity(self, cycle: Cycle) -> Activity:
        """Return the activity of this cycle."""
        if self.enters(cycle):
            return Activity.COMPUTING
        if self.waiting is not None:
            if not self.waiting.switch or self.complete:
                return Activity.WAITING_FOR_ROOM
            loads = cycle.weights.transfer
            return Activity.LOADING_WEIGHTS if loads else Activity.WAITING_FOR_WEIGHTS
        if self.loading or self.complete or self.begun:
            return Activity.WAITING_FOR_ACTIVATIONS
        return Activity.IDLE

    def step(self, cycle: Cycle) -> Entry | None:
        """Advance by one cycle; return the row that entered the array in it, or None."""
        if cycle.reset:
            vars(self).update(vars(PortModel(self.config)))
            return None
        entry = self._enter(self.waiting) if self.waiting and self.enters(cycle) else None
        if cycle.results.transfer:
            self.places_taken -= 1
        if cycle.weights.transfer and cycle.weight_row:
            self.loading.append(cycle.weight_row.lanes)
            if cycle.weight_row.last:
                whole = len(self.loading) == self.config.rows
                # The last row of a tile arrives first.
                self.complete = Tile(np.array(self.loading[::-1], np.int64) if whole else None)
                self.loading = []
        if cycle.activations.ready:
            self.waiting = cycle.activation_row if cycle.activations.valid else None
        return entry

    def _enter(self, row: ActivationRow) -> Entry:
        if row.switch:
            self.in_use, self.complete = self.complete, None
        good_tile = self.in_use is not None and self.in_use.good
        in_range = row.row < self.config.accumulator_depth
        known = row.first or row.row in self.begun
        if in_range and good_tile and not row.last and known:
            self.begun.add(row.row)
        elif in_range:
            self.begun.discard(row.row)
        admitted = good_tile and in_range and known
        self.places_taken += admitted and row.last
        return Entry(row, self.in_use, admitted)


class CounterModel:
    """The counters of a unit, computed from its activities."""

    def __init__(self):
        self.start()

    def start(self) -> None:
        """Reset the counters."""
        self.in_flight = deque([Activity.IDLE] * (COUNTER_LAG - 1))
        self.counters = {"total": 0} | {activity.name.lower(): 0 for activity in Activity}

    def step(self, activity: Activity) -> None:
        """Advance by one cycle with an activity."""
        self.in_flight.append(activity)
        self.counters["total"] += 1
        self.counters[self.in_flight.popleft().name.lower()] += 1
