"""Rough durations: larger work takes longer, and no figure promises more than is known."""

import pytest

from weft import MatrixUnitConfig
from weft_cli.durations import rough, simulation_build


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.1, "5 seconds"),
        (9, "10 seconds"),
        (44, "45 seconds"),
        (59, "60 seconds"),
        (61, "1 minute"),
        (100, "2 minutes"),
        (400, "7 minutes"),
    ],
)
def test_a_duration_is_rough(seconds, text):
    assert rough(seconds) == text


@pytest.mark.parametrize(
    ("side", "measured"), [(8, 6), (16, 9), (32, 11), (64, 18), (128, 35), (256, 127)]
)
def test_a_build_takes_about_what_was_measured(side, measured):
    """Figures of docs/performance.md."""
    text = simulation_build(MatrixUnitConfig(rows=side, columns=side))
    assert text.startswith(f"building the simulation of {side} x {side} cells, about ")
    number, unit = text.split()[-2:]
    assert 0.7 < int(number) * (60 if unit.startswith("minute") else 1) / measured < 1.7
