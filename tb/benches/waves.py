"""Demonstrations of waves and their views, as a viewer would show them."""

import os
import re
from functools import cache

import pytest

from benches.runner import needs_waves
from weft_sim import toolchain, wave_groups, wave_rows, waves
from weft_sim.clock import PERIOD_NS
from weft_sim.trace import Trace

PERIOD = PERIOD_NS * 1000
SEED = 1

# Corner shapes and nested scopes come from the Verilog, which both simulators read.
ON_ICARUS = pytest.mark.parametrize(
    "simulator", ["icarus", pytest.param("verilator", marks=pytest.mark.large)], indirect=True
)


@cache
def demo(config, simulator):
    """Return a demonstration and its trace; each test process has its own."""
    needs_waves(simulator)
    process = os.environ.get("PYTEST_XDIST_WORKER", "")
    folder = f"waves-{config.rows}x{config.columns}-{simulator}{process}"
    directory = toolchain.build_root() / "tests" / folder
    views = waves.make_demo(config, directory, simulator, SEED)
    return views, Trace(views.trace)


def saved_signals(views):
    """Return every signal that the GTKWave save file names."""
    lines = views.gtkwave.read_text().splitlines()
    rows = [line for line in lines if line.startswith(("+{", "#{"))]
    return {re.sub(r"\[\d+:0\]$", "", name) for row in rows for name in signals_of(row)}


def signals_of(row):
    return [re.sub(r"^\(\d+\)", "", part) for part in row.split("} ", 1)[1].split()]


def surfer_signals(views):
    return set(re.findall(r"(?m)^variable_add (\S+)$", views.surfer.read_text()))


def in_trace(trace):
    return {f"{trace.top}.{path}" for path in trace.variables}


def check_signals(config, simulator):
    views, trace = demo(config, simulator)
    assert saved_signals(views) and saved_signals(views) <= in_trace(trace)
    assert surfer_signals(views) and surfer_signals(views) <= in_trace(trace)
    assert all(group.rows for group in wave_groups.groups(config))
    for path in (*views.translations, *views.mappings):
        assert path.is_file()


def as_shown(trace, row, time):
    """Return the text of a value in a viewer."""
    value = trace.value(row.path, time)
    width = trace.width(row.path)
    if row.low is not None:
        value, width = value >> row.low & ((1 << row.width) - 1), row.width
    if row.look in wave_rows.DECODERS:
        return wave_rows.DECODERS[row.look].texts[value]
    if row.look in wave_rows.FLOAT_LOOKS:
        return wave_rows.FLOAT_LOOKS[row.look].decoder({value}).texts[value]
    if row.look == "binary":
        return f"{value:0{width}b}"
    return str(value - (value >> (width - 1) << width) if row.look == "signed" else value)
