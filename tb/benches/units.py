"""Configurations of every kind for the benches of the whole unit."""

from benches.products import unit

# Verilator runs the first configuration of each table, Icarus all of them.
SHAPES = {
    "16x16": unit(16, 16, accumulator_depth=512),
    "5x7": unit(5, 7),
    "1x1": unit(1, 1, accumulator_depth=1),
    "1x6": unit(1, 6),
    "6x1": unit(6, 1, accumulator_depth=3),
    "2x2": unit(2, 2, multiplier_stages=0),
    "4x4": unit(4, 4),
    "3x11": unit(3, 11, accumulator_depth=9),
    "13x3": unit(13, 3, accumulator_depth=40),
    "8x4": unit(8, 4),
    "4x8": unit(4, 8),
}
FORMATS = {
    "int16 by int16": unit(3, 3, activation="int16", weight="int16"),
    "uint8 by int8": unit(3, 4, activation="uint8"),
    "int8 by uint8": unit(4, 3, weight="uint8"),
    "uint16 by uint16": unit(2, 3, activation="uint16", weight="uint16", accumulator_width=64),
    "int1 by uint1": unit(3, 2, activation="int1", weight="uint1", accumulator_width=8),
    "uint5 by int11": unit(5, 2, activation="uint5", weight="int11", accumulator_width=20),
    "three adder stages": unit(4, 3, adder_stages=3, multiplier_stages=2),
    "four adder stages": unit(1, 1, adder_stages=4, multiplier_stages=0),
    "three multiplier stages": unit(2, 5, multiplier_stages=3, accumulator_width=33),
    "2 of 5 columns soft": unit(3, 5, soft_columns=2, multiplier_stages=4),
    "all columns soft": unit(4, 17, soft_columns=17, activation="uint8"),
}
# Operands that differ in the array from what they are on the ports.
OPERANDS = {
    "int8 or uint8": unit(4, 4, activation=("int8", "uint8"), weight=("uint8", "int8")),
    "int16 by int16 in pieces": unit(
        *(3, 4), activation="int16", weight="int16", cell_width=8, accumulator_width=48
    ),
    "1x1 in pieces": unit(
        1,
        1,
        activation=("int8", "uint16"),
        weight="int16",
        cell_width=8,
        accumulator_depth=1,
        multiplier_stages=0,
    ),
    "zero points": unit(3, 5, activation=("int8", "uint8"), zero_points=True),
    "zero points of uint5": unit(4, 2, activation="uint5", weight="int3", zero_points=True),
    "16 or 8 bits, zero points, checksum": unit(
        4,
        3,
        activation=("int8", "uint8", "int16", "uint16"),
        weight=("int8", "int16"),
        cell_width=8,
        zero_points=True,
        checksum=True,
        adder_stages=2,
    ),
    "four pieces, fast, checksum": unit(
        6,
        3,
        activation=("uint16", "int5"),
        weight=("int4", "uint12"),
        cell_width=4,
        zero_points=True,
        inner_product="fast",
        checksum=True,
        accumulator_depth=5,
        accumulator_width=33,
        adder_stages=3,
    ),
    "int4 or uint4, packed": unit(
        4, 3, inner_product="packed", activation=("int4", "uint4"), weight=("uint4", "int3")
    ),
    "zero points, packed": unit(
        4, 5, inner_product="packed", activation=("int4", "uint4"), weight="int4", zero_points=True
    ),
    "two pieces, packed": unit(
        *(2, 3), inner_product="packed", activation="int8", weight=("int8", "int4"), cell_width=4
    ),
    "pieces of different lanes": unit(
        *(2, 3), activation="uint4", weight="int12", cell_width=6, soft_columns=1
    ),
}
FLOATS = {
    "float4": unit(4, 4, activation="float4_e2m1fn", weight="float4_e2m1fn"),
    "float8": unit(4, 3, activation="float8_e4m3fn", weight="float8_e4m3fn"),
    "float8 by float6, checksum": unit(
        3,
        4,
        activation="float8_e4m3fn",
        weight="float6_e3m2fn",
        checksum=True,
        adder_stages=2,
        soft_columns=1,
        result="bfloat16",
    ),
    "float4 by float8 as an integer": unit(
        *(1, 2),
        activation="float4_e2m1fn",
        weight="float8_e4m3fn",
        result="integer",
        multiplier_stages=0,
    ),
    "float6, checksum": unit(
        *(5, 3), activation="float6_e3m2fn", weight="float6_e2m3fn", checksum=True
    ),
    "int8 or int16 by float4, fast": unit(
        6,
        3,
        activation=("int8", "int16"),
        weight="float4_e2m1fn",
        cell_width=8,
        inner_product="fast",
        result="bfloat16",
        accumulator_width=40,
        adder_stages=2,
    ),
    "float4, packed": unit(
        4, 2, inner_product="packed", activation="float4_e2m1fn", weight="float4_e2m1fn"
    ),
    "float6 as an integer": unit(
        *(1, 1), activation="float6_e2m3fn", weight="int3", result="integer", accumulator_depth=1
    ),
    "float8 with infinities": unit(4, 3, activation="float8_e5m2", weight="float8_e5m2"),
    "both float8, checksum": unit(
        *(2, 3), activation="float8_e4m3fn", weight="float8_e5m2", checksum=True, soft_columns=1
    ),
    "float8 with infinities by float4": unit(
        *(3, 1),
        activation="float8_e5m2",
        weight="float4_e2m1fn",
        result="bfloat16",
        adder_stages=3,
        multiplier_stages=2,
    ),
    "int8 to float32": unit(3, 5, result="float32", soft_columns=2),
}
CHAINED = {
    "4x3": unit(4, 3, activation="bfloat16", weight="bfloat16"),
    "1x1": unit(
        *(1, 1), activation="bfloat16", weight="bfloat16", accumulator_depth=1, multiplier_stages=0
    ),
    "9x2 to bfloat16": unit(
        *(9, 2), activation="bfloat16", weight="bfloat16", result="bfloat16", multiplier_stages=2
    ),
    "3x9, 4 columns soft": unit(
        *(3, 9), activation="bfloat16", weight="bfloat16", soft_columns=4, accumulator_depth=3
    ),
}
INT4 = {"inner_product": "packed", "activation": "int4", "weight": "int4"}
FAST = {
    "16x16": unit(16, 16, inner_product="fast", accumulator_depth=512),
    "6x5": unit(6, 5, inner_product="fast", multiplier_stages=2),
    "2x1": unit(2, 1, inner_product="fast", accumulator_depth=1),
    "2x2": unit(2, 2, inner_product="fast", multiplier_stages=0),
    "4x3": unit(4, 3, inner_product="fast", multiplier_stages=3, accumulator_depth=3),
    "10x9": unit(10, 9, inner_product="fast", adder_stages=2),
    "2x11": unit(2, 11, inner_product="fast"),
    "14x1": unit(14, 1, inner_product="fast", multiplier_stages=0),
    "uint8 by int8": unit(4, 4, inner_product="fast", activation="uint8"),
    "int8 by uint8": unit(4, 3, inner_product="fast", weight="uint8", multiplier_stages=3),
    "int16 by int16": unit(4, 3, inner_product="fast", activation="int16", weight="int16"),
    "uint16 by uint16": unit(
        2,
        3,
        inner_product="fast",
        activation="uint16",
        weight="uint16",
        accumulator_width=64,
        adder_stages=2,
    ),
    "int1 by uint1": unit(
        4,
        2,
        inner_product="fast",
        activation="int1",
        weight="uint1",
        accumulator_width=8,
        multiplier_stages=2,
    ),
    "uint1 by int1": unit(
        4, 2, inner_product="fast", activation="uint1", weight="int1", accumulator_width=8
    ),
    "uint5 by int11": unit(
        6,
        2,
        inner_product="fast",
        activation="uint5",
        weight="int11",
        accumulator_width=20,
        adder_stages=3,
    ),
    "20 of 33 columns soft": unit(
        4, 33, inner_product="fast", soft_columns=20, multiplier_stages=4
    ),
    "int3 by int5": unit(
        4, 3, inner_product="fast", activation="int3", weight="int5", adder_stages=4
    ),
    "int16 into 8 bits": unit(
        4,
        2,
        inner_product="fast",
        activation="int16",
        weight="int16",
        accumulator_width=8,
        adder_stages=2,
        multiplier_stages=2,
    ),
}
PACKED = {
    "16x16": unit(16, 16, **INT4, accumulator_depth=512),
    "6x5": unit(6, 5, **INT4, multiplier_stages=2),
    "2x1": unit(2, 1, **INT4, accumulator_depth=1),
    "2x2": unit(2, 2, **INT4, multiplier_stages=0),
    "4x3": unit(4, 3, **INT4, multiplier_stages=3, accumulator_depth=3),
    "10x9": unit(10, 9, **INT4, adder_stages=2),
    "14x1": unit(14, 1, **INT4, multiplier_stages=0),
    "uint4 by int4": unit(4, 4, inner_product="packed", activation="uint4", weight="int4"),
    "int4 by uint4": unit(
        *(4, 3), inner_product="packed", activation="int4", weight="uint4", multiplier_stages=3
    ),
    "uint5 by uint5": unit(
        *(6, 2), inner_product="packed", activation="uint5", weight="uint5", adder_stages=3
    ),
    "int6 by int4": unit(2, 3, inner_product="packed", activation="int6", weight="int4"),
    "int1 by uint1": unit(
        4,
        2,
        inner_product="packed",
        activation="int1",
        weight="uint1",
        accumulator_width=8,
        multiplier_stages=2,
    ),
    "int5 into 8 bits": unit(
        *(4, 2), inner_product="packed", activation="int5", weight="int5", accumulator_width=8
    ),
    "20 of 33 columns soft": unit(4, 33, **INT4, soft_columns=20, multiplier_stages=4),
}
CHECKED = {
    "5x7": unit(5, 7, checksum=True),
    "1x2": unit(1, 2, checksum=True, accumulator_depth=1, multiplier_stages=0),
    "2x17": unit(2, 17, checksum=True, accumulator_width=8, adder_stages=2),
    "9x2": unit(9, 2, checksum=True, multiplier_stages=4, soft_columns=1),
    "uint8 by int8": unit(4, 3, checksum=True, activation="uint8", adder_stages=3),
    "6x5 fast": unit(6, 5, checksum=True, inner_product="fast", adder_stages=2),
    "2x2 fast": unit(
        *(2, 2), checksum=True, inner_product="fast", accumulator_depth=1, multiplier_stages=0
    ),
    "4x12 fast": unit(
        4,
        12,
        checksum=True,
        inner_product="fast",
        activation="uint3",
        weight="int16",
        accumulator_width=21,
        multiplier_stages=3,
    ),
    "int2 by uint1": unit(
        *(3, 2), checksum=True, activation="int2", weight="uint1", accumulator_width=8
    ),
    "uint16 by uint16": unit(
        2, 3, checksum=True, activation="uint16", weight="uint16", accumulator_width=64
    ),
}
LARGE = {
    "32x32": unit(32, 32, accumulator_depth=512),
    "64x64": unit(64, 64, accumulator_depth=512),
    "17x64": unit(17, 64, accumulator_depth=100),
    "64x5": unit(64, 5, accumulator_depth=512, adder_stages=2),
}
