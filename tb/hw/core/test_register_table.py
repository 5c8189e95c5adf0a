"""The table of registers: every register once, in its group."""

import dataclasses

import pytest

from weft.core.core_config import TINY, BusConfig
from weft.core.errors import CoreError
from weft.core.register_table import (
    ADDRESS_WIDTH,
    ADDRESSES,
    GROUPS,
    REGISTERS,
    STATUS_FIELDS,
    CoreParameters,
)
from weft.core.reporter import REPORTER_SENTENCES, Reporter


def test_groups_do_not_overlap():
    ends = [first + 4 * len(group) for first, group in GROUPS.items()]
    assert all(end <= first for end, first in zip(ends, [*GROUPS][1:], strict=False))
    assert ends[-1] <= 1 << ADDRESS_WIDTH
    assert len(ADDRESSES) == len(REGISTERS) == sum(len(group) for group in GROUPS.values())


def test_constants_and_settings_have_32_bits():
    parameters = CoreParameters(
        config=dataclasses.replace(TINY, bus=BusConfig(address_width=64)), digest=0xFFFF_FFFF
    )
    for register in REGISTERS.values():
        for value in (register.constant, register.setting):
            assert value is None or 0 <= value(parameters) < 1 << 32, register.name
        assert not (register.constant and register.writable)


def test_fields_of_the_status_do_not_overlap():
    used = 0
    for field in STATUS_FIELDS.values():
        mask = ((1 << field.width) - 1) << field.low
        assert not used & mask
        used |= mask
    assert used < 1 << 32
    word = 1 << 1 | CoreError.MATRIX.value << STATUS_FIELDS["error"].low
    assert STATUS_FIELDS["error"].of(word) == CoreError.MATRIX.value
    assert str(STATUS_FIELDS["done"]).startswith("[1]: ")


def test_every_reporter_has_a_sentence():
    assert {*REPORTER_SENTENCES} == {*Reporter} - {Reporter.NONE}


@pytest.mark.parametrize(
    "wrong",
    [{"standstill_bits": 0}, {"digest": 1 << 32}, {"counter_width": 0}],
)
def test_parameters_are_checked(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        CoreParameters(config=TINY, **wrong)
