"""to_float: the rounding of sums, against numpy, gfloat and exact fractions."""

import os
import random

import gfloat
import ml_dtypes
import numpy as np
import pytest
from gfloat.formats import format_info_bfloat16, format_info_binary32

from weft.float_format import BFLOAT16, FLOAT32
from weft_model.exact_sums import WideSums
from weft_model.to_float import to_float, wide_to_float


def sums(count: int = 4000) -> np.ndarray:
    """Return integers of all sizes, many of them near ties."""
    source = np.random.default_rng(int(os.environ["SEED"]))
    size = source.integers(1, 64, count).astype(np.uint64)
    numbers = source.integers(0, 1 << 63, count, dtype=np.uint64) >> np.uint64(
        63
    ) - size + np.uint64(0)
    for fraction in (7, 23):
        below = np.maximum(size.astype(np.int64) - fraction - 2, 0).astype(np.uint64)
        tie = (numbers >> below | np.uint64(1)) << below
        tie += source.integers(-1, 2, count).astype(np.uint64)
        numbers = np.where(source.random(count) < 0.4, tie, numbers)
    signed = (numbers & np.uint64((1 << 63) - 1)).astype(np.int64)
    corners = [0, 1, -1, 2**63 - 1, -(2**63), 2**24 - 1, 2**24, 2**24 + 1, 2**25 - 1]
    return np.concatenate([signed * source.choice([1, -1], count), corners])


@pytest.mark.parametrize("least_exponent", [0, -18, 5])
def test_float32_is_what_numpy_converts(least_exponent):
    numbers = sums()
    expected = np.ldexp(numbers.astype(np.float32), least_exponent)
    assert np.array_equal(to_float(numbers, least_exponent, FLOAT32), expected)


@pytest.mark.parametrize(
    "number, judge", [(FLOAT32, format_info_binary32), (BFLOAT16, format_info_bfloat16)]
)
def test_gfloat_rounds_alike(number, judge):
    """For sums that a double holds exactly, which gfloat rounds once."""
    numbers = sums()
    numbers = numbers[np.abs(numbers) < 2**53][:1500]
    rounded = to_float(numbers, 0, number).astype(np.float64)
    assert rounded.tolist() == [gfloat.round_float(judge, float(x)) for x in numbers]


def test_bfloat16_is_rounded_once():
    """Just above a tie of bfloat16, so near that float32 would lose the difference."""
    number = np.array([(1 << 40) + (1 << 32) + 1])
    assert to_float(number, 0, BFLOAT16).astype(np.float64) == 2.0**40 + 2.0**33
    twice = number.astype(np.float32).astype(ml_dtypes.bfloat16).astype(np.float64)
    assert twice == 2.0**40


@pytest.mark.parametrize("number", [FLOAT32, BFLOAT16])
def test_wide_sums_are_rounded_once(number):
    """Against exact integers: no float of the format is nearer, and ties are even."""
    source = random.Random(os.environ["SEED"])
    for _ in range(2000):
        size, cut = source.randint(1, 95), source.randint(0, 94)
        near_tie = (source.getrandbits(size) >> cut | 1) << cut
        total = (near_tie + source.choice([-1, 0, 1])) * source.choice([1, -1])
        high, low = divmod(total, 1 << 32)
        got = wide_to_float(WideSums(np.array([high]), np.array([low])), 0, number)[0]
        spacing = 1 << max(abs(total).bit_length() - number.fraction - 1, 0)
        below = abs(total) // spacing * spacing
        rest = abs(total) - below
        up = 2 * rest > spacing or (2 * rest == spacing and below // spacing % 2)
        assert int(float(got)) == (below + spacing * up) * (-1 if total < 0 else 1)
