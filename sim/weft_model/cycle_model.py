"""The cycle model: how long the unit takes, from the shapes alone, exactly."""

from collections.abc import Iterable
from dataclasses import dataclass

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming

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
    return _prediction(config, [_stays(config, schedule) for schedule in schedules])


def lower_bound(config: MatrixUnitConfig, schedules: Iterable[Schedule]) -> int:
    """Cycles if every tile were loaded once and stayed for all of its rows.

    What no way through these products, in their order, can beat on this array: one load, one row a
    cycle (and R cycles a tile at the least), one fill and drain.
    """
    stays = []
    for schedule in schedules:
        tiles, rows = schedule.k_tiles * schedule.n_tiles, schedule.m
        stays.append(_Stays(rows * tiles, max(rows, config.rows) * tiles, rows))
    return _prediction(config, stays).cycles


@dataclass(frozen=True)
class _Stays:
    """How long the tiles of a schedule are in use.

    `computed`: rows in all. `spent`: cycles from switch to switch, R at least for each tile.
    `last`: rows of the last tile.
    """

    computed: int
    spent: int
    last: int


def _prediction(config: MatrixUnitConfig, stays: list[_Stays]) -> Prediction:
    height, last = config.rows, stays[-1].last
    computing = sum(stay.computed for stay in stays)
    spent = sum(stay.spent for stay in stays) - max(last, height) + last
    cycles = height + spent - 1 + MatrixUnitTiming.of(config).latency
    exposed = (height - 1) + spent - computing
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


def _stays(config: MatrixUnitConfig, schedule: Schedule) -> _Stays:
    """The sums over `Schedule.stays`, without walking it.

    Between two batches of rows a tile stays (see Schedule): for one column of tiles, K - 1 tiles
    stay for the first batch alone, K - 1 for the last, K - 2 for each between, and one for every
    two batches that follow each other, K being the tiles along the reduction.
    """
    height, k_tiles, n_tiles = config.rows, schedule.k_tiles, schedule.n_tiles
    batches = schedule.batch_count
    size, larger = divmod(schedule.m, batches)
    last = size + (larger > 0)
    spent = k_tiles * max(size, height)
    if batches > 1:
        # So many batches have a row more, the last of them, not the first, and spread evenly: two
        # of them follow each other only if they are more than half.
        alone = (batches - larger) * max(size, height) + larger * max(size + 1, height)
        spent = (k_tiles - 2) * alone + max(size, height) + max(last, height)
        both = max(0, 2 * larger - batches)
        one = max(0, 2 * larger - 1 - 2 * both)
        neither = batches - 1 - one - both
        for pairs, rows in (neither, 2 * size), (one, 2 * size + 1), (both, 2 * size + 2):
            spent += pairs * max(rows, height)
    return _Stays(schedule.m * k_tiles * n_tiles, spent * n_tiles, last)
