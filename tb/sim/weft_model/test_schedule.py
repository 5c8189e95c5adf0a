"""Golden reference, schedule and cycle model, without a simulator."""

import itertools
import os
import random

import numpy as np
import pytest

from weft.formats import IntegerFormat
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming
from weft_model.cycle_model import lower_bound, predict
from weft_model.reference import check_operands, matmul, wrap
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


def test_cycles_follow_the_formula():
    """R, then max(M, R) per tile, then the latency of the unit; computed by hand."""
    config = MatrixUnitConfig(rows=16, columns=16)
    assert MatrixUnitTiming.of(config).latency == 16 + 16 + 1 + 1 + 5
    assert predict(config, [Schedule(config, 64, 16, 16)]).cycles == 16 + 63 + 39
    assert predict(config, [Schedule(config, 64, 64, 64)]).cycles == 16 + 15 * 64 + 63 + 39
    assert predict(config, [Schedule(config, 1, 64, 16)]).cycles == 16 + 3 * 16 + 0 + 39
    two = [Schedule(config, 64, 16, 16), Schedule(config, 8, 16, 16)]
    assert predict(config, two).cycles == 16 + 64 + 7 + 39


def test_counters_of_the_model_add_up_to_the_total():
    for m, k, n in itertools.product([1, 2, 3, 4, 17], [1, 7], [1, 9]):
        prediction = predict(SMALL, [Schedule(SMALL, m, k, n)])
        total = prediction.counters.pop("total")
        assert total == prediction.cycles == sum(prediction.counters.values())


def test_no_schedule_is_faster_than_the_lower_bound():
    for m, k, n in itertools.product([1, 2, 5, 6, 16, 40], [1, 3, 4, 20], [1, 4, 5]):
        schedule = Schedule(SMALL, m, k, n)
        bound = lower_bound(SMALL, [schedule])
        cycles = predict(SMALL, [schedule]).cycles
        assert cycles >= bound
        if m <= SMALL.accumulator_depth:
            assert cycles == bound


def test_array_is_busy_across_tiles():
    """With M >= R only the first load and the latency are lost: more than 99.9 % are active."""
    config = MatrixUnitConfig(rows=16, columns=16)
    prediction = predict(config, [Schedule(config, 512, 512, 512)])
    assert prediction.counters["loading_weights"] == 15
    assert prediction.counters["computing"] / prediction.cycles > 0.999


@pytest.mark.parametrize("width", [8, 20, 32, 33, 64])
def test_wrap_is_twos_complement(width):
    number = IntegerFormat(width)
    values = [number.minimum, -1, 0, 1, number.maximum]
    assert wrap(np.array(values), number).tolist() == values
    if width < 63:
        beyond = np.array([number.maximum + 1, number.minimum - 1, 1 << width])
        assert wrap(beyond, number).tolist() == [number.minimum, number.maximum, 0]


def test_reference_agrees_with_unbounded_integers():
    """The floating-point path and the integer path, against Python's own integers."""
    draw = np.random.default_rng(source().getrandbits(32))
    for config in (
        SMALL,
        MatrixUnitConfig(activation="uint16", weight="int16", accumulator_width=33),
        MatrixUnitConfig(activation="int16", weight="uint16", accumulator_width=64),
    ):
        x, y = config.activation, config.weight
        for k in (1, 7, 5000):
            a = draw.integers(x.minimum, x.maximum + 1, (2, k)).astype(x.dtype)
            b = draw.integers(y.minimum, y.maximum + 1, (k, 3)).astype(y.dtype)
            a[0], b[:, 0] = x.minimum, y.minimum
            half = 1 << config.accumulator_width - 1
            exact = (a.astype(object) @ b.astype(object) + half) % (2 * half) - half
            got = matmul(config, a, b)
            assert got.dtype == config.accumulator.dtype
            assert got.tolist() == exact.tolist()


BAD_OPERANDS = {
    "floats": ([[0.5]], [[1]], TypeError, "A must hold integers, not float64: quantize it to int8"),
    "NaN": ([[1]], [[float("nan")]], TypeError, "B must hold integers, not float64"),
    "booleans": ([[True]], [[1]], TypeError, "A must hold integers, not bool"),
    "too large": ([[128]], [[1]], ValueError, "A holds 128, but int8 ranges from -128 to 127"),
    "too small": ([[1]], [[-129]], ValueError, "B holds -129, but int8 ranges from -128 to 127"),
    "a vector": ([1, 2], [[1]], ValueError, r"A must be a matrix .* not of shape \(2,\)"),
    "empty": (np.zeros((0, 3), np.int8), [[1]], ValueError, "A must be a matrix with at least one"),
    "unequal": ([[1, 2]], [[1]], ValueError, "A must have as many columns as B has rows"),
}


@pytest.mark.parametrize("case", BAD_OPERANDS)
def test_bad_operands_are_refused(case):
    a, b, kind, sentence = BAD_OPERANDS[case]
    with pytest.raises(kind, match=sentence):
        check_operands(SMALL, np.array(a), np.array(b))
