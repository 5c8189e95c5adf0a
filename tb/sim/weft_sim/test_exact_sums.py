"""Exact sums of floats on the RTL: order of K, shards of K, array and batches change nothing."""

import itertools
import os

import numpy as np
import pytest

from weft import MatrixUnitConfig
from weft_model.operands import draw_operands
from weft_model.reference import differs
from weft_model.to_float import to_float
from weft_sim import MatrixUnitSimulator

M, K, N = 9, 40, 7
SHARDS = (0, 1, 12, 29, K)
PAIRS = (
    ("float8_e4m3fn", "float8_e4m3fn"),
    ("float8_e5m2", "float8_e4m3fn"),
    ("float6_e3m2fn", "float4_e2m1fn"),
)


def unit(rows, columns, depth, activation, weight, **options):
    return MatrixUnitSimulator(
        MatrixUnitConfig(
            rows=rows,
            columns=columns,
            accumulator_depth=depth,
            activation=activation,
            weight=weight,
            **options,
        )
    )


def draw(config):
    """Return finite operands; the third one is an order of K."""
    seed = int(os.environ["SEED"])
    a, b = draw_operands(config, M, K, N, seed=seed)
    a, b = (np.where(np.isfinite(x.astype(float)), x, x.dtype.type(0)) for x in (a, b))
    return a, b, np.random.default_rng(seed).permutation(K)


@pytest.mark.parametrize("activation, weight", PAIRS)
def test_the_order_of_k_the_array_and_batches_change_no_bit(activation, weight):
    """The second array has other tiles, and room for four rows of sums at a time."""
    with (
        unit(8, 4, 512, activation, weight) as one,
        unit(3, 5, 4, activation, weight) as other,
    ):
        a, b, order = draw(one.config)
        expected = one.matmul(a, b)
        assert not differs(other.matmul(a[:, order], b[order]), expected).any()
        assert not differs(one.matmul(a[::-1], b[:, ::-1]), expected[::-1, ::-1].copy()).any()


@pytest.mark.parametrize("activation, weight", [PAIRS[0], PAIRS[2]])
def test_sums_of_shards_add_up(activation, weight):
    """Sums of parts of K are exact integers, whose sum rounds to the float of the whole."""
    with (
        unit(8, 4, 512, activation, weight) as floats,
        unit(3, 5, 4, activation, weight, result="integer") as integers,
    ):
        a, b, order = draw(floats.config)
        expected = floats.matmul(a, b)
        parts = [order[begin:end] for begin, end in itertools.pairwise(SHARDS)]
        total = sum(integers.matmul(a[:, part], b[part]).astype(np.int64) for part in parts)
        config = floats.config
        assert not differs(
            to_float(total, config.least_exponent, config.result_format), expected
        ).any()
