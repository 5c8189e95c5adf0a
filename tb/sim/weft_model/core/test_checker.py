"""The checker: every rule refuses by instruction and operand; what it accepts runs."""

import dataclasses
import os

import numpy as np
import pytest

from benches.core import first_difference
from benches.core_programs import random_core_program, random_memory
from benches.instructions import random_value
from weft.isa.assembly import assemble
from weft.isa.program import Program
from weft_model.core.checker import check_program, faults
from weft_model.core.interleave import interleave
from weft_model.core.machine import execute

# Numbers of the instructions: 0 to 3 LOAD, 4 WEIGHTS, 5 MATMUL, 6 and 7 VECTOR, 8 STORE.
TEXT = """
.needs lanes=4 queue_slots=4 fifo_tiles=2 result_rows=4 buffer_rows=32 accumulators=8
.needs parameter_rows=2 tables=2 row_scalars=8
.region 0 bytes=256 read
.region 1 bytes=64 write
LOAD    lines=8 bytes=4 line_pitch=4
LOAD    target=parameters bytes=48
LOAD    target=tables bytes=256
LOAD    target=scalars lines=4 bytes=8 line_pitch=8
WEIGHTS offset=64 tiles=2 row_pitch=4 tile_pitch=16 valid_rows=4 valid_columns=4
MATMUL  first=1 last=1 x_count=4 x_stride=1 width=4 block_count=2 block_stride=4 wait_load=1
VECTOR  x_source=results inner_count=4 valid_lanes=4 rounding=up scale_source=channel bias=channel \
    x_table=1 write=1 destination_row=8 destination_inner=1 wait_load=1
VECTOR  inner_count=2 reduce_inner_count=2 x_inner=1 x_reduce_inner=2 x_row=8 reduce=lanes_max \
    reduce_scalar=4 scalar_inner=1 valid_lanes=3
STORE   region=1 row=8 lines=4 bytes=4 line_pitch=4 wait_vector=2
HALT
""".replace("\\\n", "")
LOAD, PARAMETERS, TABLES, SCALARS, WEIGHTS, MATMUL, DRAIN, MAXIMUM, STORE = range(9)


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def changed(number: int, **fields: int) -> Program:
    """Return the program with other fields of one instruction, by values or by texts."""
    program = assemble(TEXT)
    body = list(program.instructions)
    kind = body[number].kind
    values = {
        name: kind.by_name[name].parse(value) if isinstance(value, str) else value
        for name, value in fields.items()
    }
    body[number] = body[number].replaced(**values)
    return Program(program.requirements, tuple(body))


def test_the_program_is_accepted():
    assert not faults(assemble(TEXT))
    check_program(assemble(TEXT))


REFUSED = {
    LOAD: [
        (dict(region=1), "region must be a readable one of the program (0), not 1"),
        (dict(lines=60), "row reaches buffer row 59, but the program needs only 32"),
        (dict(offset=240), "offset reaches byte 271 of region 0, but the program needs only 256"),
        (dict(line_pitch=-1), "offset reaches byte -7 of region 0, but the program needs only 256"),
        (
            dict(lines=65535, groups=100),
            "groups times lines must be at most 1,048,576, not 6,553,500",
        ),
    ],
    PARAMETERS: [(dict(row=2), "row reaches parameter row 2, but the program needs only 2")],
    TABLES: [(dict(row=2), "row reaches table 2, but the program needs only 2")],
    SCALARS: [(dict(row=6), "row reaches row scalar 9, but the program needs only 8")],
    WEIGHTS: [
        (dict(format="int16"), "format must be int8 or uint8, not int16"),
        (dict(zero_point=128), "zero_point must be from -128 to 127 for weights of int8, not 128"),
        (
            dict(format="uint8", zero_point=-1),
            "zero_point must be from 0 to 255 for weights of uint8, not -1",
        ),
        (dict(valid_rows=5), "valid_rows must be at most 4, not 5"),
        (dict(valid_columns=9), "valid_columns must be at most 4, not 9"),
        (dict(transpose=1), "transpose must be 0 unless from_buffer is 1"),
        (
            dict(transpose=1, from_buffer=1, diagonal=1),
            "transpose must be 0 if diagonal is 1",
        ),
        (
            dict(from_buffer=1, offset=30, row_pitch=1),
            "offset reaches buffer row 33, but the program needs only 32",
        ),
        (
            dict(tiles=4095, groups=2000),
            "groups times tiles times N must be at most 1,048,576, not 32,760,000",
        ),
    ],
    MATMUL: [
        (dict(format="int32"), "format must be int8 or uint8, not int32"),
        (
            dict(zero_point=300),
            "zero_point must be from -128 to 127 for activations of int8, not 300",
        ),
        (
            dict(accumulator=5),
            "accumulator 5 and 4 rows need 9 accumulators, but the program needs only 8",
        ),
        (dict(row=29), "row reaches buffer row 36, but the program needs only 32"),
        (dict(row=-1), "row reaches buffer row -1, but the program needs only 32"),
        (
            dict(kx_count=4000, x_count=4000),
            "accumulator 0 and 4,000 rows need 4,000 accumulators, but the program needs only 8",
        ),
    ],
    DRAIN: [
        (dict(valid_lanes=5), "valid_lanes must be at most 4, not 5"),
        (
            dict(destination_format="bfloat16"),
            "destination_format must be int8 or uint8 or int16 or int32, not bfloat16",
        ),
        (
            dict(inner_count=65535, outer_count=100),
            "the product of all counts must be at most 1,048,576, not 6,553,500",
        ),
        (
            dict(y_source="immediate"),
            "combine must be none without a y, and another with one, not none with y_source "
            "immediate",
        ),
        (
            dict(combine="add"),
            "combine must be none without a y, and another with one, not add with y_source none",
        ),
        (dict(output_table=1), "output_table must be 0 if x_table is not"),
        (dict(x_table=4), "x_table reaches table 3, but the program needs only 2"),
        (dict(minimum=3, maximum=2), "minimum must be at most maximum, 2, not 3"),
        (
            dict(rounding="f32", scale_source="instruction", multiplier=(1 << 24) + 1),
            "multiplier must be from -16777216 to 16777216 for f32, not 16777217",
        ),
        (dict(reduce_inner_count=2), "the reduction counts must be 1 without a reduction"),
        (dict(accumulate=1), "accumulate must be 0 without a reduction over lanes"),
        (dict(write=0), "write must be 1 without a reduction over lanes, or there is no result"),
        (dict(destination_inner=0), "destination must not write a buffer row twice"),
        (
            dict(destination_format="int32"),
            "destination must not write a buffer row twice",
        ),
        (dict(destination_row=29), "destination reaches buffer row 32, but the program needs only"),
        (dict(parameters=2), "parameters reaches parameter row 2, but the program needs only 2"),
        (
            dict(x_source="buffer", x_row=6, x_inner=1),
            "destination must equal the walk of x or be disjoint from it, but both have buffer row",
        ),
        (
            dict(y_source="buffer", combine="add", y_row=11),
            "destination must equal the walk of y or be disjoint from it, but both have buffer row",
        ),
    ],
    MAXIMUM: [
        (dict(x_format="uint4"), "x_format must be int8 or uint8 or int16 or int32, not uint4"),
        (
            dict(y_source="buffer", combine="max", y_format="float32"),
            "y_format must be int8 or uint8 or int16 or int32, not float32",
        ),
        (
            dict(write=1, destination_row=20),
            "the reduction counts must be 1 if rows are written and lanes are reduced",
        ),
        (dict(scalar_inner=0), "reduce_scalar must not write a row scalar twice"),
        (
            dict(subtrahend="scalar", subtract_scalar=3),
            "reduce_scalar must equal the walk of subtract_scalar or be disjoint from it, but both",
        ),
        (dict(function="reciprocal"), "x_source must be scalars with a function"),
        (
            dict(function="tanh", x_source="scalars"),
            "function must be none or reciprocal, not tanh",
        ),
        (
            dict(function="reciprocal", x_source="scalars", x_row=0, x_reduce_inner=0),
            "reduce must be none with a function",
        ),
    ],
    STORE: [
        (dict(region=0), "region must be a writable one of the program (1), not 0"),
        (dict(offset=50), "offset reaches byte 65 of region 1, but the program needs only 64"),
    ],
}


@pytest.mark.parametrize(
    "number, fields, sentence",
    [(number, *case) for number, cases in REFUSED.items() for case in cases],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_an_illegal_operand_is_refused(number, fields, sentence):
    program = changed(number, **fields)
    found = faults(program)
    assert found
    assert found[0].startswith(
        f"instruction {number}, {program.instructions[number].kind.name}: {sentence}"
    )
    assert "\n" not in found[0]
    with pytest.raises(ValueError) as refusal:
        check_program(program)
    assert str(refusal.value) == found[0]


@pytest.mark.parametrize(
    "number, fields, sentence",
    [
        (
            LOAD,
            dict(lines=7),
            "instruction 5, MATMUL: row reads buffer row 7, which nothing has wr",
        ),
        (
            PARAMETERS,
            dict(row=1),
            "instruction 6, VECTOR: parameters reads parameter row 0, which nothing has written",
        ),
        (TABLES, dict(row=1), "instruction 6, VECTOR: x_table reads table 0, which nothing has wr"),
        (
            MAXIMUM,
            dict(accumulate=1),
            "instruction 7, VECTOR: reduce_scalar reads row scalar 4, which nothing has written",
        ),
        (
            WEIGHTS,
            dict(tiles=1),
            "instruction 5, MATMUL: takes more tiles than WEIGHTS before it have pushed, by 1",
        ),
        (WEIGHTS, dict(groups=2), "tiles are left at the end, which no MATMUL takes: 2"),
        (
            DRAIN,
            dict(inner_count=5),
            "instruction 6, VECTOR: drains more result rows than MATMULs before it have emitted",
        ),
        (MATMUL, dict(x_count=5), "result rows are left at the end, which no VECTOR drains: 1"),
        (MATMUL, dict(first=0), "instruction 5, MATMUL: adds to accumulator 0, whose sum has not"),
        (
            STORE,
            dict(row=24),
            "instruction 8, STORE: row reads buffer row 24, which nothing has wr",
        ),
    ],
)
def test_what_earlier_instructions_did_not_leave_is_refused(number, fields, sentence):
    found = faults(changed(number, **fields))
    assert any(one.startswith(sentence) for one in found), found


def test_sums_begin_and_end():
    """Two products share a sum; the first one alone, or another first, is refused."""
    tile = "WEIGHTS offset=64 row_pitch=4 valid_rows=4 valid_columns=4\n"
    product = "MATMUL {} x_count=4 x_stride=1 width=4 wait_load=1\n"
    drain = "VECTOR x_source=results inner_count=4 valid_lanes=4 write=1 destination_row=8 "
    drain += "destination_inner=1\n"
    head = TEXT[: TEXT.index("WEIGHTS")]

    def wrong(*flags: str) -> list[str]:
        drained = drain * sum("last" in one for one in flags)
        return faults(
            assemble(head + "".join(tile + product.format(one) for one in flags) + drained + "HALT")
        )

    assert not wrong("first=1", "", "last=1")
    assert wrong("first=1") == ["a sum is left in accumulator 0 at the end, which no MATMUL emits"]
    assert wrong("first=1", "first=1 last=1") == [
        "instruction 7, MATMUL: overwrites accumulator 0, whose sum was not emitted"
    ]
    assert wrong("first=1 last=1", "last=1") == [
        "instruction 7, MATMUL: adds to accumulator 0, whose sum has not begun: first must be 1"
    ]


def test_programs_that_never_end_and_races_are_refused():
    program = changed(MATMUL, wait_weights=1)
    assert not faults(program)
    few = dataclasses.replace(program.requirements, fifo_tiles=1)
    assert faults(Program(few, program.instructions)) == [
        "the program never ends: instruction 8, STORE, waits for instruction 6, VECTOR; "
        "instruction 4, WEIGHTS, waits for room in the weight FIFO; "
        "instruction 5, MATMUL, waits for instruction 4, WEIGHTS; instruction 6, VECTOR, waits for "
        "result rows; instruction 9, HALT, waits until all before it have finished"
    ]
    assert faults(changed(STORE, wait_vector=3)) == [
        "instruction 8, STORE: row reads buffer row 8, which destination of instruction 6, VECTOR, "
        "writes, and the two may overlap; wait_vector=2 would order them"
    ]


def mutated(draw: np.random.Generator, program: Program) -> Program:
    """Return the program with a random value in one field."""
    body = list(program.instructions)
    number = int(draw.integers(len(body) - 1))
    fields = body[number].kind.free_fields
    name = str(draw.choice(list(fields)))
    value = random_value(draw, fields[name])
    # Small changes are accepted more often.
    if fields[name].codes is None and draw.integers(2):
        near = body[number][name] + int(draw.integers(-2, 3))
        value = min(max(near, fields[name].minimum), fields[name].maximum)
    body[number] = body[number].replaced(**{name: value})
    return Program(program.requirements, tuple(body))


def test_whatever_is_accepted_has_one_result():
    """Random fields: the checker refuses in a sentence, or the program runs in any order."""
    draw, accepted = source(), 0
    for _ in range(25):
        whole = random_core_program(draw, operations=8)
        for _ in range(6):
            program = mutated(draw, whole)
            if faults(program):
                continue
            accepted += 1
            memory = random_memory(draw, program)
            try:
                expected = execute(program, [region.copy() for region in memory])
            except ValueError as error:
                # Data out of the range of a stage are found only when the program runs.
                assert "a multiplier of f32" in str(error) or "reciprocal" in str(error)
                continue
            for _ in range(2):
                state = interleave(program, [region.copy() for region in memory], draw)
                assert state is not None
                assert not first_difference(state, expected)
    assert accepted > 20
