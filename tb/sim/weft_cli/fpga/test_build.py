"""FPGA builds: bitstreams for every board, units that do not fit, reports, and the table."""

import dataclasses
import json
import math
import re
import shutil

import pytest

from weft.boards import BOARDS
from weft.core.core_config import SMALL, ULX3S
from weft_cli.fpga import command, table
from weft_cli.fpga.build import BoardDesign, BuildFailed, Job, build, design_key
from weft_cli.fpga.families import count
from weft_cli.fpga.report import critical_path, frequency, plain_name
from weft_sim.toolchain import build_root


def job(board="icebreaker", rows=2, columns=2, **changes):
    chosen = BOARDS[board]
    config = dataclasses.replace(chosen.config, rows=rows, columns=columns, **changes)
    return Job(board=chosen, config=config, clock_mhz=chosen.clock_mhz, baud=chosen.baud, seed=1)


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_builds(board):
    """A 2x2 unit: the bitstream exists, the report matches the netlist, timing is met."""
    design = BoardDesign.of(job(board))
    folder = build_root() / "tests" / f"fpga-{board}"
    shutil.rmtree(folder, ignore_errors=True)
    report = build(design, folder)
    assert json.loads((folder / "report.json").read_text()) == report
    assert (folder / report["result"]).stat().st_size > 1000
    names = {"board", "rows", "columns", "options", "lut", "ff", "dsp", "bram", "seed", "tools"}
    assert names | {"fmax_mhz", "peak_gmac_per_second"} <= set(report)
    assert report["dsp"] == {"icebreaker": 2, "tang-nano-9k": 2}.get(board, 4)
    cells = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
    is_flip_flop = re.compile(r"TRELLIS_FF|SB_DFF|DFF|FD[RCSP]E").match
    assert report["ff"] == sum(n for kind, n in cells.items() if is_flip_flop(kind)) > 300
    assert 300 < report["lut"] < BOARDS[board].luts
    assert 0 < report["bram"] <= BOARDS[board].block_memories
    if report["fmax_mhz"] is None:
        assert BOARDS[board].family == "xc7"
        script = (folder / "weft_board.tcl").read_text()
        for name in ("host.v", "weft_board.v"):
            assert re.search(rf"(?m)^add_files .*\b{re.escape(name)}", script), name
        return
    assert report["timing_met"], report["critical_path"]
    assert report["peak_gmac_per_second"] == round(4 * report["fmax_mhz"] / 1000, 2)
    # An unchanged design is not built again.
    assert build(design, folder, lambda step: pytest.fail(f"{step} was run again")) == report


def test_a_clock_that_is_not_met_is_an_error(monkeypatch, tmp_path, capsys):
    """The command fails and names both frequencies, but still prints the report."""
    report = build_report(fmax_mhz=29.5, timing_met=False, peak_gmac_per_second=0.12)
    monkeypatch.setattr(command, "build", lambda design, folder, progress: report)
    with pytest.raises(BuildFailed, match=r"clock of 30 MHz is too fast: the maximum is 29\.5 MHz"):
        command.build_and_show(job(), tmp_path)
    assert "0.12 GMAC/s" in capsys.readouterr().out


def test_without_open_tools_the_command_names_the_next_step(monkeypatch, tmp_path, capsys):
    report = build_report(fmax_mhz=None, result="weft_board.tcl")
    monkeypatch.setattr(command, "build", lambda design, folder, progress: report)
    command.build_and_show(job("arty-a7-35"), tmp_path)
    text = " ".join(capsys.readouterr().out.split())
    assert f"Run `vivado -mode batch -source weft_board.tcl` in {tmp_path}" in text


def build_report(**changes):
    counts = {"lut": 900, "ff": 800, "dsp": 2, "bram": 4}
    of_place = {"clock_mhz": 30, "seed": 1, "baud": 1_000_000, "critical_path": "from a to b: 1 ns"}
    return {**counts, **of_place, "result": "weft_board.bin", **changes}


INT4 = {"inner_product": "packed", "activation": "int4", "weight": "int4"}
NOT_BUILT = {
    "multipliers": (
        lambda: job("ulx3s-85f", 16, 16),
        "16x16 needs 256 multipliers, but the LFE5U-85F-6BG381 has 156; "
        "the largest square array of int8 by int8 with the plain inner product is 12x12; "
        "with soft_columns = 7 there are enough multipliers",
    ),
    "fast": (
        lambda: job("ulx3s-85f", 26, 12, inner_product="fast"),
        "26x12 needs 169 multipliers, but the LFE5U-85F-6BG381 has 156; "
        "the largest square array of int8 by int8 with the fast inner product is 16x16; "
        "with soft_columns = 1 there are enough multipliers",
    ),
    "packed": (
        lambda: job("ulx3s-85f", 26, 13, **INT4),
        "26x13 needs 169 multipliers, but the LFE5U-85F-6BG381 has 156; "
        "the largest square array of int4 by int4 with the packed inner product is 16x16; "
        "with soft_columns = 1 there are enough multipliers",
    ),
    "packed, two of 9 bits in a block": (
        lambda: job("tang-nano-9k", 8, 6, **INT4),
        "8x6 needs 24 multipliers, but the GW1NR-LV9QN88PC6/I5 has 20; "
        "the largest square array of int4 by int4 with the packed inner product is 6x6; "
        "with soft_columns = 1 there are enough multipliers",
    ),
    "too high": (
        lambda: job("icebreaker", 9, 1),
        "9x1 needs 18 multipliers, but the iCE40UP5K-SG48 has 16; "
        "the largest square array of int8 by int8 with the plain inner product is 4x4; "
        "with soft_columns = 1 there are enough multipliers",
    ),
    "rows of an odd length": (
        lambda: job("icebreaker", 5, 3),
        "5x3 needs 20 multipliers, but the iCE40UP5K-SG48 has 16; "
        "the largest square array of int8 by int8 with the plain inner product is 4x4; "
        "with soft_columns = 1 there are enough multipliers",
    ),
    "fast and too high": (
        lambda: job("tang-nano-9k", 84, 1, inner_product="fast"),
        "84x1 needs 84 multipliers, but the GW1NR-LV9QN88PC6/I5 has 40; "
        "the largest square array of int8 by int8 with the fast inner product is 8x8",
    ),
}


@pytest.mark.parametrize("make, sentence", NOT_BUILT.values(), ids=NOT_BUILT)
def test_too_many_multipliers_are_refused_before_any_work(make, sentence):
    with pytest.raises(BuildFailed) as refusal:
        make()
    assert str(refusal.value) == sentence


def test_a_netlist_that_does_not_fit_is_refused_before_placement(tmp_path):
    design = BoardDesign.of(job("icebreaker", 2, 4, accumulator_depth=2048))
    steps = []
    with pytest.raises(
        BuildFailed, match=r"2x4 needs \d+ block memories, but the iCE40UP5K-SG48 has"
    ):
        build(design, tmp_path, steps.append)
    assert steps == ["synthesis"]
    assert not (tmp_path / "report.json").exists()


OUT_OF_RANGE = [("clock_mhz", -1.0), ("clock_mhz", math.inf), ("clock_mhz", math.nan)]
OUT_OF_RANGE += [("clock_mhz", 0.0), ("baud", 0), ("baud", 7), ("seed", -1)]


@pytest.mark.parametrize("field, value", OUT_OF_RANGE)
def test_numbers_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match="must be"):
        dataclasses.replace(job(), **{field: value})


def test_the_key_changes_with_the_design():
    key = BoardDesign.of(job()).key
    assert BoardDesign.of(job()).key == key
    assert BoardDesign.of(job(accumulator_depth=64)).key != key
    assert BoardDesign.of(dataclasses.replace(job(), seed=2)).key != key


def test_source_lines_do_not_change_the_key(monkeypatch):
    """The RTLIL names the source file and line of each part."""
    design = BoardDesign.of(job())
    text = design.files["weft_board.il"]
    assert text.count(b"attribute \\src ") > 10
    moved = {**design.files, "weft_board.il": text.replace(b"board_top.py:", b"elsewhere.py:1")}
    assert moved != design.files
    assert design_key(design.job, moved, design.sites, design.tools) == design.key
    other = {**design.files, "weft_board.il": text + b"\n"}
    assert design_key(design.job, other, design.sites, design.tools) != design.key


def test_stale_files_in_the_folder_do_not_affect_a_build(tmp_path):
    """A board whose top is RTLIL, then one whose top is Verilog, in one folder."""
    (tmp_path / "weft_board.il").write_text("no RTLIL at all")
    report = build(BoardDesign.of(job("arty-a7-35")), tmp_path)
    assert report["dsp"] == 4


@pytest.mark.parametrize("address", ["nonsense", "tcp://host:port", "tcp://host"])
def test_a_malformed_scheduler_address_is_refused(address):
    with pytest.raises(ValueError, match="a scheduler address must look like tcp://host:8786"):
        table.make_table(address)


def step(kind, delay, start, end):
    return {"type": kind, "delay": delay, "from": {"cell": start}, "to": {"cell": end}}


def test_the_critical_path_is_described():
    """The longest path within a clock domain; paths to pins do not count."""
    start, end = "host.unit.row_TRELLIS_FF_Q_65", "host.unit.begun_TRELLIS_FF_Q_3"
    short = [step("clk-to-q", 0.5, start, start), step("routing", 1.0, start, start)]
    lut = "host.unit.row_LUT4_A_Z"
    long = [*short, step("logic", 0.25, lut, lut), step("routing", 2.0, lut, end)]
    pin = [step("routing", 9.0, start, "tx")]
    report = {
        "critical_paths": [
            {"from": "clk", "to": "clk", "path": short},
            {"from": "clk", "to": "clk", "path": long},
            {"from": "clk", "to": "<async>", "path": pin},
        ],
        "fmax": {"clk": {"achieved": 150.0}, "slow": {"achieved": 100.0}},
    }
    assert critical_path(report) == (
        "from unit.row to unit.begun: 3.8 ns, 0.8 of logic (1 elements) and 3.0 of routing"
    )
    assert frequency(report) == 100.0


NAMES = {
    "host.unit.a.row_TRELLIS_FF_Q_65": "unit.a.row",
    "host.link.fsm_state_DFFRE_Q_3": "link.fsm_state",
    "host.unit.beat_SB_DFFESR_Q_3_D_SB_LUT4_O_I3_SB_LUT4_O_LC": "unit.beat",
    "$gbuf_host.unit.x_SB_DFFE_Q_E": "unit.x",
    "host.unit.bank_0.sums.blocks.block_0": "unit.bank_0.sums.blocks.block_0",
    "host.unit.sum_TRELLIS_FF_Q_1_DI_CCU2C_S0$CCU2_COMB0": "unit.sum",
}


@pytest.mark.parametrize("cell, name", NAMES.items())
def test_registers_are_named_as_in_the_source(cell, name):
    assert plain_name(cell) == name


def test_cells_are_counted_by_type_and_weight():
    cells = {"LUT4": 10, "CCU2C": 3, "TRELLIS_FF": 7, "LUT": 1}
    assert count(cells, {"LUT4": 1, "CCU2C": 2}) == 16
    assert count({"MULT9X9": 3}, {"MULT9X9": 0.5}) == 2


def test_a_core_is_built_like_its_matrix_unit():
    """It has a folder of its own, and the limits of its matrix unit."""
    board = BOARDS["ulx3s-85f"]
    asked = {"board": board, "clock_mhz": 100, "baud": board.baud, "seed": 1}
    built = Job(config=ULX3S, **asked)
    assert (built.name, built.size, built.unit) == ("ulx3s-85f-core-8x8", "8x8", ULX3S.matrix)
    with pytest.raises(BuildFailed, match="16x16 needs 256 multipliers"):
        Job(config=SMALL, **asked)
    fast = [job for job in table.jobs() if job.core and job.unit.rows == 16]
    assert {job.unit.inner_product for job in fast} == {"fast"}


@pytest.fixture
def two_points(monkeypatch, tmp_path):
    """A table of two points with instant fake builds, on workers in this process."""
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    monkeypatch.setattr(table, "POINTS", (("icebreaker", 24, ((1, 1), (2, 1)), {}),))
    monkeypatch.setattr(table, "CORE_POINTS", ())
    monkeypatch.setattr(table, "WORKERS", {**table.WORKERS, "n_workers": 1, "processes": False})
    log = tmp_path / "built"

    def measure(design):
        with log.open("a") as built:
            built.write(f"{design.key}\n")
        config = design.job.config
        report = {"board": "icebreaker", "rows": config.rows, "columns": config.columns}
        if config.rows == 2 and design.job.seed == 3:
            return {**report, "seed": 3, "key": design.key, "failed": "too large"}
        return {**report, "seed": design.job.seed, "key": design.key, "fmax_mhz": 30, "seconds": 1}

    monkeypatch.setattr(table, "measure", measure)
    return log


def test_the_table_resumes(two_points, capsys):
    """Finished builds are kept; missing and failed ones are built."""
    reports = table.make_table(None)
    assert len(reports) == len(two_points.read_text().split()) == 6
    (failed,) = (r for r in reports if "failed" in r)
    assert failed["failed"] == "too large"
    lost = next(table.folder().glob("*.json"))
    lost.unlink()
    assert len(table.make_table(None)) == 6
    assert set(two_points.read_text().split()[6:]) == {lost.stem, failed["key"]}
    assert "4 of 6 builds are already done" in capsys.readouterr().out
