"""Traces of MatrixUnitSimulator: the requested cycles, and no truncated file"""

import numpy as np
import pytest

from benches.disk import longest_file, make_device
from benches.operands import ONES
from weft import TINY, MatrixUnitConfig
from weft_sim import MatrixUnitSimulator
from weft_sim.trace import Trace


@pytest.mark.parametrize("window", [(0, 10**9), (20, 45)])
def test_a_trace_has_the_requested_cycles(window, tmp_path):
    unit = MatrixUnitSimulator(TINY, waves=True)
    ones = np.ones((30, 8), np.int8)
    path = tmp_path / "waves.vcd"
    run = unit.run([(ones, ones[:8, :4])], trace=path, window=window)
    trace = Trace(path)
    shown = min(window[1], run.cycles) - window[0]
    # A cycle begins with a rising edge; at the beginning of the trace the clock is already high.
    assert len(trace.cycles) in (shown, shown - 1)
    counted = [trace.value("counter_total", time) for time in trace.cycles]
    assert counted == list(range(counted[0], counted[0] + len(counted)))


@pytest.fixture(scope="module")
def traced():
    return MatrixUnitSimulator(MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1), waves=True)


def run_traced(unit, path):
    return unit.run([(np.ones((50, 1), int), ONES[:1, :1])], trace=path)


def test_a_truncated_trace_is_an_error(traced, tmp_path):
    """At any byte, including the last; the trace is removed."""
    path = tmp_path / "waves.vcd"
    run_traced(traced, path)
    size = path.stat().st_size
    for limit in (0, 1, size // 2, size - 1):
        with longest_file(limit), pytest.raises(OSError) as error:
            run_traced(traced, path)
        assert str(error.value) == f"{path} could not be written completely: the disk may be full"
        assert not path.exists()
    with longest_file(size):
        run_traced(traced, path)
    assert len(Trace(path).cycles) == traced.cycles


def test_a_full_device_is_not_removed(traced, tmp_path):
    full, null = make_device("full", tmp_path), make_device("null", tmp_path)
    with pytest.raises(OSError, match=f"{full} could not be written completely"):
        run_traced(traced, full)
    run_traced(traced, null)
    assert full.is_char_device() and null.is_char_device()


def test_a_trace_that_cannot_be_written_is_refused(traced, tmp_path):
    (tmp_path / "file").touch()
    places = {
        tmp_path: IsADirectoryError,
        tmp_path / "file" / "waves.vcd": NotADirectoryError,
        tmp_path / "file" / "below" / "waves.vcd": NotADirectoryError,
    }
    for path, kind in places.items():
        with pytest.raises(kind, match=str(tmp_path)):
            run_traced(traced, path)
    run_traced(traced, str(tmp_path / "new" / "folder" / "waves.vcd"))
    assert len(Trace(tmp_path / "new" / "folder" / "waves.vcd").cycles) == traced.cycles


def test_a_trace_ends_where_its_run_does(traced, tmp_path):
    """An interrupted run leaves the waves up to the interruption."""

    def interrupt(done, total):
        raise KeyboardInterrupt

    path, operands = tmp_path / "waves.vcd", [(np.ones((5000, 1), int), ONES[:1, :1])]
    with pytest.raises(KeyboardInterrupt):
        traced.run(operands, trace=path, progress=interrupt)
    assert len(Trace(path).cycles) == 1000
