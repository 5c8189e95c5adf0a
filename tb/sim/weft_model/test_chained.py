"""Chained sums: the definition, against a plain loop over SoftFloat's fused multiply-add."""

import os
import random

import numpy as np
import pytest
from softfloatpy import Float32, f32_add, f32_mul_add

from benches.floats import draw_code
from weft.float_format import BFLOAT16, FLOAT32, FloatFormat
from weft.matrix.config import MatrixUnitConfig
from weft_model.chained import chained_matmul, float_sum, fused_step
from weft_model.reference import matmul

NAN = 0x7FC00000


def soft(code: int) -> Float32:
    return Float32.from_bytes(code.to_bytes(4, "big"))


def code_of(number: Float32) -> int:
    """Return the code of a number; NaN as ours."""
    code = int.from_bytes(number.to_bytes(), "big")
    return NAN if code & 0x7FFFFFFF > 0x7F800000 else code


def numbers(codes: list[int], number: FloatFormat) -> np.ndarray:
    return np.array(codes, f"u{number.width // 8}").view(number.dtype)


def test_a_step_is_that_of_softfloat():
    """Products and sums near each other cancel, are ties, underflow and overflow."""
    source = random.Random(os.environ["SEED"])
    totals, firsts, seconds, expected = [], [], [], []
    for _ in range(60_000):
        near = source.choice([1, 20, 64, 127, 127, 190, 254])
        other = source.choice([1, 20, 64, 127, 127, 190, 254])
        first, second = draw_code(source, BFLOAT16, near), draw_code(source, BFLOAT16, other)
        total = draw_code(source, FLOAT32, near + other - 127)
        step = f32_mul_add(soft(first << 16), soft(second << 16), soft(total))
        totals.append(total)
        firsts.append(first)
        seconds.append(second)
        expected.append(code_of(step))
    operands = numbers(firsts, BFLOAT16), numbers(seconds, BFLOAT16)
    got = fused_step(numbers(totals, FLOAT32), *operands)
    assert got.view(np.uint32).tolist() == expected


def test_a_sum_is_that_of_softfloat():
    source = random.Random(os.environ["SEED"])
    near = [source.choice([1, 30, 127, 254]) for _ in range(60_000)]
    firsts, seconds = ([draw_code(source, FLOAT32, n) for n in near] for _ in range(2))
    expected = [code_of(f32_add(soft(a), soft(b))) for a, b in zip(firsts, seconds, strict=True)]
    got = float_sum(numbers(firsts, FLOAT32), numbers(seconds, FLOAT32))
    assert got.view(np.uint32).tolist() == expected


@pytest.mark.parametrize(
    "m, k, n, rows", [(1, 1, 1, 1), (3, 11, 2, 4), (2, 9, 3, 3), (67, 6, 2, 5)]
)
def test_a_product_is_a_chain_for_each_tile(m, k, n, rows):
    """Tiles of K in order, each summed up from zero, with K padded by zeros."""
    source = random.Random(os.environ["SEED"])
    shapes = (m, k), (k, n)
    a, b = (
        np.array(
            [draw_code(source, BFLOAT16, 127) for _ in range(shape[0] * shape[1])], np.uint16
        ).reshape(shape)
        for shape in shapes
    )
    expected = np.zeros((m, n), np.uint32)
    for i in range(m):
        for j in range(n):
            z = None
            for tile in range(0, k, rows):
                total = soft(0)
                for r in range(tile, tile + rows):
                    first, second = (int(a[i, r]), int(b[r, j])) if r < k else (0, 0)
                    total = f32_mul_add(soft(first << 16), soft(second << 16), total)
                z = total if z is None else f32_add(z, total)
            expected[i, j] = code_of(z)
    got = chained_matmul(a.view(BFLOAT16.dtype), b.view(BFLOAT16.dtype), rows=rows)
    assert np.array_equal(got.view(np.uint32), expected)


def test_the_order_of_summation_is_that_of_the_rows():
    """A number that is lost beside a large one survives in another tile."""
    a = np.array([[1, 2.0**25, -(2.0**25), 1]], BFLOAT16.dtype)
    b = np.ones((4, 1), BFLOAT16.dtype)
    assert chained_matmul(a, b, rows=4)[0, 0] == 1
    assert chained_matmul(a, b, rows=1)[0, 0] == 1
    assert chained_matmul(a, b, rows=2)[0, 0] == 0


def test_a_result_is_rounded_once_more_to_bfloat16():
    config = MatrixUnitConfig(
        rows=2,
        columns=1,
        activation="bfloat16",  # type: ignore[arg-type]
        weight="bfloat16",  # type: ignore[arg-type]
        result="bfloat16",
    )
    a = np.array([[1, 2.0**-8], [1, 3 * 2.0**-8], [3e38, 3e38]], BFLOAT16.dtype)
    z = matmul(config, a, np.ones((2, 1), BFLOAT16.dtype))
    assert z.dtype == BFLOAT16.dtype
    assert z[:, 0].astype(float).tolist() == [1, 1 + 2.0**-6, np.inf]
