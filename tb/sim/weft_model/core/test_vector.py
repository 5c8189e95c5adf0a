"""VECTOR: random instructions against plain Python, and operators of LiteRT from its passes."""

import os

import numpy as np
import pytest

from benches.core import NEEDS, copied, do, first_difference, random_state
from benches.plain_vector import plain_vector
from benches.vector_instructions import random_vector, small_multipliers
from weft.isa.codes import (
    Combine,
    Format,
    Function,
    Opcode,
    Reduce,
    Rounding,
    ScaleSource,
    Subtrahend,
    XSource,
    YSource,
)
from weft_model.core.machine import work_of

N = NEEDS.lanes


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def test_random_instructions_equal_plain_python():
    draw = source()
    for _ in range(150):
        i = random_vector(draw, N)
        state = random_state(draw)
        small_multipliers(state)
        twin = copied(state)
        rows = draw.integers(-(1 << 31), 1 << 31, (27 * 9, N)).astype(np.int32)
        state.results.push(rows)
        twin.results.push(rows)
        work = work_of(state, i)
        # In two ranges of parts, if there is more than one.
        middle = int(draw.integers(1, work.parts, endpoint=True))
        work.run(0, middle)
        if middle < work.parts:
            work.run(middle, work.parts)
        plain_vector(twin, i)
        assert not first_difference(state, twin), i
        assert len(state.results) == len(twin.results)


def test_multipliers_of_masked_lanes_are_no_errors():
    """As in the hardware: only those of valid lanes must be exact as float32."""
    state = random_state(source())
    state.parameters[0, :, 1] = [1 << 24, -(1 << 24), (1 << 24) + 1, -(1 << 31)]
    scale = dict(rounding=Rounding.F32, scale_source=ScaleSource.CHANNEL, write=1)
    do(state, Opcode.VECTOR, valid_lanes=2, **scale)
    with pytest.raises(ValueError, match="a multiplier of f32"):
        do(state, Opcode.VECTOR, valid_lanes=3, **scale)


def test_a_row_of_32_bits_takes_four_rows_of_8():
    state = random_state(source())
    do(
        state,
        Opcode.VECTOR,
        **dict(x_format=Format.INT32, destination_format=Format.INT32, inner_count=3),
        **dict(x_inner=4, destination_row=100, destination_inner=4, write=1, valid_lanes=N),
    )
    assert np.array_equal(state.buffer[100:112], state.buffer[:12])
    words = state.elements(np.array([0, 4]), Format.INT32)
    assert np.array_equal(words, state.buffer[:8].reshape(2, -1).view("<i4"))


def test_the_largest_pixel_of_each_square():
    """Max pooling, 2 x 2, of 6 x 4 pixels."""
    state = random_state(source())
    do(
        state,
        Opcode.VECTOR,
        **dict(middle_count=3, inner_count=2, x_middle=8, x_inner=2),
        **dict(reduce_outer_count=2, reduce_inner_count=2, x_reduce_outer=4, x_reduce_inner=1),
        **dict(destination_row=100, destination_middle=2, destination_inner=1),
        **dict(reduce=Reduce.ROWS_MAX, write=1, valid_lanes=N),
    )
    pixels = state.buffer[:24].view(np.int8).reshape(3, 2, 2, 2, N)
    found = state.buffer[100:106].view(np.int8).reshape(3, 2, N)
    assert np.array_equal(found, pixels.max(axis=(1, 3)))


def divided(x: int, exponent: int) -> int:
    """gemmlowp's RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def high_product(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul of operands that are not both -2**31."""
    nudged = a * b + ((1 << 30) if a * b >= 0 else 1 - (1 << 30))
    return abs(nudged) // (1 << 31) * (1 if nudged >= 0 else -1)


def test_add_equals_tflites_formula():
    """TFLite's ADD: each int8 operand becomes 32 bits by a multiplier of its own, which is a
    function of 256 values; then one requantization."""
    draw = source()
    state = random_state(draw)
    zero = {"x": 3, "y": -20}
    scale = {"x": int(draw.integers(1 << 30, 1 << 31)), "y": int(draw.integers(1 << 30, 1 << 31))}
    right = {"x": 0, "y": 2}
    output, shift, offset = int(draw.integers(1 << 30, 1 << 31)), 18, 7

    def widened(name: str, value: int) -> int:
        """TFLite's MultiplyByQuantizedMultiplierSmallerThanOneExp of a value shifted by 20."""
        return divided(high_product((value - zero[name]) << 20, scale[name]), right[name])

    for table, name in enumerate(("x", "y")):
        values = [wrap_byte(index + zero[name]) for index in range(256)]
        index_values = [(value - zero[name]) % 256 for value in values]
        for index, value in zip(index_values, values, strict=True):
            state.tables[table, index] = widened(name, value)
    do(
        state,
        Opcode.VECTOR,
        **dict(y_source=YSource.BUFFER, combine=Combine.ADD, x_table=1, y_table=2),
        **dict(x_zero_point=zero["x"], y_zero_point=zero["y"], y_row=30),
        **dict(inner_count=30, x_inner=1, y_inner=1, destination_inner=1, destination_row=100),
        **dict(rounding=Rounding.DOUBLE, multiplier=output, shift=31 + shift),
        **dict(output_offset=offset, write=1, valid_lanes=N),
    )
    x, y = (state.buffer[at : at + 30].view(np.int8).ravel().tolist() for at in (0, 30))
    exact = [
        min(max(divided(high_product(widened("x", a) + widened("y", b), output), shift) + offset,
                -128), 127)
        for a, b in zip(x, y, strict=True)
    ]  # fmt: skip
    assert state.buffer[100:130].view(np.int8).ravel().tolist() == exact


def wrap_byte(value: int) -> int:
    return (value + 128) % 256 - 128


def test_softmax_equals_tflites_formula_in_three_passes_and_a_reciprocal():
    """Rows of 7 blocks of 4 lanes, of which the last block has one valid lane: 25 numbers."""
    draw = source()
    state = random_state(draw)
    rows, blocks, last = 5, 7, 1
    # exp(x / 10) in Q0.31, and rounded to Q12.19 for the sum; entry x mod 256 for x <= 0.
    exponentials = np.minimum(np.exp(-np.arange(256) / 10) * 2.0**31, 2**31 - 1).astype(np.int64)
    index = -np.arange(256) % 256
    state.tables[0, index] = exponentials
    state.tables[1, index] = [divided(int(value), 12) for value in exponentials]
    state.buffer[: rows * blocks] = draw.integers(0, 60, (rows * blocks, N))

    whole = dict(inner_count=rows, x_inner=blocks, scalar_inner=1, destination_format=Format.INT32)
    maxima, sums, scales = 0, 10, 20
    for reduce, scalar, table in (
        (Reduce.LANES_MAX, maxima, 0),
        (Reduce.LANES_SUM, sums, 2),
    ):
        fields = dict(reduce=reduce, reduce_scalar=scalar, x_table=table, **whole)
        if table:
            fields |= dict(subtrahend=Subtrahend.SCALAR, subtract_scalar=maxima)
        full = dict(reduce_inner_count=blocks - 1, x_reduce_inner=1, valid_lanes=N)
        do(state, Opcode.VECTOR, **fields, **full)
        do(state, Opcode.VECTOR, **fields, x_row=blocks - 1, valid_lanes=last, accumulate=1)
    do(
        state,
        Opcode.VECTOR,
        **dict(x_source=XSource.SCALARS, function=Function.RECIPROCAL, shift=35),
        **dict(inner_count=rows, x_row=sums, x_inner=1, reduce_scalar=scales, scalar_inner=1),
    )
    for block in range(blocks):
        do(
            state,
            Opcode.VECTOR,
            **dict(subtrahend=Subtrahend.SCALAR, subtract_scalar=maxima, x_table=1),
            **dict(rounding=Rounding.DOUBLE, scale_source=ScaleSource.SCALAR),
            **dict(scale_scalar=scales, scalar_inner=1, output_offset=-128, write=1),
            **dict(inner_count=rows, x_row=block, x_inner=blocks),
            **dict(destination_row=100 + block, destination_inner=blocks),
            valid_lanes=N if block < blocks - 1 else last,
        )
    count = N * (blocks - 1) + last
    x = state.buffer[: rows * blocks].view(np.int8).reshape(rows, -1)[:, :count].astype(int)
    found = state.buffer[100 : 100 + rows * blocks].view(np.int8).reshape(rows, -1)
    assert not found[:, count:].any()
    for row in range(rows):
        below = x[row] - x[row].max()
        total = sum(divided(int(exponentials[-d]), 12) for d in below)
        assert state.scalars[sums + row, 0] == total
        headroom = 32 - total.bit_length()
        multiplier = int(state.scalars[scales + row, 0])
        exact = [
            min(divided(high_product(multiplier, int(exponentials[-d])), 12 - headroom + 23), 255)
            for d in below
        ]
        assert found[row, :count].tolist() == [min(max(v - 128, -128), 127) for v in exact]
        real = np.exp(below / 10) / np.exp(below / 10).sum()
        assert np.abs(found[row, :count].astype(int) + 128 - 256 * real).max() <= 1


def test_a_maximum_can_be_found_while_a_product_drains():
    state = random_state(source())
    rows = source().integers(-500, 500, (6, N)).astype(np.int32)
    state.results.push(rows)
    do(
        state,
        Opcode.VECTOR,
        **dict(x_source=XSource.RESULTS, inner_count=6, reduce=Reduce.LANES_MAX, reduce_scalar=8),
        **dict(scalar_inner=1, write=1, destination_row=50, destination_inner=1, valid_lanes=3),
    )
    clipped = np.clip(rows, -128, 127)
    assert np.array_equal(state.buffer[50:56].view(np.int8)[:, :3], clipped[:, :3])
    assert not state.buffer[50:56, 3].any()
    assert state.scalars[8:14].tolist() == [[value, 0] for value in clipped[:, :3].max(axis=1)]


@pytest.mark.parametrize(
    "value, shift, sentence",
    [
        (0, 0, "the reciprocal needs row scalars above 0, not 0"),
        (1 << 30, 34, "the shift of a reciprocal must be at most 63, not 64"),
    ],
)
def test_a_reciprocal_that_does_not_exist_is_refused(value, shift, sentence):
    state = random_state(source())
    state.scalars[0, 0] = value
    fields = dict(x_source=XSource.SCALARS, function=Function.RECIPROCAL, shift=shift)
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        do(state, Opcode.VECTOR, **fields)
