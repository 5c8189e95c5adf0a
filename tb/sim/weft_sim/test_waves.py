"""The views of a trace: complete and correct, with signals that exist."""

import itertools
import re
from dataclasses import replace

import pytest

from benches.repository import DOCS
from benches.runner import needs_waves
from benches.waves import (
    ON_ICARUS,
    PERIOD,
    SEED,
    as_shown,
    check_signals,
    demo,
    in_trace,
    saved_signals,
)
from weft import SMALL, TINY, Activity, Error, MatrixUnitConfig
from weft.array.packed_array import PackedArray
from weft.matrix.admission import Admission
from weft.matrix.layouts import ACTIVITY_SENTENCES
from weft_model.reference import matmul
from weft_sim import scopes, toolchain, wave_groups, waves
from weft_sim.trace import Trace

# Shapes at which signals could vanish from the Verilog, or paths take another form.
CORNERS = {
    "1x1": MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1),
    "1x3": MatrixUnitConfig(rows=1, columns=3, activation="uint5", weight="int1"),
    "3x1": MatrixUnitConfig(rows=3, columns=1, adder_stages=4, multiplier_stages=0),
    "2x1 fast": MatrixUnitConfig(rows=2, columns=1, inner_product="fast"),
    "2x1 packed": MatrixUnitConfig(
        rows=2,
        columns=1,
        activation="int4",  # type: ignore[arg-type]
        weight="uint4",  # type: ignore[arg-type]
        inner_product="packed",
    ),
    "6x3 packed": MatrixUnitConfig(
        rows=6,
        columns=3,
        activation="uint5",  # type: ignore[arg-type]
        weight="int4",  # type: ignore[arg-type]
        inner_product="packed",
        multiplier_stages=0,
        soft_columns=1,
    ),
    "3x8 checksum": MatrixUnitConfig(rows=3, columns=8, checksum=True),
    "4x2 fast checksum": MatrixUnitConfig(
        rows=4, columns=2, inner_product="fast", checksum=True, multiplier_stages=0
    ),
    "5x2 pieces": MatrixUnitConfig(
        rows=5,
        columns=2,
        activation="uint8,int16",  # type: ignore[arg-type]
        cell_width=8,
        zero_points=True,
    ),
    "18x3 fast": MatrixUnitConfig(rows=18, columns=3, activation="uint5", inner_product="fast"),
}
NESTED = MatrixUnitConfig(rows=10, columns=18, accumulator_depth=16)


def first_switch(config, trace):
    """Return when the first tile enters: after its rows are transferred, and after admission."""
    offered = next(time for time in trace.cycles if trace.value("s_axis_weights_tvalid", time))
    return offered + (config.rows + Admission.issue_latency) * PERIOD


def test_every_signal_named_is_in_the_trace(simulator):
    check_signals(TINY, simulator)


@ON_ICARUS
@pytest.mark.parametrize("config", CORNERS.values(), ids=CORNERS)
def test_every_signal_named_is_in_the_trace_of_corner_shapes(config, simulator):
    check_signals(config, simulator)


def test_markers_are_where_tiles_enter(simulator):
    views, trace = demo(TINY, simulator)
    first = first_switch(TINY, trace)
    rows = TINY.rows + 1
    assert views.switches == (first, first + rows * PERIOD)
    zoom, marker, *named = re.search(r"(?m)^\*(.*)$", views.gtkwave.read_text())[1].split()
    assert float(zoom) < 0
    assert (int(marker), [int(time) for time in named]) == (-1, [*views.switches, *[-1] * 24])
    markers = re.findall(r"(?m)^marker_set (\S+) (\d+)$", views.surfer.read_text())
    assert markers == [("tile_0", str(first)), ("tile_1", str(first + rows * PERIOD))]


def test_cells_follow_the_model(simulator):
    """Weight, activation and sum of every cell in every cycle that a row passes it."""
    _, trace = demo(TINY, simulator)
    a, b = (operand.astype(int) for operand in waves.demo_operands(TINY, SEED))
    height, stages = TINY.rows, TINY.multiplier_stages
    start = first_switch(TINY, trace)
    for (r, c), scope in scopes.cells(TINY).items():
        weight, activation, total = (
            f"{scope}.{signal}" for signal in ("weight", "activation_out", "sum_out")
        )
        for step in range(2 * len(a)):
            tile, m = divmod(step, len(a))
            k = slice(tile * height, tile * height + r + 1)
            time = start + (step + r + c + 1) * PERIOD
            assert trace.value(weight, time, signed=True) == b[k.stop - 1, c]
            assert trace.value(activation, time, signed=True) == a[m, k.stop - 1]
            later = time + (stages + 1) * PERIOD
            assert trace.value(total, later, signed=True) == a[m, k] @ b[k, c]


@ON_ICARUS
def test_packed_cells_follow_the_model(simulator):
    """Both numbers of the packed operands, as a view shows them, when the rows of a tile pass."""
    config = CORNERS["6x3 packed"]
    views, trace = demo(config, simulator)
    a, b = (operand.astype(int) for operand in waves.demo_operands(config, SEED))
    shown = {row.name: row for group in wave_groups.groups(config) for row in group.rows}
    start = views.switches[0] + PackedArray.edge_latency * PERIOD
    for pair, c, m in itertools.product(range(config.cell_rows), range(config.columns), range(2)):
        time = start + (pair + c + m + 1) * PERIOD
        upper, lower = b[2 * pair : 2 * pair + 2, c]
        first, second = a[m, 2 * pair : 2 * pair + 2]
        expected = {
            "upper, less one if lower < 0": upper - (lower < 0),
            "lower": lower,
            "first": first,
            "second, less one if first < 0": second - (first < 0),
        }
        cell = f"cell r{2 * pair} c{c}"
        got = {name: as_shown(trace, shown[f"{cell} {name}"], time) for name in expected}
        assert got == {name: str(value) for name, value in expected.items()}, cell


def test_the_walkthrough_in_the_docs_is_correct(simulator):
    """Every value in docs/waves.md is in the trace, and its matrices are those of the run."""
    page = (DOCS / "waves.md").read_text()
    claims = re.findall(r"(?m)^\| (\d+) \| ([^|]+) \| (\S+) \|$", page)
    assert len(claims) > 30
    _, trace = demo(TINY, simulator)
    rows = {row.name: row for group in wave_groups.groups(TINY) for row in group.rows}
    begins = {trace.value("counter_total", time): time for time in trace.cycles}
    for cycle, name, expected in claims:
        shown = as_shown(trace, rows[name], begins[int(cycle)])
        assert shown == expected, f"cycle {cycle}, {name}"

    a, b = waves.demo_operands(TINY, SEED)
    block = re.search(r"(?s)A =  4.*?```", page)[0]
    numbers = sorted(int(number) for number in re.findall(r"-?\d+", block))
    assert numbers == sorted([*a.ravel(), *b.ravel(), *matmul(TINY, a, b).ravel()])


@ON_ICARUS
def test_nested_scopes_are_the_right_rows_and_columns(simulator):
    config = NESTED
    views, trace = demo(config, simulator)
    a, b = waves.demo_operands(config, SEED)
    assert len(views.switches) == 2
    by_place = scopes.cells(config)
    assert set(by_place) == {(r, c) for r in range(10) for c in range(18)}
    for tile, start in enumerate(views.switches):
        for (r, c), scope in by_place.items():
            time = start + (r + c + 1) * PERIOD
            expected = b[tile * config.rows + r, c]
            assert trace.value(f"{scope}.weight", time, signed=True) == expected

    z = matmul(config, a, b)
    valid = [time for time in trace.cycles if trace.value("m_axis_results_tvalid", time) == 1]
    places, banks = scopes.result_columns(config), scopes.banks(config)
    assert len(valid) == len(z) and len(places) == len(banks) == config.columns
    for time, row in zip(valid, z, strict=True):
        assert [trace.value(f"{place}.o", time, signed=True) for place in places] == row.tolist()
    for column, bank in enumerate(banks):
        finished = [
            trace.value(f"{bank}.sum_out", time, signed=True)
            for time in trace.cycles
            if trace.value(f"{places[column]}.write_in", time) == 1
        ]
        assert finished == z[:, column].tolist()


@pytest.mark.large
def test_vcd_as_well(monkeypatch):
    """What Verilator writes where the headers of its FST writer are missing."""
    monkeypatch.setattr(toolchain, "fst_headers", lambda: False)
    directory = toolchain.build_root() / "tests" / "waves-vcd"
    views = waves.make_demo(TINY, directory, "verilator", SEED)
    trace = Trace(views.trace)
    assert views.trace.suffix == ".vcd"
    assert saved_signals(views) <= in_trace(trace)
    start = first_switch(TINY, trace)
    assert views.switches == (start, start + (TINY.rows + 1) * PERIOD)


def test_every_activity_and_error_is_decoded(simulator):
    views, _ = demo(TINY, simulator)
    activity, errors, sums = (path.read_text().splitlines() for path in views.translations)
    assert activity == [f"{member.value:x} {member.name}" for member in Activity]
    assert len(activity) == len(ACTIVITY_SENTENCES)
    assert len(errors) == 1 << len(Error)
    for error in Error:
        assert f"{error.value:02x} {error.name}" in errors
    assert "00 none" in errors and "03 SHORT_TILE LONG_TILE" in errors
    assert sums == ["0 -", "1 first", "2 last", "3 first last"]

    activity, errors, _ = (path.read_text().splitlines() for path in views.mappings)
    assert activity[:2] == ["Name = weft_activity", "Bits = 3"]
    assert activity[2:] == [f"0b{member.value:03b} {member.name}" for member in Activity]
    assert all(f"0b{error.value:0{len(Error)}b} {error.name}" in errors for error in Error)


def test_surfer_dresses_the_row_that_it_has_just_added(simulator):
    views, _ = demo(TINY, simulator)
    place = dict(zip("abcdefghijklmnop", "0123456789abcdef", strict=True))
    added = 0
    for line in views.surfer.read_text().splitlines():
        command, *argument = line.split(" ", 1)
        added += command in ("variable_add", "divider_add")
        assert not re.search(r"[#;]", line)
        if command == "item_focus":
            assert int("".join(place[letter] for letter in argument[0]), 16) == added - 1
    assert added > 100


def test_large_arrays_list_a_part_of_every_room():
    small, tiny = wave_groups.groups(SMALL), wave_groups.groups(TINY)
    assert [group.name for group in small] == [group.name for group in tiny]
    assert sum(len(group.rows) for group in small) < 250
    names = {row.name for group in small for row in group.rows}
    assert {"cell r0 c0 weight", "cell r0 c15 weight", "cell r15 c0 weight"} <= names
    assert {"cell r15 c15 weight", "cell r8 c8 weight"} <= names
    assert "cell r8 c9 weight" not in names


def test_formats_are_shown_with_their_sign():
    config = replace(TINY, activation="uint8")
    looks = {row.name: row.look for group in wave_groups.groups(config) for row in group.rows}
    assert looks["cell r1 c2 activation"] == looks["activations r0"] == "unsigned"
    assert looks["cell r1 c2 weight"] == looks["weights c0"] == looks["results c3"] == "signed"


def test_a_foreign_trace_is_refused(simulator):
    views, _ = demo(TINY, simulator)
    with pytest.raises(ValueError, match=r"has no signal weft_4x4\.unit\.array"):
        waves.make_views(views.trace, NESTED)


def test_a_missing_trace_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no trace .*/waves\.fst$"):
        waves.make_views(tmp_path / "waves.fst", TINY)


@pytest.mark.quick
def test_a_folder_may_have_any_name(simulator, tmp_path):
    """The trace is where it should be, and nothing else looks like one."""
    needs_waves(simulator)
    directory = tmp_path / "Prüfung 1, größer (é)"
    views = waves.make_demo(TINY, directory, simulator, SEED)
    assert views.trace.parent == directory and Trace(views.trace).switches()
    assert {path.stem for path in directory.iterdir() if path.suffix in (".fst", ".vcd")} == {
        "waves"
    }


def test_views_can_be_moved(simulator, tmp_path):
    """GTKWave takes the names from the folder of the save file if [savefile] begins like them."""
    needs_waves(simulator)
    waves.make_demo(TINY, tmp_path / "before", simulator, SEED)
    folder = (tmp_path / "before").rename(tmp_path / "after")
    text = (folder / "waves.gtkw").read_text()
    (savefile,) = re.findall(r'(?m)^\[savefile\] "(.*)"$', text)
    names = re.findall(r'(?m)^\[dumpfile\] "(.*)"$', text) + re.findall(r"(?m)^\^\d+ (.+)$", text)
    assert savefile == "././waves.gtkw" and len(set(names)) == 4
    for name in names:
        assert name.startswith("././") and (folder / name).is_file()
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in (".gtkw", ".sucl", ".txt", ""):
            assert str(tmp_path) not in path.read_text(errors="replace"), path


def fake_programs(folder, script, *names):
    folder.mkdir()
    for name in names:
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize("installed", [("surfer", "gtkwave"), ("gtkwave",)], ids=" ".join)
def test_the_viewer_is_surfer_or_gtkwave(installed, tmp_path, monkeypatch):
    views = waves.Views(tmp_path / "t.fst", tmp_path / "t.gtkw", tmp_path / "t.sucl", (), (), ())
    script = 'echo "$0 $@" > said; exec /bin/sleep 30'
    path = fake_programs(tmp_path / "bin", script, *installed)
    monkeypatch.setenv("PATH", path)
    viewer = waves.open_viewer(views)
    viewer.terminate()
    viewer.wait()
    program, *arguments = (tmp_path / "said").read_text().split()
    assert program.endswith(installed[0])
    surfer = [str(views.trace), "--command-file", str(views.surfer)]
    assert arguments == (surfer if "surfer" in installed else [str(views.gtkwave)])


def test_without_a_viewer_the_message_names_some(tmp_path, monkeypatch):
    views = waves.Views(tmp_path, tmp_path, tmp_path, (), (), ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"GTKWave \(apt install gtkwave.*Surfer.*VaporView"):
        waves.open_viewer(views)
    for code in (0, 3):  # GTKWave says 0 where there is no display
        path = fake_programs(tmp_path / f"bin{code}", f"exit {code}", "gtkwave")
        monkeypatch.setenv("PATH", path)
        with pytest.raises(RuntimeError, match=f"ended at once, with code {code}: is there a dis"):
            waves.open_viewer(views)
