"""Admission in Python, for its bench: rows, the signals of the loader, and all valid outputs."""

from collections import deque
from dataclasses import dataclass, field

from benches.bits import join, split
from weft.matrix.admission import Admission
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Activity, Error, row_control_layout


@dataclass(frozen=True)
class Row:
    lanes: int
    switch: bool = False
    first: bool = False
    last: bool = False
    end: bool = False
    row: int = 0


def marks(config: MatrixUnitConfig) -> int:
    """Return the mask of the bits of `control` that are zero if no row is admitted."""
    layout = row_control_layout(config)
    return sum(1 << layout[name].offset for name in ("valid", "last", "end"))


def payload(row: Row, config: MatrixUnitConfig) -> int:
    """Return the bits of a row: lanes lowest, then the fields in the order of Row."""
    flags = join([row.switch, row.first, row.last, row.end], 1) | row.row << 4
    return row.lanes | flags << lane_bits(config)


def lane_bits(config: MatrixUnitConfig) -> int:
    return config.rows * config.activation_port.operand.width


@dataclass
class Tiles:
    """The signals from the WeightLoader in one cycle."""

    complete: bool = False
    broken: bool = False
    started: bool = False
    transferring: bool = False


@dataclass
class Gate:
    """A model of Admission: the row at the gate, the credits, and the sums that have begun.

    Queues hold the delayed outputs, earliest first: `issued` holds switches and lanes, `checked`
    control, errors and dropped places, `activities` the activities. `returning` holds released
    places that a row cannot use yet.
    """

    config: MatrixUnitConfig
    credits: int
    spacing: int = 1
    waiting: Row | None = None
    good_tile: bool = False
    begun: set[int] = field(default_factory=set)
    # Cycles since the last row of each number whose sum stayed.
    ages: dict[int, int] = field(default_factory=dict)
    returning: deque[int] = field(default_factory=lambda: deque([0]))
    places: int = field(init=False)
    issued: deque[dict[str, int]] = field(init=False)
    checked: deque[dict[str, int]] = field(init=False)
    activities: deque[int] = field(init=False)

    def __post_init__(self):
        self.places = self.credits
        self.issued = deque({"switch": 0} for _ in range(Admission.issue_latency))
        self.checked = deque({"errors": 0} for _ in range(Admission.control_latency))
        self.activities = deque([Activity.IDLE.value] * Admission.activity_latency)

    @property
    def places_out(self) -> int:
        """Places that rows have taken and the result buffer has not released."""
        dropped = sum(checked.get("dropped", 0) for checked in self.checked)
        return self.credits - self.places - sum(self.returning) - dropped

    @property
    def too_soon(self) -> bool:
        """Whether the sum that the waiting row is added to is not known yet."""
        row = self.waiting
        if row is None or row.first or row.row >= self.config.accumulator_depth:
            return False
        return self.ages.get(row.row, self.spacing) < self.spacing

    @property
    def ready(self) -> bool:
        """Whether a row waits for nothing but its tile."""
        row = self.waiting
        return row is not None and (not row.last or self.places > 0) and not self.too_soon

    def advances(self, tiles: Tiles) -> bool:
        row = self.waiting
        return row is not None and self.ready and (not row.switch or tiles.complete)

    def takes(self) -> bool:
        row = self.waiting
        return row is not None and self.ready and row.switch

    def activity(self, tiles: Tiles) -> Activity:
        if self.advances(tiles):
            return Activity.COMPUTING
        if self.waiting and self.waiting.switch and not tiles.complete:
            if tiles.transferring:
                return Activity.LOADING_WEIGHTS
            return Activity.WAITING_FOR_WEIGHTS
        if self.waiting:
            return Activity.WAITING_FOR_SUM if self.too_soon else Activity.WAITING_FOR_ROOM
        if tiles.started or self.begun:
            return Activity.WAITING_FOR_ACTIVATIONS
        return Activity.IDLE

    def errors(self, tiles: Tiles) -> Error:
        """Return the errors of the row that advances."""
        row, errors = self.waiting, Error(0)
        if not self.advances(tiles):
            return errors
        if not (not tiles.broken if row.switch else self.good_tile):
            errors |= Error.NO_TILE
        if row.row >= self.config.accumulator_depth:
            errors |= Error.ROW_OUT_OF_RANGE
        if not errors and not row.first and row.row not in self.begun:
            errors |= Error.NOT_STARTED
        return errors

    def outputs(self, tiles: Tiles) -> dict[str, int]:
        """Return every valid output of this cycle."""
        advances = self.advances(tiles)
        return {
            "activations__ready": int(self.waiting is None or advances),
            "take": int(self.takes()),
            "activity": self.activities[0],
            **self.issued[0],
            **{name: value for name, value in self.checked[0].items() if name != "dropped"},
        }

    def step(self, tiles: Tiles, released: bool, offered: Row | None) -> None:
        row, advances, errors = self.waiting, self.advances(tiles), self.errors(tiles)
        self.activities.append(self.activity(tiles).value)
        self.activities.popleft()
        self.places += self.returning.popleft()
        self.returning.append(released + self.checked.popleft().get("dropped", 0))
        self.issued.popleft()
        issued, checked = {"switch": 0}, {"errors": errors.value}
        self.ages = {number: age + 1 for number, age in self.ages.items()}
        if advances:
            if not row.last:
                self.ages[row.row] = 1
            issued = {"switch": int(row.switch), "lanes": row.lanes}
            if self.config.checksum:
                lanes = split(
                    row.lanes, self.config.activation_port.operand.width, self.config.rows
                )
                issued["parities"] = join([lane.bit_count() for lane in lanes], 1)
            self.places -= row.last
            checked["dropped"] = int(row.last and bool(errors))
            if row.switch:
                self.good_tile = not tiles.broken
            if not errors:
                flags = join([1, row.first, row.last, row.end], 1)
                checked["control"] = flags | row.row << 4
            if errors or row.last:
                self.begun.discard(row.row)
            else:
                self.begun.add(row.row)
        self.issued.append(issued)
        self.checked.append(checked)
        if row is None or advances:
            self.waiting = offered
