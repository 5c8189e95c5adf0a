"""Scales: every mode against Python's integers and fractions, and against published kernels."""

import os

import numpy as np
import pytest

from benches.plain_vector import plain_scale
from weft.isa.codes import Rounding
from weft_model.core.rounding import scaled

INT32 = np.iinfo(np.int32)
EXTREMES = [0, 1, -1, 2, -2, INT32.min, INT32.min + 1, INT32.max, INT32.max - 1]


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def mixed(draw: np.random.Generator, count: int, most_bits: int) -> np.ndarray:
    """Return signed integers of all sizes, and extremes."""
    bits = draw.integers(0, most_bits, count)
    values = draw.integers(0, 1 << bits, endpoint=True) * draw.choice([-1, 1], count)
    return np.concatenate([np.clip(values, -(1 << most_bits), (1 << most_bits) - 1), EXTREMES])


@pytest.mark.parametrize("rounding", Rounding, ids=lambda rounding: rounding.name)
def test_every_mode_equals_pythons_numbers(rounding):
    draw = source()
    x = mixed(draw, 400, 31)
    most = 24 if rounding == Rounding.F32 else 31
    multiplier = draw.permutation(np.clip(mixed(draw, 400, most), -(1 << most), (1 << most) - 1))
    shift = draw.integers(0, 64, len(x))
    found = scaled(rounding, x, multiplier=multiplier, shift=shift)
    exact = [
        plain_scale(rounding, *map(int, case)) for case in zip(x, multiplier, shift, strict=True)
    ]
    assert found.tolist() == exact


@pytest.mark.parametrize("rounding", [Rounding.UP, Rounding.DOUBLE, Rounding.F32])
def test_ties_are_rounded_as_the_mode_says(rounding):
    """Products that are exactly between two integers: n + 1/2."""
    x = np.arange(-9, 10, 2)
    found = scaled(rounding, x, multiplier=np.array(1 << 20), shift=np.array(21)).tolist()
    up = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5]
    assert found == ([-4, -4, -2, -2, 0, 0, 2, 2, 4, 4] if rounding == Rounding.F32 else up)
    # Above a shift of 31, DOUBLE rounds away from zero first.
    if rounding == Rounding.DOUBLE:
        far = scaled(rounding, x, multiplier=np.array(1 << 31), shift=np.array(32)).tolist()
        assert far == [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]


def test_the_largest_products_do_not_overflow():
    least = np.array([INT32.min])
    for rounding in (Rounding.UP, Rounding.DOUBLE):
        for shift in (0, 1, 31, 32, 62, 63):
            found = scaled(rounding, least, multiplier=least, shift=np.array([shift]))
            exact = plain_scale(rounding, int(INT32.min), int(INT32.min), shift)
            assert found.tolist() == [exact]


def high_product(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul; division in C truncates."""
    if a == b == INT32.min:
        return int(INT32.max)
    nudged = a * b + ((1 << 30) if a * b >= 0 else 1 - (1 << 30))
    return abs(nudged) // (1 << 31) * (1 if nudged >= 0 else -1)


def divided(x: int, exponent: int) -> int:
    """gemmlowp's RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    return (x >> exponent) + ((x & mask) > threshold)


def test_double_equals_gemmlowps_two_roundings():
    """The requantization of TFLite's reference kernels before single rounding."""
    draw = source()
    x = mixed(draw, 2000, 31)
    multiplier = draw.integers(1 << 30, 1 << 31, len(x))
    shift = draw.integers(32, 63, len(x))
    found = scaled(Rounding.DOUBLE, x, multiplier=multiplier, shift=shift)
    exact = [
        divided(high_product(int(a), int(m)), int(s) - 31)
        for a, m, s in zip(x, multiplier, shift, strict=True)
    ]
    assert found.tolist() == exact


def test_f32_equals_a_product_of_float32():
    """onnxruntime: the sum as float32, times the scale, rounded to nearest even."""
    draw = source()
    x, multiplier = mixed(draw, 2000, 31), draw.integers(1 << 23, 1 << 24, 2009)
    shift = draw.integers(24, 45, len(x))
    scale = (multiplier / 2.0**shift).astype(np.float32)
    assert (scale == multiplier / 2.0**shift).all()
    exact = np.rint(x.astype(np.float32) * scale).astype(np.int64)
    found = scaled(Rounding.F32, x, multiplier=multiplier, shift=shift)
    assert found.tolist() == exact.tolist()


def test_a_multiplier_of_f32_must_be_a_float32():
    one = np.array([1])
    with pytest.raises(
        ValueError, match=r"^a multiplier of f32 must be from -16777216 to 16777216"
    ):
        scaled(Rounding.F32, one, multiplier=one << 24 | 1, shift=one)


def test_average_pooling_rounds_half_away_from_zero_with_a_31_bit_reciprocal():
    """UP with TOSA's reciprocal divides the sums of 2 to 16 int8 numbers as TFLite does."""
    for count in range(2, 17):
        bits = (count - 1).bit_length()
        total = np.arange(-128 * count, 127 * count + 1)
        # TOSA: 32 - clz(count - 1) = bits; ((1 << 30) + 1) << bits, divided by the count.
        reciprocal = (((1 << 30) + 1) << bits) // count
        found = scaled(
            Rounding.UP, total, multiplier=np.array(reciprocal), shift=np.array(30 + bits)
        )
        away = np.where(
            total >= 0, (total + count // 2) // count, -((-total + count // 2) // count)
        )
        assert found.tolist() == away.tolist(), count
