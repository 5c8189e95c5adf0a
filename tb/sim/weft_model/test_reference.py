"""Golden reference: exact products, and the operands it accepts and refuses."""

import os
import random

import numpy as np
import pytest

from benches.operands import LAYOUTS, ONES, REFUSED
from weft import MatrixUnitConfig
from weft.formats import IntegerFormat
from weft_model.quantized import checked_operands
from weft_model.reference import matmul, pairs_of, wrap

SMALL = MatrixUnitConfig(rows=3, columns=4, accumulator_depth=5)


def source():
    return random.Random(os.environ["SEED"])


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
        x, y = config.activation.default, config.weight.default
        for k in (1, 7, 5000):
            a = draw.integers(x.minimum, x.maximum + 1, (2, k)).astype(x.dtype)
            b = draw.integers(y.minimum, y.maximum + 1, (k, 3)).astype(y.dtype)
            a[0], b[:, 0] = x.minimum, y.minimum
            half = 1 << config.accumulator_width - 1
            exact = (a.astype(object) @ b.astype(object) + half) % (2 * half) - half
            got = matmul(config, a, b)
            assert got.dtype == config.accumulator.dtype
            assert got.tolist() == exact.tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_operands_of_any_layout_have_the_same_product(layout, tmp_path):
    draw = np.random.default_rng(source().getrandbits(32))
    a, b = draw.integers(-128, 128, (5, 6)), draw.integers(-128, 128, (6, 7))
    product = matmul(SMALL, a, b)
    assert product.tolist() == (a @ b).tolist()
    for x, y in ((LAYOUTS[layout](a, tmp_path), b), (a, LAYOUTS[layout](b, tmp_path))):
        kept = np.array(x)
        for plain in checked_operands(SMALL, x, y):
            assert type(plain.values) is np.ndarray
        found = matmul(SMALL, x, y)
        assert type(found) is np.ndarray and np.array_equal(found, product)
        assert np.array_equal(kept, x)


@pytest.mark.parametrize("case", REFUSED)
def test_bad_operands_are_refused_in_one_sentence(case):
    wrong, kind, sentence = REFUSED[case]
    for name, operands in (("A", (wrong, ONES)), ("B", (ONES, wrong))):
        with pytest.raises(kind, match=f"^{name} {sentence}") as refusal:
            checked_operands(SMALL, *operands)
        assert "\n" not in str(refusal.value)
        with pytest.raises(kind, match=f"^{name} {sentence}"):
            matmul(SMALL, *operands)


def test_operands_of_unequal_sizes_are_refused():
    with pytest.raises(ValueError, match=r"^A of shape \(2, 2\) and B of shape \(1, 3\) cannot be"):
        checked_operands(SMALL, ONES, np.ones((1, 3), int))


@pytest.mark.parametrize("config", [None, {}, MatrixUnitConfig, {"rows": 4}])
def test_other_configurations_are_refused(config):
    with pytest.raises(TypeError, match=r"^config must be a MatrixUnitConfig, not "):
        matmul(config, ONES, ONES)


def test_any_iterable_of_pairs_is_accepted():
    pair = ONES, ONES
    for operands in ([pair], (pair,), iter([pair]), [list(pair)], {1: pair}.values()):
        assert pairs_of(operands) == [pair]


WRONG_PAIR = "operands must be pairs, .* but number "
PAIRS = {
    "one pair": ((ONES, ONES), TypeError, WRONG_PAIR + "0 is a value of type ndarray"),
    "one array": (np.ones((2, 2, 2)), TypeError, r"operands must be pairs, .* not one array$"),
    "three": (
        [(ONES, ONES, ONES)],
        TypeError,
        WRONG_PAIR + "0 is a value of type tuple of length 3",
    ),
    "half a pair": ([(ONES, ONES), (3,)], TypeError, WRONG_PAIR + r"1 is \(3,\) of length 1"),
    "a text": ("ab", TypeError, WRONG_PAIR + "0 is 'a'"),
    "a number": (3, TypeError, r"operands must be pairs, as in \[\(A, B\)\], not 3"),
    "None": (None, TypeError, "operands must be pairs, .* not None"),
    "nothing": ([], ValueError, "a run needs at least one pair of operands"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_other_iterables_are_refused(case):
    wrong, kind, sentence = PAIRS[case]
    with pytest.raises(kind, match=sentence):
        pairs_of(wrong)
