"""FloatFormat: every code of every operand format, against ml_dtypes and gfloat."""

import gfloat
import ml_dtypes
import numpy as np
import pytest
from gfloat import formats as judged

from weft.float_format import BFLOAT16, FLOAT32, OPERAND_FLOATS
from weft.formats import IntegerFormat, OperandFormats, parse_format

JUDGES = {
    "float6_e2m3fn": judged.format_info_ocp_e2m3,
    "float6_e3m2fn": judged.format_info_ocp_e3m2,
    "float4_e2m1fn": judged.format_info_ocp_e2m1,
    "float8_e4m3fn": judged.format_info_ocp_e4m3,
    "bfloat16": judged.format_info_bfloat16,
    "float8_e5m2": judged.format_info_ocp_e5m2,
}


def values_of(number) -> np.ndarray:
    """Return the value of each code, as ml_dtypes has it."""
    codes = np.arange(1 << number.width).astype(f"u{number.dtype.itemsize}")
    with np.errstate(invalid="ignore"):
        return codes.view(number.dtype).astype(np.float64)


def test_every_format_has_a_judge():
    assert JUDGES.keys() == OPERAND_FLOATS.keys()


@pytest.mark.parametrize("name", JUDGES)
def test_every_code_is_a_multiple_of_the_smallest_value(name):
    number = OPERAND_FLOATS[name]
    values = values_of(number)
    decoded = [gfloat.decode_float(JUDGES[name], code).fval for code in range(len(values))]
    assert np.array_equal(values, decoded, equal_nan=True)
    nans = {"finite": 0, "fn": 1, "ieee": (1 << number.fraction) - 1}
    assert np.isnan(values).sum() == 2 * nans[number.kind]
    assert np.isinf(values).sum() == 2 * (number.kind == "ieee")
    values = values[np.isfinite(values)]
    multiples = values / 2.0**number.least_exponent
    assert np.array_equal(multiples, np.rint(multiples))
    assert (multiples.max(), -multiples.min()) == (number.largest_integer,) * 2
    assert (values.max(), values.min()) == (number.maximum, number.minimum)
    assert np.abs(multiples[multiples != 0]).min() == 1
    assert number.width == 1 + number.exponent + number.fraction <= number.lane_width
    assert number.lane_width == (16 if number.chains else 8)


@pytest.mark.parametrize("number", [FLOAT32, BFLOAT16])
def test_result_formats_are_those_of_numpy(number):
    assert (number.dtype.name, 8 * number.dtype.itemsize) == (number.name, number.width)
    assert number.lane_width == number.width


@pytest.mark.parametrize("name", JUDGES)
def test_names_and_dtypes_are_parsed(name):
    number = OPERAND_FLOATS[name]
    for given in (name, number, number.dtype, number.dtype.type):
        assert parse_format(given) is number
    assert str(OperandFormats.parse(name)) == name


@pytest.mark.parametrize("number, dtype", [(FLOAT32, np.float32), (BFLOAT16, ml_dtypes.bfloat16)])
def test_nan_is_that_of_numpy(number, dtype):
    assert np.array(np.nan, dtype).view(f"u{number.width // 8}") == number.nan_code


def test_a_float_is_alone():
    sentence = "a float must be the only format of an operand, not one of int8, float4_e2m1fn"
    with pytest.raises(ValueError, match=sentence):
        OperandFormats.parse("int8,float4_e2m1fn")
    assert parse_format("int8") == IntegerFormat(8)
    names = ", ".join(OPERAND_FLOATS)
    for other in ("float32", "float16", "float8_e5m2fnuz", np.float32):
        with pytest.raises(ValueError, match=rf"^unknown number format .*, or one of {names}$"):
            parse_format(other)
