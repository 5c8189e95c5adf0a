"""Scales: integers that stand for real factors."""

import os

import numpy as np
import pytest

from weft_model.programs.scales import (
    Quantization,
    Scale,
    fixed_point,
    float32_factors,
    float32_scale,
    product_factor,
)


def test_a_multiplier_has_31_bits():
    source = np.random.default_rng(int(os.environ["SEED"]))
    for factor in np.exp2(source.uniform(-30, 30, 200)):
        scale = fixed_point(factor)
        assert 1 << 30 <= scale.multiplier < 1 << 31
        assert abs(scale.multiplier / 2.0**scale.shift / factor - 1) <= 2**-31


def test_powers_of_two_and_the_factor_below_one():
    assert fixed_point(1.0) == Scale(1 << 30, 30)
    assert fixed_point(0.25) == Scale(1 << 30, 32)
    # It rounds up to 32 bits.
    assert fixed_point(1 - 2**-40) == Scale(1 << 30, 30)


@pytest.mark.parametrize("factor", [0.0, 2.0**-32, 2.0**31])
def test_factors_without_a_scale_are_refused(factor):
    with pytest.raises(ValueError) as refusal:
        fixed_point(factor)
    assert str(refusal.value) == f"a factor must be from 2**-31 to 2**31, not {factor}"


def test_a_float32_is_exact():
    source = np.random.default_rng(int(os.environ["SEED"]))
    for factor in source.uniform(1e-6, 4, 200).astype(np.float32):
        scale = float32_scale(float(factor))
        assert np.float32(scale.multiplier / 2.0**scale.shift) == factor
        assert scale.multiplier <= 1 << 24


def test_factors_are_rounded_as_the_judges_do():
    """In float32 after each operation, or only the product."""
    a, b, c = Quantization(0.1), Quantization(0.3), Quantization(0.7)
    assert product_factor(a, b, c) == float(np.float32(0.1) * np.float32(0.3)) / c.scale
    (found,) = float32_factors(a, np.array([0.3]), c)
    assert found == np.float32(0.1) * np.float32(0.3) / np.float32(0.7)
