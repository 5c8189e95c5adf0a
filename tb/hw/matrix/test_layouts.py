"""Layouts: every error is at the bit of its value"""

import pytest
from amaranth.hdl import Const

from weft.matrix.layouts import Error, bit_of, error_bits


@pytest.mark.parametrize("error", Error)
def test_an_error_is_at_its_bit(error):
    assert 1 << bit_of(error) == error.value
    assert Const.cast(error_bits({error: Const(1, 1)})).value == error.value


def test_errors_that_are_not_given_are_zero():
    assert Const.cast(error_bits({})).value == 0
    assert len(error_bits({})) == len(Error)
