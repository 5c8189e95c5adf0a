"""The bins of functional coverage: each situation is recognized from the ports alone."""

import numpy as np
import pytest

from verify.coverage.bins import BINS, Sampler
from verify.coverage.ports import ActivationRow, CounterModel, Cycle, Handshake, WeightRow
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Activity, Error
from weft_model.schedule import Schedule

CONFIG = MatrixUnitConfig(rows=2, columns=1, accumulator_depth=2, accumulator_width=16)
TRANSFER, HELD, AWAITED = Handshake(True, True), Handshake(True, False), Handshake(False, True)
BLOCKED = Handshake(False, False)


def weight(number: int, last: bool = False) -> dict:
    return {"weights": TRANSFER, "weight_row": WeightRow(np.array([number], np.int8), last)}


def row(*lanes: int, handshake: Handshake = TRANSFER, **fields) -> dict:
    lanes_in = np.array(lanes or (0, 0), np.int8)
    return {"activations": handshake, "activation_row": ActivationRow(lanes_in, **fields)}


RESET = Cycle(reset=True)


def sampled(*cycles: Cycle | dict) -> tuple[Sampler, list[Activity]]:
    """Sample these cycles after a reset; return the sampler and the activities."""
    sampler = Sampler(CONFIG)
    cycles = [cycle if isinstance(cycle, Cycle) else Cycle(**cycle) for cycle in cycles]
    return sampler, [sampler.take(cycle) for cycle in (RESET, *cycles)][1:]


def hits(sampler: Sampler, *groups: str) -> dict[tuple[str, str], int]:
    return {key: count for key, count in sampler.counts.items() if key[0] in groups}


def test_activities_are_recognized():
    whole = {"switch": True, "first": True, "last": True}
    sampler, activities = sampled(
        {},
        row(**whole),
        {"activations": BLOCKED},
        {"activations": BLOCKED, **weight(1)},
        row(handshake=HELD, **whole) | weight(2, last=True),
        row(first=True),
        {},
        {},
        row(last=True),
        {"activations": BLOCKED},
        {},
        {},
    )
    assert activities == [
        Activity.IDLE,
        Activity.IDLE,
        Activity.WAITING_FOR_WEIGHTS,
        Activity.LOADING_WEIGHTS,
        Activity.LOADING_WEIGHTS,
        Activity.COMPUTING,
        Activity.COMPUTING,
        Activity.WAITING_FOR_ACTIVATIONS,
        Activity.WAITING_FOR_ACTIVATIONS,
        Activity.WAITING_FOR_ROOM,
        Activity.COMPUTING,
        Activity.IDLE,
    ]
    assert hits(sampler, "stall")["stall", "activations held, LOADING_WEIGHTS"] == 1
    assert hits(sampler, "stall")["stall", "weights awaited, WAITING_FOR_WEIGHTS"] == 1
    assert hits(sampler, "switch") == {("switch", "tile not begun"): 1}
    assert hits(sampler, "row") == {
        ("row", "begins and finishes"): 1,
        ("row", "begins"): 1,
        ("row", "finishes"): 1,
    }
    assert hits(sampler, "same_row") == {
        ("same_row", "begins after a finished sum, 1"): 1,
        ("same_row", "finishes a sum, 4"): 1,
    }


def test_tiles_and_switches_are_recognized():
    """A tile for one row, a tile for two rows, and a broken tile, which drops a row."""
    begins = {"switch": True, "first": True}
    sampler, _ = sampled(
        weight(1),
        weight(2, last=True),
        row(**begins),
        row(first=True, last=True, row=1, switch=True) | weight(3),
        {"activations": BLOCKED, **weight(4, last=True)},
        row(first=True, last=True) | weight(5, last=True),
        row(switch=True, first=True, last=True, end=True),
        {},
    )
    assert hits(sampler, "switch") == {
        ("switch", "tile complete"): 2,
        ("switch", "tile partly loaded"): 1,
        ("switch", "tile broken"): 1,
        ("switch", "next tile begins in the same cycle"): 2,
        ("switch", "R cycles after the one before"): 2,
    }
    assert hits(sampler, "tile_stays") == {
        ("tile_stays", "for one row"): 1,
        ("tile_stays", "for R rows"): 1,
    }
    assert hits(sampler, "dropped") == {
        ("dropped", "the last row of a sum"): 1,
        ("dropped", "the end of a job"): 1,
    }


def test_dropped_rows_are_recognized():
    """No tile, an accumulator row that does not exist, a sum that has not begun."""
    sampler, _ = sampled(
        row(first=True),
        weight(1),
        weight(1, last=True),
        row(switch=True, first=True, row=2),
        row(last=True),
        {},
    )
    assert hits(sampler, "row") == {}
    assert hits(sampler, "dropped") == {
        ("dropped", "a row that is not the last"): 2,
        ("dropped", "the last row of a sum"): 1,
    }


def test_extremes_and_wraps_are_recognized():
    low, high = -128, 127
    sampler, _ = sampled(
        weight(low),
        weight(low, last=True),
        row(low, low, switch=True, first=True),
        row(low, high, first=False, last=True),
        {},
    )
    assert hits(sampler, "extremes") == {
        ("extremes", "one product of minimum by minimum"): 2,
        ("extremes", "one product of maximum by minimum"): 1,
        ("extremes", "R products of minimum by minimum"): 1,
        ("extremes", "sum wraps upwards"): 1,
    }
    sampler, _ = sampled(
        weight(low),
        weight(low, last=True),
        row(low, low, switch=True, first=True),
        row(low, low, last=True),
        {},
    )
    assert hits(sampler, "extremes")["extremes", "sum wraps upwards"] == 1
    sampler, _ = sampled(
        weight(high),
        weight(high, last=True),
        row(low, low, switch=True, first=True),
        row(low, low, last=True),
        {},
    )
    assert hits(sampler, "extremes")["extremes", "sum wraps downwards"] == 1
    # The weight of row 1 arrives first.
    sampler, _ = sampled(
        weight(high), weight(0, last=True), row(high, 1, switch=True, first=True, last=True), {}
    )
    assert hits(sampler, "extremes") == {}


def test_errors_are_recognized():
    none, short, both = 0, Error.SHORT_TILE.value, (Error.SHORT_TILE | Error.NO_TILE).value
    sampler, _ = sampled(
        *({"errors": errors} for errors in (none, short, both)),
        {"errors": both, "clears": True},
        {"errors": none, "clears": True},
        {"errors": both},
    )
    assert hits(sampler, "error") == {
        ("error", "SHORT_TILE"): 2,
        ("error", "NO_TILE"): 2,
        ("error", "several at once"): 1,
        ("error", "cleared"): 1,
        ("error", "seen in the cycle of clearing"): 1,
    }


def test_held_results_and_ends_are_recognized():
    end = {"results": TRANSFER, "result_ends": True}
    sampler, _ = sampled(
        {"results": HELD}, end, end, *[{"results": HELD}] * 40, {"results": TRANSFER}, end, {}
    )
    assert hits(sampler, "results_held", "end") == {
        ("results_held", "for one cycle"): 1,
        ("results_held", "for longer"): 1,
        ("results_held", "for longer than the buffer is deep"): 1,
        ("end", "of a job"): 3,
        ("end", "of two jobs in two results in a row"): 1,
    }


def test_a_reset_is_recognized_with_the_state_it_ends():
    whole = {"switch": True, "first": True}
    sampler, _ = sampled(
        weight(1),
        {"reset": True},
        {"reset": True},
        weight(1) | row(**whole),
        weight(1, last=True) | {"activations": BLOCKED},
        {},
        {"reset": True, "results": HELD, "errors": 1},
        row(**whole),
        {"activations": BLOCKED},
        {"reset": True, "activations": BLOCKED},
        {},
    )
    assert hits(sampler, "reset") == {
        ("reset", "WAITING_FOR_ACTIVATIONS"): 2,
        ("reset", "within a tile"): 1,
        ("reset", "with a sum unfinished"): 1,
        ("reset", "with a result waiting"): 1,
        ("reset", "with an error seen"): 1,
        ("reset", "WAITING_FOR_WEIGHTS"): 1,
    }


def test_shapes_come_from_schedules():
    sampler = Sampler(CONFIG)
    for m, k, n in ((1, 2, 1), (5, 3, 1), (1, 4, 2), (1, 1, 3)):
        sampler.take_product(Schedule(CONFIG, m, k, n))
    assert {name: count for (_, name), count in sampler.counts.items()} == {
        "K in whole R, N in whole C": 2,
        "K beyond whole R, N in whole C": 2,
        "one tile": 1,
        "tiles along K": 1,
        "tiles along both": 1,
        "tiles along N": 1,
        "one batch": 3,
        "several batches": 1,
    }


def test_counters_follow_their_activities():
    model = CounterModel()
    for _ in range(20):
        model.step(Activity.COMPUTING)
    assert model.counters["total"] == 20
    assert model.counters["computing"] + model.counters["idle"] == 20
    assert model.counters["idle"] > 0


def test_every_bin_is_named_once():
    assert all(len(set(names)) == len(names) for names in BINS.values())
    with pytest.raises(AssertionError, match="error has no bin"):
        Sampler(CONFIG).hit("error", "no such thing")
