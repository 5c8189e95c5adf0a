"""Scopes: every cell, bank and result column of every kind of unit is found, and shown in waves."""

import itertools

import pytest

from benches.units import CHAINED, CHECKED, FAST, FLOATS, OPERANDS, PACKED
from weft_sim import scopes, wave_groups

UNITS = {
    f"{group} {name}": config
    for group, configs in (
        ("fast", FAST),
        ("packed", PACKED),
        ("checked", CHECKED),
        ("operands", OPERANDS),
        ("floats", FLOATS),
        ("chained", CHAINED),
    )
    for name, config in configs.items()
}


@pytest.mark.parametrize("config", UNITS.values(), ids=UNITS)
def test_everything_is_found(config):
    cells = scopes.cells(config)
    places = itertools.product(range(config.cell_rows), range(config.columns))
    assert set(cells) == set(places)
    assert len(set(cells.values())) == len(cells)
    # The bank of the checksum is in its column.
    assert len(scopes.banks(config)) == config.columns
    assert len(scopes.result_columns(config)) == config.result_columns
    names = [group.name for group in wave_groups.groups(config)]
    assert sum(name.startswith("array: ") for name in names) == 6
