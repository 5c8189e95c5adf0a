"""Products of small floats: against exact fractions, and against IEEE 754 for what is no number."""

import itertools
import os
from fractions import Fraction

import numpy as np
import pytest

from benches.floats import sums_as_floats
from weft import MatrixUnitConfig
from weft.float_format import FLOAT32
from weft_model.infinities import special_sums
from weft_model.operands import draw_operands
from weft_model.reference import matmul

PAIRS = (
    ("float8_e5m2", "float8_e5m2"),
    ("float8_e4m3fn", "float8_e5m2"),
    ("float8_e5m2", "float4_e2m1fn"),
    ("float8_e4m3fn", "float8_e4m3fn"),
    ("float6_e2m3fn", "float6_e3m2fn"),
)


def unit(activation, weight, **options):
    return MatrixUnitConfig(rows=4, columns=4, activation=activation, weight=weight, **options)


@pytest.mark.parametrize("activation, weight", PAIRS)
@pytest.mark.parametrize("kind", ["mixed", "maximum", "corners"])
def test_a_product_is_the_exact_sum_rounded_once(activation, weight, kind):
    config = unit(activation, weight)
    a, b = draw_operands(config, 4, 50, 5, seed=int(os.environ["SEED"]), kind=kind)
    a, b = (np.where(np.isfinite(x.astype(float)), x, x.dtype.type(0)) for x in (a, b))
    exact = [
        sum(Fraction(float(x)) * Fraction(float(y)) for x, y in zip(row, column, strict=True))
        / Fraction(2) ** config.least_exponent
        for row, column in itertools.product(a, b.T)
    ]
    expected = sums_as_floats([int(total) for total in exact], config.least_exponent, FLOAT32)
    assert np.array_equal(matmul(config, a, b).ravel(), expected)


def test_special_sums_are_those_of_ieee_754():
    """Every pair of two products of special values, added one after the other by numpy."""
    values = [0.0, -0.0, 1.5, -2.0, np.inf, -np.inf, np.nan]
    pairs = np.array(list(itertools.product(values, values)))
    got = special_sums(pairs, pairs.T)
    with np.errstate(invalid="ignore"):
        sums = np.array([[x[0] * y[0] + x[1] * y[1] for y in pairs] for x in pairs])
    expected = np.where(np.isfinite(sums), 0, sums)
    assert np.array_equal(got, expected, equal_nan=True)


def test_the_largest_sums_are_exact():
    """As many products as fit, all of the largest magnitude, which a sum of doubles would round."""
    config = unit("float8_e5m2", "float8_e5m2")
    k = config.most_products
    assert k is not None and k >= 1 << 17
    a = np.full((1, k), 57344, config.activation.default.dtype)
    b = np.full((k, 2), 57344, config.weight.default.dtype)
    b[-1] = 2.0**-16
    total = (k - 1) * 57344**2 * 2**32 + 57344 * 2**16
    expected = sums_as_floats([total, total], config.least_exponent, FLOAT32)
    assert matmul(config, a, b)[0].tolist() == expected.tolist()
