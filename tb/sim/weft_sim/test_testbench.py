"""Plain Verilog testbench: a unit passes on each simulator, and a broken unit fails"""

import os
import re
import subprocess

import pytest

from benches.repository import ROOT
from benches.runner import on_icarus, on_simulators
from weft.emit.export import write
from weft.matrix.config import MatrixUnitConfig
from weft_sim import toolchain
from weft_sim.emissions import emitted
from weft_sim.testbench import make_testbench, write_testbench

NAME = "npu"
UNITS = {
    "plain": MatrixUnitConfig(rows=4, columns=3, accumulator_depth=8),
    "fast": MatrixUnitConfig(rows=6, columns=2, inner_product="fast", soft_columns=1),
    "checksum": MatrixUnitConfig(rows=3, columns=4, weight="uint8", checksum=True),
    "odd widths": MatrixUnitConfig(
        rows=5, columns=7, activation="uint5", weight="int11", accumulator_width=21, adder_stages=3
    ),
    "one cell": MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1),
    "wide": MatrixUnitConfig(
        rows=17, columns=2, activation="uint16", weight="int16", accumulator_width=64
    ),
}
ON_VERILATOR = 4
# What docs/verilog.md gives for the make rules of the installed Verilator.
(MAKE_FLAGS,) = re.findall(r'export MAKEFLAGS="(.*)"', (ROOT / "docs" / "verilog.md").read_text())
PROGRAMS = {"icarus": "iverilog", "verilator": "verilator"}


@pytest.fixture
def run(simulator, tmp_path):
    """Write a unit, `change` its text, and run its testbench with the command from its header."""

    def run_testbench(config, change=lambda verilog: verilog) -> subprocess.CompletedProcess:
        if simulator not in PROGRAMS:
            pytest.skip("CXXRTL runs no testbench with delays")
        toolchain.prepare_environment()
        path = write(emitted(config, NAME), tmp_path)
        text = path.read_text()
        path.write_text(change(text))
        head = write_testbench(config, NAME, tmp_path).read_text()
        (command,) = re.findall(rf"(?m)^//   \$ ({PROGRAMS[simulator]} .*)$", head)
        # An optimized build takes many times as long as the run.
        flags = f"{MAKE_FLAGS} OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"
        return subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={**os.environ, "MAKEFLAGS": flags},
            capture_output=True,
            text=True,
        )

    return run_testbench


def replaced(pattern: str, by: str):
    """Return a function that replaces the first match in the text of a unit."""

    def change(verilog: str) -> str:
        changed, count = re.subn(pattern, by, verilog, count=1)
        assert count
        return changed

    return change


@on_simulators("config", UNITS, verilator=ON_VERILATOR)
def test_a_unit_passes(run, config):
    done = run(config)
    assert done.returncode == 0, done.stdout + done.stderr
    (verdict,) = re.findall(r"(?m)^(?:PASS|FAIL).*$", done.stdout)
    results, lanes, weights, activations, cycles = map(int, re.findall(r"\d+", verdict))
    assert verdict.startswith("PASS: ")
    assert (results, lanes, activations) == (24, config.columns, 48)
    assert weights % config.rows == 0 and weights >= 4 * config.rows
    assert cycles > weights


BREAKS = {
    "operator": (
        replaced(r"sum_in \+ ", "sum_in - "),
        r"row \d+ of Z, lane \d, which is column \d: got (-?\d+), expected (-?\d+)",
    ),
    "tlast": (
        replaced(r"assign m_axis_results_tlast = .*;", "assign m_axis_results_tlast = 1'b1;"),
        "row 0 of Z, tlast: got 1, expected 0",
    ),
    "hang": (
        replaced(r"assign weights__ready = .*;", "assign weights__ready = 1'b0;"),
        r"0 of 24 results after \d+ cycles",
    ),
    "error": (
        replaced(
            r"(?s)\.errors\(error_status\)(.*?\n  \);)", r".errors()\1 assign error_status = 4;"
        ),
        "error_status is 000100",
    ),
}


@on_simulators("change, sentence", BREAKS)
def test_a_broken_unit_fails(run, change, sentence):
    """It reports the first difference and a non-zero exit code."""
    done = run(UNITS["plain"], change)
    assert done.returncode != 0
    (verdict,) = re.findall(r"(?m)^(?:PASS|FAIL).*$", done.stdout)
    said = re.fullmatch(f"FAIL: {sentence}", verdict)
    assert said, verdict
    assert len(set(said.groups())) == len(said.groups())


def with_the_last_result_twice(verilog: str) -> str:
    again = """\
  wire valid;
  reg again;
  initial again = 0;
  always @(posedge aclk) again <= valid & m_axis_results_tready & m_axis_results_tlast;
  assign m_axis_results_tvalid = valid | again;
"""
    verilog = replaced(r"\(m_axis_results_tvalid\)", "(valid)")(verilog)
    return replaced(rf"(?m)^  {NAME}__matrix_unit", again + r"\g<0>")(verilog)


@on_icarus
def test_an_extra_result_fails(run):
    done = run(UNITS["plain"], with_the_last_result_twice)
    assert done.returncode != 0
    assert "FAIL: more than 24 results" in done.stdout


@on_icarus
def test_it_is_one_reproducible_file(run, tmp_path):
    """It reads no other file and sets no compiler directive."""
    config = UNITS["plain"]
    assert run(config).returncode == 0
    text = (tmp_path / f"{NAME}_tb.v").read_text()
    assert text == make_testbench(config, NAME) != make_testbench(config, NAME, seed=2)
    assert "$readmem" not in text and "`" not in text
    assert max(map(len, text.splitlines())) <= 100
