"""The cycle model: how long the unit takes, from the schedule alone, exactly."""

from collections.abc import Iterable
from dataclasses import dataclass

from weft.config import MatrixUnitConfig
from weft.matrix_unit import MatrixUnit

from .schedule import Schedule


@dataclass(frozen=True)
class Prediction:
    """Cycles from the first offered transfer to the last result, both included.

    `counters` is what the hardware's counters advance by in that time.
    """

    cycles: int
    counters: dict[str, int]


def predict(config: MatrixUnitConfig, schedules: Iterable[Schedule]) -> Prediction:
    """Cycles of schedules run one after the other without a stall on any stream.

    The first weight row and the first activation row are offered in cycle 0. The first tile is
    complete after R transfers, and the row that switches to it enters in cycle R. From then on a
    switch may come R cycles after the one before, since the next tile begins to load in the very
    cycle of a switch, and no row waits for anything else.
    """
    stays = [rows for schedule in schedules for rows in schedule.stays()]
    return predict_stays(config, stays)


def predict_stays(config: MatrixUnitConfig, stays: list[int]) -> Prediction:
    """As `predict`, for tiles that stay for so many rows each."""
    height = config.rows
    switches = height + sum(max(rows, height) for rows in stays[:-1])
    last_admission = switches + stays[-1] - 1
    cycles = last_admission + MatrixUnit.latency_of(config)
    computing = sum(stays)
    exposed = (height - 1) + sum(max(0, height - rows) for rows in stays[:-1])
    counters = {
        "total": cycles,
        "computing": computing,
        "waiting_for_weights": 0,
        "loading_weights": exposed,
        "waiting_for_activations": 0,
        "waiting_for_room": 0,
        "idle": cycles - computing - exposed,
    }
    return Prediction(cycles, counters)


def lower_bound(config: MatrixUnitConfig, schedules: Iterable[Schedule]) -> int:
    """Cycles if every tile were loaded once and stayed for all of its rows.

    What no order of work on this array can beat: one load, one row a cycle (and R cycles a tile
    at the least), one fill and drain.
    """
    stays = [
        schedule.m for schedule in schedules for _ in range(schedule.k_tiles * schedule.n_tiles)
    ]
    return predict_stays(config, stays).cycles
