"""IntegerFormat: names, ranges and dtypes of every format, and rejected arguments."""

import numpy as np
import pytest
from amaranth import signed, unsigned

from weft.formats import IntegerFormat, OperandFormats, width_for

WIDTHS = range(1, 65)


@pytest.mark.parametrize("is_signed", [True, False])
def test_values_of_every_width(is_signed):
    """Range, shape, name and dtype of each width from 1 to 64 bits."""
    for width in WIDTHS:
        number = IntegerFormat(width, signed=is_signed)
        low, high = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if is_signed else (0, 2**width - 1)
        assert (number.minimum, number.maximum) == (low, high)
        assert number.shape == (signed(width) if is_signed else unsigned(width))
        assert str(number) == f"{'int' if is_signed else 'uint'}{width}"
        assert IntegerFormat.parse(str(number)) == number
        assert IntegerFormat.parse(number) is number


@pytest.mark.parametrize("is_signed", [True, False])
def test_dtype_is_the_smallest_that_holds_every_value(is_signed):
    family = [np.dtype(f"<{'i' if is_signed else 'u'}{size}") for size in (1, 2, 4, 8)]
    for width in WIDTHS:
        number = IntegerFormat(width, signed=is_signed)
        fitting = [
            dtype
            for dtype in family
            if np.iinfo(dtype).min <= number.minimum and number.maximum <= np.iinfo(dtype).max
        ]
        assert number.dtype == fitting[0]
        assert number.lane_width == 8 * fitting[0].itemsize


@pytest.mark.parametrize("width", [0, -1, 97, 8.0, "8", None, True, False])
def test_refuses_illegal_widths(width):
    with pytest.raises(
        ValueError, match=f"width of a format must be an integer from 1 to 96, not {width!r}"
    ):
        IntegerFormat(width)


def test_a_wide_sum_has_no_dtype():
    number = IntegerFormat(65)
    assert number.maximum == 2**64 - 1
    with pytest.raises(ValueError, match="int65 is too wide for a port"):
        _ = number.dtype


@pytest.mark.parametrize("signed", [0, 2, None, "yes"])
def test_refuses_a_sign_that_is_not_a_bool(signed):
    with pytest.raises(ValueError, match=f"signed must be True or False, not {signed!r}"):
        IntegerFormat(8, signed=signed)


@pytest.mark.parametrize(
    "text",
    ["", "int", "int0", "int08", "int65", "uint99", "int100", "INT8", " int8", "int8 ", "float8",
     "int-8", "int8\n", "uuint8", "int8.0", "sint8", 8, 8.0, None, True],
)  # fmt: skip
def test_refuses_unknown_names(text):
    with pytest.raises(ValueError, match=r"^unknown number format|^the width of a format must be"):
        IntegerFormat.parse(text)


def test_converts_numpy_scalars():
    number = IntegerFormat(np.int64(8), signed=np.bool_(False))
    assert (type(number.width), number.signed) == (int, False)
    assert number == IntegerFormat(8, signed=False)


@pytest.mark.parametrize(
    "given", [np.float32, np.bool_, np.integer, np.generic, int, np.dtype("m8")]
)
def test_refuses_types_without_an_integer_width(given):
    with pytest.raises(ValueError, match=r"^unknown number format "):
        IntegerFormat.parse(given)


def test_width_for_is_minimal_and_sufficient():
    """Checks all pairs of small numbers and of numbers near powers of two against a search."""
    edges = [sign * 2**power for sign in (1, -1) for power in range(6, 63, 8)]
    numbers = sorted({*range(-40, 41), *(edge + more for edge in edges for more in (-1, 0, 1))})
    for low in numbers:
        for high in (n for n in numbers if n >= low):
            width = width_for(low, high)
            assert holds(width, low, high), (low, high)
            assert width == 1 or not holds(width - 1, low, high), (low, high)


def holds(width: int, low: int, high: int) -> bool:
    return -(2 ** (width - 1)) <= low and high < 2 ** (width - 1)


@pytest.mark.parametrize(
    "given",
    [
        "int8,uint8",
        ("int8", np.uint8),
        [IntegerFormat(8), "uint8"],
        OperandFormats.parse("int8,uint8"),
    ],
)
def test_sets_of_formats(given):
    formats = OperandFormats.parse(given)
    assert str(formats) == "int8,uint8"
    assert (formats.default, formats.named(np.uint8)) == tuple(formats)


@pytest.mark.parametrize(
    "given, sentence",
    [
        ([], "an operand has 1 to 4 formats, not none"),
        ("int1,int2,int3,int4,int5", "an operand has 1 to 4 formats, not int1, int2, int3, int4"),
        ("int8,uint8,int8", "a format is listed twice: int8, uint8, int8"),
        ("int8,", "unknown number format ''"),
        (("int8", 8), "unknown number format 8"),
        ({"int8"}, "unknown number format"),
    ],
)
def test_refuses_other_sets(given, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        OperandFormats.parse(given)


def test_refuses_a_format_that_is_not_in_the_set():
    with pytest.raises(ValueError, match=r"^int4 must be one of the formats of the unit, int8$"):
        OperandFormats.parse("int8").named("int4")
