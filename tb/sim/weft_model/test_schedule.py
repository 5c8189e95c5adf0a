"""Schedules: the transfers compute the product, and illegal arguments are refused."""

import itertools
import os
import random

import numpy as np
import pytest

from weft.matrix.config import MatrixUnitConfig
from weft_model.schedule import Schedule, Transfers

SMALL = MatrixUnitConfig(rows=3, columns=4, accumulator_depth=5)


def source():
    return random.Random(os.environ["SEED"])


def interpret(config: MatrixUnitConfig, transfers: Transfers) -> np.ndarray:
    """Compute what transfers ask for, one row at a time, from the meaning of their fields alone."""
    tiles = transfers.weights.reshape(-1, config.rows, config.columns)[:, ::-1].astype(object)
    sums, results, tile = {}, [], -1
    for index in range(len(transfers.activations)):
        tile += int(transfers.switch[index])
        product = transfers.activations[index].astype(object) @ tiles[tile]
        row = int(transfers.row[index])
        assert row < config.accumulator_depth
        total = product if transfers.first[index] else sums[row] + product
        if transfers.last[index]:
            results.append(total)
            sums.pop(row, None)
        else:
            sums[row] = total
    assert tile == len(tiles) - 1, "some tile is never switched to"
    assert not sums, "some sum is never finished"
    return np.array(results)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9, 13])
def test_transfers_compute_the_product(size):
    """Interpreted transfers of any shape give A . B, and `gather` restores the order of results."""
    draw = np.random.default_rng(source().getrandbits(32))
    for m, k, n in itertools.product([1, 2, size, 7, 16], [1, 3, size, 8], [1, 4, size, 9]):
        a = draw.integers(-128, 128, (m, k)).astype(np.int8)
        b = draw.integers(-128, 128, (k, n)).astype(np.int8)
        schedule = Schedule(SMALL, m, k, n)
        results = interpret(SMALL, schedule.transfers(a, b))
        z = schedule.gather(results.astype(np.int64))
        assert np.array_equal(z, a.astype(int) @ b.astype(int))


def test_schedule_reuses_resident_weights():
    """Alternating directions along K save a load per batch; with K <= R each tile loads once."""
    assert sum(v.switch for v in Schedule(SMALL, 15, 6, 4).visits()) == 2 + 1 + 1
    assert Schedule(SMALL, 15, 6, 4).stays() == [5, 10, 10, 5]
    assert Schedule(SMALL, 1000, 3, 8).stays() == [1000, 1000]


def test_batch_sizes_differ_by_at_most_one_row():
    for m in range(1, 40):
        sizes = [stop - start for start, stop in Schedule(SMALL, m, 9, 1).batches]
        assert sum(sizes) == m
        assert max(sizes) <= SMALL.accumulator_depth
        assert max(sizes) - min(sizes) <= 1
        assert len(sizes) == -(-m // SMALL.accumulator_depth)


def test_end_marks_only_the_last_row():
    transfers = Schedule(SMALL, 7, 5, 9).transfers(
        np.zeros((7, 5), np.int8), np.zeros((5, 9), np.int8)
    )
    assert transfers.end.sum() == 1 and transfers.end[-1] == 1 and transfers.last[-1] == 1
    assert transfers.tile_end.reshape(-1, 3).tolist() == [[0, 0, 1]] * (
        len(transfers.tile_end) // 3
    )


@pytest.mark.parametrize("sizes", [(0, 1, 1), (1, -1, 1), (1, 1, 2.0), (1, True, 1)])
def test_schedule_refuses_bad_sizes(sizes):
    with pytest.raises(ValueError, match="must be an integer of at least 1, not"):
        Schedule(SMALL, *sizes)


def test_schedule_accepts_numpy_integers():
    schedule = Schedule(SMALL, np.int64(7), np.uint8(5), np.int16(9))
    assert schedule == Schedule(SMALL, 7, 5, 9)
    assert {type(size) for size in (schedule.m, schedule.k, schedule.n)} == {int}


@pytest.mark.parametrize("config", [None, {"rows": 4}, MatrixUnitConfig])
def test_schedule_refuses_other_configurations(config):
    with pytest.raises(TypeError, match="config must be a MatrixUnitConfig, not"):
        Schedule(config, 1, 1, 1)


def test_schedule_refuses_operands_of_other_sizes():
    schedule, matrix = Schedule(SMALL, 2, 2, 2), np.ones((2, 2), np.int8)
    for wrong in (np.ones((3, 2), np.int8), np.ones((2, 2, 1), np.int8), np.arange(2)):
        with pytest.raises(ValueError, match=r"^M, K, N of the operands must be|must be a matrix"):
            schedule.transfers(wrong, matrix)
    with pytest.raises(ValueError, match=r"^A must be a matrix .* not of shape \(2,\)"):
        Schedule.of(SMALL, np.arange(2), matrix)
    with pytest.raises(ValueError, match="cannot be multiplied"):
        Schedule.of(SMALL, matrix, matrix[:1])
    with pytest.raises(TypeError, match="A is masked"):
        schedule.lanes(np.ma.array(matrix), matrix)
    with pytest.raises(ValueError, match="A holds 300, but int8"):
        schedule.lanes(np.full((2, 2), 300), matrix)


def test_schedule_refuses_results_of_another_shape():
    schedule = Schedule(SMALL, 2, 2, 5)
    assert schedule.gather(np.ones((4, 4), int)).shape == (2, 5)
    for shape in ((3, 4), (4, 3), (4,)):
        with pytest.raises(ValueError, match=r"results must have the shape \(4, 4\), .* not \("):
            schedule.gather(np.ones(shape, int))
