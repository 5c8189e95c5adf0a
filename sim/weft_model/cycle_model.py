"""The cycle model: the exact number of cycles a unit takes, from the shapes alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from weft.checks import check, check_kind
from weft.matrix.config import MatrixUnitConfig, check_config
from weft.matrix.timing import MatrixUnitTiming

from .schedule import Schedule


@dataclass(frozen=True)
class Prediction:
    """Cycles from the first offered transfer to the last result, both included.

    `counters`: how far each counter of the hardware advances in these cycles.
    """

    cycles: int
    counters: dict[str, int]


def predict(config: MatrixUnitConfig, schedules: Iterable[Schedule]) -> Prediction:
    """Predict the cycles of consecutive schedules without a stall on any stream.

    The first weight row and the first activation row are offered in cycle 0. The first tile is
    complete after R transfers, and the row that switches to it enters in cycle R. The next tile
    begins to load in the cycle of a switch, so consecutive switches can be R cycles apart. A row
    that is added to a sum comes at least `MatrixUnitTiming.spacing` cycles after the row before it
    in that sum. Rows wait for nothing else.

    Raises
    ------
    TypeError, ValueError
        Unless `schedules` holds at least one schedule, all of this configuration.
    """
    schedules = _checked(config, schedules)
    return _prediction(config, [_stays(config, schedule) for schedule in schedules])


def lower_bound(config: MatrixUnitConfig, schedules: Iterable[Schedule]) -> int:
    """Return the cycles if every tile were loaded once and stayed for all of its rows.

    No schedule of these products, in this order, takes fewer cycles on this array: one load, one
    row per cycle (and at least R cycles per tile), one fill and drain.

    Raises
    ------
    TypeError, ValueError
        See `predict`.
    """
    stays = []
    for schedule in _checked(config, schedules):
        tiles = schedule.k_tiles * schedule.weight_pieces * schedule.n_tiles
        rows = schedule.m * schedule.activation_pieces
        stays.append(_Stays(rows * tiles, max(rows, config.rows) * tiles, rows))
    return _prediction(config, stays).cycles


def _checked(config: MatrixUnitConfig, schedules: Iterable[Schedule]) -> list[Schedule]:
    check_config(config)
    check_kind(schedules, Iterable, "schedules must be a list of Schedule")
    schedules = list(schedules)
    check(bool(schedules), "a prediction needs at least one schedule")
    for schedule in schedules:
        check_kind(schedule, Schedule, "schedules must be a list of Schedule")
        if schedule.config != config:
            raise ValueError(
                f"schedules must have the configuration of the prediction, {config.label}, "
                f"not {schedule.config.label}"
            )
    return schedules


@dataclass(frozen=True)
class _Stays:
    """How long the tiles of a schedule are in use; a row counts once for each of its pieces.

    `computed`: number of rows in total. `spent`: cycles between switches, at least R for each
    tile. `last`: number of rows of the last tile. `waited`: cycles of `spent` in which a row waits
    for a sum.
    """

    computed: int
    spent: int
    last: int
    waited: int = 0


def _prediction(config: MatrixUnitConfig, stays: list[_Stays]) -> Prediction:
    height, last = config.rows, stays[-1].last
    computing = sum(stay.computed for stay in stays)
    spent = sum(stay.spent for stay in stays) - max(last, height) + last
    cycles = height + spent - 1 + MatrixUnitTiming.of(config).latency
    exposed = (height - 1) + spent - computing
    waited = sum(stay.waited for stay in stays)
    counters = {
        "total": cycles,
        "computing": computing,
        "waiting_for_weights": 0,
        "loading_weights": exposed - waited,
        "waiting_for_activations": 0,
        "waiting_for_room": 0,
        "waiting_for_sum": waited,
        "idle": cycles - computing - exposed,
    }
    return Prediction(cycles, counters)


def _stays(config: MatrixUnitConfig, schedule: Schedule) -> _Stays:
    """Return the sums over `Schedule.stays` in closed form.

    Between two batches of rows the tile in use stays (see Schedule). With K tiles along the
    reduction, counting each piece, K - 1 tiles of a column of tiles stay for the first batch alone,
    K - 1 for the last batch alone, K - 2 for each batch in between, and one for each pair of
    consecutive batches.
    """
    if config.chained:
        return _ascending_stays(config, schedule)
    height, n_tiles, pieces = config.rows, schedule.n_tiles, schedule.activation_pieces
    k_tiles = schedule.k_tiles * schedule.weight_pieces
    batches = schedule.batch_count
    fewer, larger = divmod(schedule.m, batches)
    # Rows of a batch, and of one that has an extra row.
    size, more = fewer * pieces, (fewer + 1) * pieces
    last = more if larger else size
    spent = k_tiles * max(size, height)
    if batches > 1:
        # `larger` batches have an extra row. They are spread evenly and include the last batch but
        # not the first, so two of them are consecutive only if they are more than half of all.
        alone = (batches - larger) * max(size, height) + larger * max(more, height)
        spent = (k_tiles - 2) * alone + max(size, height) + max(last, height)
        both = max(0, 2 * larger - batches)
        one = max(0, 2 * larger - 1 - 2 * both)
        neither = batches - 1 - one - both
        for pairs, rows in (neither, 2 * size), (one, size + more), (both, 2 * more):
            spent += pairs * max(rows, height)
    return _Stays(schedule.m * pieces * k_tiles * n_tiles, spent * n_tiles, last)


def _ascending_stays(config: MatrixUnitConfig, schedule: Schedule) -> _Stays:
    """Return the sums over `Schedule.stays` if each batch walks the tiles along ascending K.

    The rows of all tiles of a batch but the first are added to sums of the tile before.
    """
    spacing, sums = MatrixUnitTiming.of(config).spacing, schedule.k_tiles - 1
    fewer, larger = divmod(schedule.m, schedule.batch_count)
    spent = waited = 0
    for rows, batches in (fewer, schedule.batch_count - larger), (fewer + 1, larger):
        stay = max(rows, config.rows)
        wait = max(0, spacing - stay)
        spent += batches * (stay * schedule.k_tiles + wait * sums)
        waited += batches * wait * sums
    last = fewer + (larger > 0)
    n_tiles = schedule.n_tiles
    computed = schedule.m * schedule.k_tiles * n_tiles
    return _Stays(computed, spent * n_tiles, last, waited * n_tiles)
