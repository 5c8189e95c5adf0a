"""Admission in Python, for its bench: rows, the loader's side, and every output that counts."""

from dataclasses import dataclass, field

from bench import join
from weft.config import MatrixUnitConfig
from weft.layouts import Activity, Error

# Bits of `control` that are zero where no row is admitted: valid, last, end.
MARKS = 0b1101


@dataclass(frozen=True)
class Row:
    lanes: int
    switch: bool = False
    first: bool = False
    last: bool = False
    end: bool = False
    row: int = 0


def payload(row: Row, config: MatrixUnitConfig) -> int:
    """The bits of a row: lanes lowest, then the fields in the order of Row."""
    flags = join([row.switch, row.first, row.last, row.end], 1) | row.row << 4
    return row.lanes | flags << lane_bits(config)


def lane_bits(config: MatrixUnitConfig) -> int:
    return config.rows * config.activation.width


@dataclass
class Tiles:
    """The WeightLoader's side in one cycle."""

    complete: bool = False
    broken: bool = False
    started: bool = False
    transferring: bool = False


@dataclass
class Gate:
    """Admission in Python: the row at the gate, the credits, and which sums have begun.

    `issued` holds the outputs that mean something, and `deciding` those of a cycle later.
    """

    config: MatrixUnitConfig
    places: int
    waiting: Row | None = None
    good_tile: bool = False
    given_back: int = 0
    begun: set[int] = field(default_factory=set)
    issued: dict[str, int] = field(default_factory=lambda: {"switch": 0})
    deciding: dict[str, int] = field(default_factory=lambda: {"switch": 0})

    def advances(self, tiles: Tiles) -> bool:
        row = self.waiting
        return (
            row is not None
            and (not row.switch or tiles.complete)
            and (not row.last or self.places > 0)
        )

    def takes(self) -> bool:
        row = self.waiting
        return row is not None and row.switch and (not row.last or self.places > 0)

    def activity(self, tiles: Tiles) -> Activity:
        if self.advances(tiles):
            return Activity.COMPUTING
        if self.waiting and self.waiting.switch and not tiles.complete:
            if tiles.transferring:
                return Activity.LOADING_WEIGHTS
            return Activity.WAITING_FOR_WEIGHTS
        if self.waiting:
            return Activity.WAITING_FOR_ROOM
        if tiles.started or self.begun:
            return Activity.WAITING_FOR_ACTIVATIONS
        return Activity.IDLE

    def errors(self, tiles: Tiles) -> Error:
        """What is wrong with the row that advances."""
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
        advances = self.advances(tiles)
        return {
            "activations__ready": int(self.waiting is None or advances),
            "take": int(self.takes()),
            "activity": self.activity(tiles).value,
            "errors": self.errors(tiles).value,
            **self.issued,
        }

    def step(self, tiles: Tiles, released: bool, offered: Row | None) -> None:
        row, advances, errors = self.waiting, self.advances(tiles), self.errors(tiles)
        self.issued, self.deciding = self.deciding, {"switch": 0}
        self.places += self.given_back
        self.given_back = 0
        if advances:
            self.deciding["switch"] = int(row.switch)
            self.places -= row.last
            self.given_back = int(row.last and bool(errors))
            if row.switch:
                self.good_tile = not tiles.broken
            if not errors:
                self.deciding["lanes"] = row.lanes
                flags = join([1, row.first, row.last, row.end], 1)
                self.deciding["control"] = flags | row.row << 4
            if errors or row.last:
                self.begun.discard(row.row)
            else:
                self.begun.add(row.row)
        self.places += released
        if row is None or advances:
            self.waiting = offered
