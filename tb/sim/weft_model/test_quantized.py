"""Quantized: formats and zero points of operands, as given, by default, and refused."""

import os
import re

import ml_dtypes
import numpy as np
import pytest

from weft import MatrixUnitConfig
from weft_model import Quantized, matmul
from weft_model.quantized import checked_operands

BOTH = ("int8", "uint8")
UNIT = MatrixUnitConfig(rows=3, columns=4, activation=BOTH, weight=BOTH, zero_points=True)
PLAIN = MatrixUnitConfig(rows=3, columns=4)
A = np.array([[1, 2, 3], [4, 5, 6]])
B = np.array([[1, 2], [3, 4], [5, 6]])


@pytest.mark.parametrize("given, chosen", [(np.uint8, "uint8"), (np.int8, "int8"), (int, "int8")])
def test_the_dtype_chooses_the_format(given, chosen):
    first, _ = checked_operands(UNIT, A.astype(given), B)
    assert str(first.format) == chosen


@pytest.mark.parametrize("given", ["uint8", np.uint8, np.dtype("u1")])
def test_the_format_may_be_given(given):
    first, second = checked_operands(UNIT, Quantized(A, given), Quantized(B, given))
    assert str(first.format) == str(second.format) == "uint8"


def test_checked_operands_are_accepted_again():
    checked = checked_operands(UNIT, Quantized(A, "uint8", 3), B)
    assert checked_operands(UNIT, *checked) == checked
    # Another unit checks them anew.
    with pytest.raises(
        ValueError, match=r"^A: uint8 must be one of the formats of the unit, int8$"
    ):
        checked_operands(PLAIN, *checked)


@pytest.mark.parametrize("shape", ["scalar", "vector", "column"])
def test_zero_points_are_subtracted(shape):
    source = np.random.default_rng(int(os.environ["SEED"]))
    a, b = source.integers(0, 256, (4, 9)), source.integers(-128, 128, (9, 5))
    za, zb = source.integers(0, 256, 4), source.integers(-128, 128, 5)
    if shape == "scalar":
        za, zb = np.full(4, za[0]), np.full(5, zb[0])
    exact = (a - za[:, None]) @ (b - zb)
    points = {
        "scalar": (int(za[0]), zb[0]),
        "vector": (za, zb.tolist()),
        "column": (za[:, None], zb[None]),
    }[shape]
    z = matmul(UNIT, Quantized(a, "uint8", points[0]), Quantized(b, "int8", points[1]))
    assert np.array_equal(z, exact)


REFUSED = {
    "a format of another unit": (UNIT, Quantized(A, "int4"), "A: int4 must be one of"),
    "no format": (UNIT, Quantized(A, "eight"), "A: unknown number format"),
    "a value of the other format": (UNIT, Quantized(A + 200), "A holds 206, but int8 ranges"),
    "a negative value": (UNIT, Quantized(A - 2, "uint8"), "A holds -1, but uint8 ranges"),
    "no zero points": (PLAIN, Quantized(A, None, 3), "the zero point of A must be 0, because"),
    "a zero point out of range": (
        UNIT,
        Quantized(A, "int8", 128),
        "the zero point of A holds 128, but int8 ranges",
    ),
    "too many zero points": (
        UNIT,
        Quantized(A, "int8", [1, 2, 3]),
        r"the zero point of A must be one number, or 2, one for each row, not of shape \(3,\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_operands_are_refused_in_one_sentence(case):
    config, a, sentence = REFUSED[case]
    with pytest.raises(ValueError, match=f"^{sentence}") as refusal:
        checked_operands(config, a, B)
    assert "\n" not in str(refusal.value)


def test_floats_must_have_the_dtype_of_their_format():
    config = MatrixUnitConfig(activation="float4_e2m1fn", weight="int8")  # type: ignore
    a = np.array([[1, 2, 3], [4, 0.5, -6]]).astype(ml_dtypes.float4_e2m1fn)
    first, _ = checked_operands(config, a, B)
    assert str(first.format) == "float4_e2m1fn"
    assert matmul(config, a, B).tolist() == (a.astype(float) @ B).tolist()
    sentence = (
        r"^A must hold float4_e2m1fn, not (float32|int64): .* A\.astype\(ml_dtypes\.float4_e2m1fn"
    )
    for wrong in (A.astype(np.float32), A):
        with pytest.raises(TypeError, match=sentence):
            checked_operands(config, wrong, B)
    with pytest.raises(TypeError, match=r"^B must hold integers, not float4_e2m1fn: quantize"):
        checked_operands(config, a, B.astype(ml_dtypes.float4_e2m1fn))
    with pytest.raises(TypeError, match=r"^A is masked"):
        checked_operands(config, np.ma.array(A), B)
    with pytest.raises(ValueError, match=r"^the zero point of A must be 0, because"):
        checked_operands(config, Quantized(a, zero_point=3), B)


def test_sums_of_floats_that_could_overflow_are_refused():
    """The longest sum of the largest products is right; one product more is refused."""
    config = MatrixUnitConfig(activation="float4_e2m1fn", weight="int16")  # type: ignore
    number = ml_dtypes.float4_e2m1fn
    most = config.most_products
    assert most == ((1 << 36) - 1) // (12 << 15)
    for sign in (1, -1):
        a, b = np.full((1, most), 6 * sign, number), np.full((most, 1), -(1 << 15))
        assert matmul(config, a, b) == np.float32(-sign * 6 * 2.0**15 * most)
    with pytest.raises(
        ValueError, match=f"^K must be at most {most}, not {most + 1}: a longer sum"
    ):
        checked_operands(config, np.ones((1, most + 1), number), np.ones((most + 1, 1), int))
    assert PLAIN.most_products is None


def test_zero_points_must_be_integers():
    with pytest.raises(TypeError, match=re.escape("the zero point of B must hold integers, not")):
        checked_operands(UNIT, A, Quantized(B, "int8", 0.5))
    with pytest.raises(ValueError, match=r"^the zero point of B must be one number, or 2, one for"):
        checked_operands(UNIT, A, Quantized(B, "int8", [1, 2, 3]))
