"""MatrixUnitConfig: sums and results of floats, and what floats cannot have."""

import pytest

from weft.matrix.config import MatrixUnitConfig

FLOAT6 = {"activation": "float6_e3m2fn", "weight": "float6_e3m2fn"}


def test_sums_are_wide_enough():
    """By default for 2**17 products of floats, which never overflow."""
    widths = [
        MatrixUnitConfig(**formats).accumulator_width  # type: ignore
        for formats in (
            {},
            FLOAT6,
            {"activation": "int8", "weight": "float4_e2m1fn"},
            # In pieces, but the sum is that of whole numbers.
            {"activation": "int16", "weight": "float4_e2m1fn", "cell_width": 8},
        )
    ]
    assert widths == [32, 36, 32, 37]
    assert 1 << 34 < (1 << 17) * (28 << 4) ** 2 < 1 << 35
    assert 1 << 35 < (1 << 17) * (1 << 15) * (6 << 1) < 1 << 36
    for narrow in (1, 7):
        with pytest.raises(ValueError, match=f"must be an integer from 8 to 64, not {narrow}$"):
            MatrixUnitConfig(accumulator_width=narrow)
    sentence = "from 36 to 64, not 35: 131072 products of float6_e3m2fn and float6_e3m2fn must not"
    with pytest.raises(ValueError, match=sentence):
        MatrixUnitConfig(**FLOAT6, accumulator_width=35)  # type: ignore


@pytest.mark.parametrize(
    "formats, result, found",
    [
        ({}, "automatic", "int32"),
        (FLOAT6, "automatic", "float32"),
        (FLOAT6, "bfloat16", "bfloat16"),
        (FLOAT6, "integer", "int36"),
        ({}, "float32", "float32"),
    ],
)
def test_results_are_integers_or_floats(formats, result, found):
    config = MatrixUnitConfig(**formats, result=result)
    assert str(config.result_format) == found
    assert config.label.endswith(f"-> {found}")
    assert config.least_exponent == (-8 if formats else 0)


def test_float8_needs_floats_and_the_plain_inner_product():
    both = {"activation": "float8_e4m3fn", "weight": "float8_e4m3fn"}
    config = MatrixUnitConfig(**both)  # type: ignore
    assert (config.accumulator_width, config.arithmetic.flags) == (54, 1)
    with pytest.raises(ValueError, match="weight must be a float beside float8_e4m3fn, not int8"):
        MatrixUnitConfig(activation="float8_e4m3fn")  # type: ignore
    with pytest.raises(ValueError, match="inner_product must be plain for float8_e4m3fn"):
        MatrixUnitConfig(**both, inner_product="fast")  # type: ignore
    with pytest.raises(
        ValueError, match=r"plain for .*, not packed: such numbers take a whole multiplier$"
    ):
        MatrixUnitConfig(**both, inner_product="packed")  # type: ignore


@pytest.mark.parametrize(
    "weight, width, flags",
    [("float8_e5m2", 82, 2), ("float8_e4m3fn", 68, 2), ("float4_e2m1fn", 54, 2)],
)
def test_infinities_need_wide_sums_and_float_results(weight, width, flags):
    both = {"activation": "float8_e5m2", "weight": weight}
    config = MatrixUnitConfig(**both)  # type: ignore
    assert (config.accumulator_width, config.arithmetic.flags) == (width, flags)
    assert MatrixUnitConfig(**both, accumulator_width=96).most_products > 1 << 31  # type: ignore
    with pytest.raises(ValueError, match=f"from {width} to 96, not {width - 1}: 131072 products"):
        MatrixUnitConfig(**both, accumulator_width=width - 1)  # type: ignore
    sentence = f"result must be float32 or bfloat16 for float8_e5m2 and {weight}, not integer"
    with pytest.raises(ValueError, match=sentence):
        MatrixUnitConfig(**both, result="integer")  # type: ignore


def test_integer_sums_have_at_most_64_bits():
    with pytest.raises(
        ValueError, match="accumulator_width must be an integer from 8 to 64, not 65"
    ):
        MatrixUnitConfig(accumulator_width=65)
    with pytest.raises(ValueError, match="must be an integer from 54 to 64, not 65"):
        MatrixUnitConfig(
            activation="float8_e4m3fn",
            weight="float8_e4m3fn",
            accumulator_width=65,  # type: ignore
        )


def test_floats_have_no_zero_points():
    with pytest.raises(ValueError, match="activation float6_e3m2fn cannot have zero points"):
        MatrixUnitConfig(**FLOAT6, zero_points=True)  # type: ignore
