"""The reciprocal of row scalars is close to the exact one, and equals gemmlowp's."""

import os

import numpy as np

from weft_model.core.reciprocal import one_over_one_plus, reciprocal


def test_a_reciprocal_is_close_to_the_exact_one():
    draw = np.random.default_rng(int(os.environ["SEED"]))
    x = np.concatenate(
        [draw.integers(1, 1 << bits, 50, endpoint=True) for bits in range(1, 32)]
        + [np.array([1, 2, 3, (1 << 31) - 1, 1 << 30, (1 << 30) - 1])]
    )
    x = np.minimum(x, (1 << 31) - 1)
    multiplier, shift = reciprocal(x, shift=20)
    assert (multiplier > 0).all() and (multiplier < 1 << 31).all()
    found = multiplier / 2.0**shift
    exact = 2.0 ** (31 - 20) / x
    assert np.abs(found / exact - 1).max() < 2.0**-27
    assert (shift == 20 + np.floor(np.log2(x))).all()


def test_known_values():
    """0 and 1 in Q0.31, and a half, as gemmlowp's test_fixedpoint.cc has its bounds."""
    a = np.array([0, 1 << 30, (1 << 31) - 1])
    found = one_over_one_plus(a) / 2.0**31
    assert np.abs(found - [1, 2 / 3, 1 / 2]).max() < 2.0**-28
