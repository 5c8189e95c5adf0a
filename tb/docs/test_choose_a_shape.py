"""docs/choose_a_shape.md: its program prints what the page shows, and its formulas are exact."""

import contextlib
import dataclasses
import io
import re

import pytest

import shape_tables
from benches.repository import DOCS
from weft import SMALL
from weft.matrix.timing import MatrixUnitTiming
from weft_model import Schedule, lower_bound, predict

PAGE = (DOCS / "choose_a_shape.md").read_text()
LAYERS = shape_tables.LAYERS.values()


def unit(rows, columns):
    return dataclasses.replace(SMALL, rows=rows, columns=columns)


def test_program_prints_what_the_page_shows():
    code, shown = re.search(r"(?s)```python\n(.*?)```\n\n```\n(.*?)```", PAGE).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert printed.getvalue() == shown


@pytest.mark.parametrize("rows, columns", shape_tables.SHAPES)
def test_formula_is_exact_where_the_page_says_so(rows, columns):
    config = unit(rows, columns)
    checked = 0
    for m, k, n in LAYERS:
        if m > config.accumulator_depth and k > rows:
            continue
        tiles = -(-k // rows) * -(-n // columns)
        latency = MatrixUnitTiming.of(config).latency
        cycles = rows + (tiles - 1) * max(m, rows) + m + latency - 1
        assert cycles == predict(config, [Schedule(config, m, k, n)]).cycles
        checked += 1
    assert checked >= 4


@pytest.mark.parametrize("rows, columns", shape_tables.SHAPES)
def test_losses_explain_the_utilization(rows, columns):
    """The losses that remain are fill and drain."""
    config = unit(rows, columns)
    for m, k, n in LAYERS:
        k_tiles, n_tiles = -(-k // rows), -(-n // columns)
        cycles = predict(config, [Schedule(config, m, k, n)]).cycles
        used = m / max(m, rows) * k / (rows * k_tiles) * n / (columns * n_tiles)
        fill_and_drain = cycles - m * k * n / (rows * columns * used)
        assert fill_and_drain == pytest.approx(2 * rows + columns, abs=rows + 10)


def test_rules_of_thumb_state_the_right_factors():
    wide, tall = (
        predict(unit(*s), [Schedule(unit(*s), 8, 1024, 1024)]) for s in ((8, 32), (32, 8))
    )
    assert f"{tall.cycles / wide.cycles:.0f}" == "4"
    for rows, waste in (64, 23), (16, 8):
        assert round(100 * (1 - 147 / (rows * -(-147 // rows)))) == waste
    prediction = predict(unit(64, 64), [Schedule(unit(64, 64), 8, 1024, 1024)])
    assert round(100 * prediction.counters["loading_weights"] / prediction.cycles) == 87


@pytest.mark.parametrize("m", [16, 31, 33, 47, 65, 100, 1000])
def test_a_depth_of_two_r_hides_all_loads(m):
    config = dataclasses.replace(SMALL, accumulator_depth=2 * SMALL.rows)
    schedule = Schedule(config, m, 100, 50)
    assert predict(config, [schedule]).cycles == lower_bound(config, [schedule])
