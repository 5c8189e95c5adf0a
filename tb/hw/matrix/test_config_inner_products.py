"""MatrixUnitConfig: the inner products, and the operands that each can multiply."""

import itertools

import pytest

from weft.matrix.config import MatrixUnitConfig


def test_inner_product_is_plain_fast_or_packed():
    assert MatrixUnitConfig().inner_product == "plain"
    for value in ("", "Fast", "slow", True, None, 2):
        with pytest.raises(ValueError) as refusal:
            MatrixUnitConfig(inner_product=value)
        assert str(refusal.value) == (
            f"inner_product must be plain or fast or packed, not {value!r}"
        )


def test_fast_inner_product_takes_rows_in_pairs():
    for rows in (2, 4, 256):
        assert MatrixUnitConfig(rows=rows, inner_product="fast").cell_rows == rows // 2
        assert MatrixUnitConfig(rows=rows).cell_rows == rows
    for rows in (1, 3, 255):
        sentence = f"rows must be even for the fast inner product, not {rows}"
        with pytest.raises(ValueError, match=sentence):
            MatrixUnitConfig(rows=rows, inner_product="fast")


PACKS = [
    *(("int4", "int4", {}), ("uint5", "uint5", {}), ("int1", "uint1", {}), ("int6", "int4", {})),
    *(("float4_e2m1fn", "int5", {}), ("int4", "uint4", {"zero_points": True})),
    ("int16", "uint8", {"cell_width": 4}),
]
DOES_NOT_PACK = [
    *(("int8", "int8", {}), ("int6", "int6", {}), ("uint6", "uint4", {}), ("int3", "int7", {})),
    *(("float6_e2m3fn", "int5", {}), ("int5", "int5", {"zero_points": True})),
    ("int5,uint5", "int5,uint5", {}),
]


@pytest.mark.parametrize("activation, weight, options", PACKS)
def test_packed_inner_product_takes_narrow_numbers(activation, weight, options):
    config = MatrixUnitConfig(
        activation=activation, weight=weight, inner_product="packed", **options
    )
    shapes = config.multiplication.operand_shapes(config.arithmetic)
    assert max(shape.width for shape in shapes) <= 18
    assert config.cell_rows == config.rows // 2
    assert config.multiplication.multipliers(rows=16, columns=9) == 72


@pytest.mark.parametrize("activation, weight, options", DOES_NOT_PACK)
def test_packed_inner_product_refuses_wide_numbers(activation, weight, options):
    zero_points = " with zero points" if options else ""
    sentence = (
        f"inner_product must be plain or fast for {activation} and {weight}{zero_points}, not "
        "packed: two packed numbers must fit 18 bits, as those of at most 5 bits do, or of at most "
        "4 bits with zero points or mixed signs"
    )
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        MatrixUnitConfig(activation=activation, weight=weight, inner_product="packed", **options)


def test_packed_inner_product_takes_every_pair_of_formats_of_5_bits():
    formats = [f"{sign}int{width}" for sign in ("", "u") for width in range(1, 6)]
    for activation, weight in itertools.product(formats, formats):
        MatrixUnitConfig(activation=activation, weight=weight, inner_product="packed")
        if "5" not in activation + weight:
            MatrixUnitConfig(
                activation=activation, weight=weight, inner_product="packed", zero_points=True
            )


def test_packed_inner_product_has_pairs_of_rows_and_no_checksums():
    int4 = {"activation": "int4", "weight": "int4", "inner_product": "packed"}
    with pytest.raises(
        ValueError, match=r"^rows must be even for the packed inner product, not 3$"
    ):
        MatrixUnitConfig(rows=3, **int4)
    sentence = "checksum must be off for the packed inner product: sums of weights are too wide to"
    with pytest.raises(ValueError, match=sentence):
        MatrixUnitConfig(checksum=True, **int4)
    with pytest.raises(ValueError, match="inner_product must be plain for bfloat16 and bfloat16"):
        MatrixUnitConfig(activation="bfloat16", weight="bfloat16", inner_product="packed")
