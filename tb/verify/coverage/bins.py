"""Functional coverage: the situations that the benches of the whole unit have to produce.

`BINS` names them, in groups. They are counted from the transfers on the ports, not from what a
bench intended to send. Only the shapes of products come from the bench, after a correct result.
"""

from collections import Counter
from itertools import product

import numpy as np

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Activity, Error
from weft.matrix.timing import MatrixUnitTiming
from weft_model.schedule import Schedule

from .ports import ActivationRow, Cycle, Entry, Handshake, PortModel

STREAMS = ("weights", "activations", "results")
# Only rows of bfloat16 wait for a sum, and the judged units have exact sums.
ACTIVITIES = tuple(activity for activity in Activity if activity != Activity.WAITING_FOR_SUM)
DISTANCES = ("1", "2", "3", "4", "5", "more")
EXTREMES = ("minimum", "maximum")
MEETINGS = (
    "added to a sum",
    "finishes a sum",
    "begins over an unfinished sum",
    "begins after a finished sum",
)
ROW_KINDS = {
    (True, False): "begins",
    (False, False): "adds",
    (False, True): "finishes",
    (True, True): "begins and finishes",
}

BINS = {
    "tile_stays": ("for one row", "for less than R rows", "for R rows", "for more than R rows"),
    "switch": (
        "tile complete",
        "tile partly loaded",
        "tile not begun",
        "tile broken",
        "next tile begins in the same cycle",
        "R cycles after the one before",
    ),
    "stall": tuple(
        f"{stream} {how}, {activity.name}"
        for stream, how, activity in product(STREAMS, ("held", "awaited"), ACTIVITIES)
    ),
    "results_held": (
        "for one cycle",
        "for longer",
        "for longer than the buffer is deep",
        "while the buffer is full",
    ),
    "row": tuple(ROW_KINDS.values()),
    "same_row": tuple(f"{what}, {distance}" for what, distance in product(MEETINGS, DISTANCES)),
    "shape": (
        *(f"K {k} R, N {n} C" for k, n in product(("in whole", "beyond whole"), repeat=2)),
        *("one tile", "tiles along K", "tiles along N", "tiles along both"),
        *("one batch", "several batches"),
    ),
    "extremes": (
        *(
            f"{scope} {a} by {w}"
            for scope, a, w in product(("one product of", "R products of"), EXTREMES, EXTREMES)
        ),
        *("sum wraps upwards", "sum wraps downwards"),
    ),
    "error": (
        *(error.name or "" for error in Error),
        "several at once",
        "cleared",
        "seen in the cycle of clearing",
    ),
    "dropped": ("the last row of a sum", "a row that is not the last", "the end of a job"),
    "end": ("of a job", "of two jobs in two results in a row"),
    "reset": (
        *(activity.name for activity in ACTIVITIES),
        "with a tile complete",
        "within a tile",
        "with a result waiting",
        "with a sum unfinished",
        "with an error seen",
    ),
}


class Sampler:
    """Count the bins of one unit, from every cycle since a reset.

    `counts`: number of hits by (group, bin).
    """

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        self.ports = PortModel(config)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.number = 0
        self.before = Cycle(reset=True)
        self._forget()

    def _forget(self) -> None:
        """Clear the state that a reset invalidates."""
        self.rows_met = 0
        self.last_switch: int | None = None
        self.last_entry: dict[int, tuple[int, bool]] = {}
        self.exact: dict[int, np.ndarray] = {}
        self.held = 0
        self.ended = False

    def hit(self, group: str, name: str) -> None:
        assert name in BINS[group], f"{group} has no bin {name!r}"
        self.counts[group, name] += 1

    def take(self, cycle: Cycle) -> Activity:
        """Sample a cycle; return its activity."""
        activity = self.ports.activity(cycle)
        if cycle.reset:
            if not self.before.reset:
                self._sample_reset(activity, cycle)
            self._forget()
            self.ports.step(cycle)
        else:
            self._sample_stalls(activity, cycle)
            self._sample_arrival()
            self._sample_errors(cycle)
            entry = self.ports.step(cycle)
            if entry:
                self._sample_entry(entry, cycle)
            self._sample_results(cycle)
        self.before = cycle
        self.number += 1
        return activity

    def take_product(self, schedule: Schedule) -> None:
        """Sample the shape of a product with a correct result."""
        k, n = (
            "in whole" if size % side == 0 else "beyond whole"
            for size, side in (
                (schedule.k, self.config.rows),
                (schedule.n, self.config.columns),
            )
        )
        self.hit("shape", f"K {k} R, N {n} C")
        several = schedule.k_tiles > 1, schedule.n_tiles > 1
        tiles = {
            (False, False): "one tile",
            (True, False): "tiles along K",
            (False, True): "tiles along N",
            (True, True): "tiles along both",
        }
        self.hit("shape", tiles[several])
        self.hit("shape", "one batch" if schedule.batch_count == 1 else "several batches")

    def _sample_reset(self, activity: Activity, cycle: Cycle) -> None:
        self.hit("reset", activity.name)
        for name, occurred in (
            ("with a tile complete", self.ports.complete),
            ("within a tile", self.ports.loading),
            ("with a result waiting", cycle.results.valid),
            ("with a sum unfinished", self.ports.begun),
            ("with an error seen", cycle.errors),
        ):
            if occurred:
                self.hit("reset", name)

    def _sample_stalls(self, activity: Activity, cycle: Cycle) -> None:
        for stream in STREAMS:
            handshake: Handshake = getattr(cycle, stream)
            if handshake.held:
                self.hit("stall", f"{stream} held, {activity.name}")
            if handshake.awaited:
                self.hit("stall", f"{stream} awaited, {activity.name}")
        full = self.ports.places_taken == MatrixUnitTiming.of(self.config).result_depth
        if cycle.results.held and full:
            self.hit("results_held", "while the buffer is full")

    def _sample_arrival(self) -> None:
        """Sample the state of the tile when a row that switches arrives at the gate."""
        row = self.ports.waiting
        if row is None or not row.switch or not self.before.activations.transfer:
            return
        if self.ports.complete:
            self.hit("switch", "tile complete")
        elif self.ports.loading:
            self.hit("switch", "tile partly loaded")
        else:
            self.hit("switch", "tile not begun")

    def _sample_errors(self, cycle: Cycle) -> None:
        errors, before = Error(cycle.errors), Error(self.before.errors)
        new = errors if self.before.clears else errors & ~before
        for error in Error:
            if error in new:
                self.hit("error", error.name or "")
        if new.value.bit_count() > 1:
            self.hit("error", "several at once")
        if self.before.clears and before and not errors:
            self.hit("error", "cleared")
        if self.before.clears and errors:
            self.hit("error", "seen in the cycle of clearing")

    def _sample_entry(self, entry: Entry, cycle: Cycle) -> None:
        row = entry.row
        if row.switch:
            self._sample_switch(entry, cycle)
        self.rows_met += 1
        if not entry.admitted:
            last = "the last row of a sum" if row.last else "a row that is not the last"
            self.hit("dropped", last)
            if row.end:
                self.hit("dropped", "the end of a job")
            return
        self.hit("row", ROW_KINDS[row.first, row.last])
        self._sample_meeting(row)
        assert entry.tile is not None and entry.tile.weights is not None
        self._sample_numbers(row, entry.tile.weights)

    def _sample_switch(self, entry: Entry, cycle: Cycle) -> None:
        rows = self.config.rows
        if self.last_switch is not None:
            if self.rows_met == 1:
                self.hit("tile_stays", "for one row")
            elif self.rows_met < rows:
                self.hit("tile_stays", "for less than R rows")
            else:
                same = self.rows_met == rows
                self.hit("tile_stays", "for R rows" if same else "for more than R rows")
            if self.number - self.last_switch == rows:
                self.hit("switch", "R cycles after the one before")
        if entry.tile is None or not entry.tile.good:
            self.hit("switch", "tile broken")
        if cycle.weights.transfer:
            self.hit("switch", "next tile begins in the same cycle")
        self.last_switch, self.rows_met = self.number, 0

    def _sample_meeting(self, row: ActivationRow) -> None:
        """Sample the distance to the previous row with the same accumulator row."""
        if row.row in self.last_entry:
            when, finished = self.last_entry[row.row]
            distance = self.number - when
            after = {
                (False, False): "added to a sum",
                (False, True): "finishes a sum",
                (True, False): "begins over an unfinished sum",
                (True, True): "begins after a finished sum",
            }[row.first, finished if row.first else row.last]
            near = str(distance) if str(distance) in DISTANCES else "more"
            self.hit("same_row", f"{after}, {near}")
        self.last_entry[row.row] = self.number, row.last

    def _sample_numbers(self, row: ActivationRow, weights: np.ndarray) -> None:
        config = self.config
        for a, w in product(EXTREMES, EXTREMES):
            extreme_lanes = row.lanes == getattr(config.activation.default, a)
            extreme_weights = weights == getattr(config.weight.default, w)
            if extreme_weights[extreme_lanes].any():
                self.hit("extremes", f"one product of {a} by {w}")
            if extreme_lanes.all() and extreme_weights.all(axis=0).any():
                self.hit("extremes", f"R products of {a} by {w}")
        total = row.lanes.astype(np.int64) @ weights
        if not row.first:
            total = total + self.exact[row.row]
        if row.last:
            self.exact.pop(row.row, None)
            if (total > config.accumulator.maximum).any():
                self.hit("extremes", "sum wraps upwards")
            if (total < config.accumulator.minimum).any():
                self.hit("extremes", "sum wraps downwards")
        else:
            self.exact[row.row] = total

    def _sample_results(self, cycle: Cycle) -> None:
        if cycle.results.held:
            self.held += 1
        elif self.held:
            self.hit("results_held", "for one cycle" if self.held == 1 else "for longer")
            if self.held > MatrixUnitTiming.of(self.config).result_depth:
                self.hit("results_held", "for longer than the buffer is deep")
            self.held = 0
        if cycle.results.transfer:
            if cycle.result_ends:
                self.hit("end", "of a job")
                if self.ended:
                    self.hit("end", "of two jobs in two results in a row")
            self.ended = cycle.result_ends
