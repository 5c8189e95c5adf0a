"""The emitted Verilog as a product: plain, reproducible, described, usable elsewhere."""

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest

from benches.neighbours import DIRECTIVES
from benches.runner import needs_icarus, whole_yosys
from weft.core.axi_matrix_unit import port_documentation
from weft.emit.export import emit, write
from weft.emit.verilog import LINT_PROLOGUE
from weft.matrix.config import SMALL, TINY, MatrixUnitConfig
from weft.matrix.layouts import ACTIVITY_SENTENCES
from weft_cli.lint import CONFIGURATIONS, findings
from weft_sim import toolchain
from weft_sim.emissions import emitted

JOINED = MatrixUnitConfig(rows=20, columns=37)


def ports_of_verilog(verilog: str, module: str) -> dict[str, tuple[str, int]]:
    """Name to direction and bits, as the Verilog itself declares them."""
    heads = re.search(rf"(?ms)^module {module} \(\n(.*?)^\);", verilog)[1]
    found: dict[str, tuple[str, int]] = {}
    for item in heads.split(","):
        declared = re.fullmatch(r"\s*(input|output) (?:wire|reg) (?:\[(\d+):0\] )?(\w+)\s*", item)
        if declared:
            kind = declared[1], int(declared[2] or 0) + 1
        # A name alone is declared like the one before it.
        found[declared[3] if declared else item.strip()] = kind
    return found


@pytest.mark.parametrize("config", [TINY, JOINED, SMALL], ids=["4x4", "20x37", "16x16"])
def test_ports_are_as_documented(config):
    emission = emitted(config)
    documented = {
        name: (direction, bits) for name, (direction, bits, _) in port_documentation(config).items()
    }
    assert ports_of_verilog(emission.verilog, emission.name) == documented
    for name in documented:
        assert f" {name}\n" in emission.verilog.split("module", 1)[0], f"{name} in the header"


def test_each_counter_has_its_own_meaning():
    header = emitted(TINY).verilog.split("module", 1)[0]
    meanings = dict(re.findall(r"(?m)^//   output \[31:0\] counter_(\w+)\n//       (.*)$", header))
    assert meanings.pop("total") == "cycles since reset, wrapping"
    assert meanings == {
        activity.name.lower(): f"of these, {sentence}"
        for activity, sentence in ACTIVITY_SENTENCES.items()
    }


def test_text_is_plain_and_free_of_clutter():
    verilog = emitted(JOINED).verilog
    assert verilog.isascii()
    for clutter in ("(*", "src", "$auto", "yosys", "Yosys", str(toolchain.build_root().parent)):
        assert clutter not in verilog, clutter
    assert not re.search(r"/(home|root|tmp|usr|work)/", verilog)
    assert "rst" not in re.search(r"(?ms)^module \w+__cell \(.*?^endmodule", verilog)[0]


@pytest.mark.parametrize(
    "config, name, sentence",
    [
        ({"rows": 4}, None, r"config must be a MatrixUnitConfig, not \{'rows': 4\}"),
        (MatrixUnitConfig, None, "config must be a MatrixUnitConfig, not the class"),
        (TINY, 3, "name must be a module name, not 3"),
    ],
)
def test_illegal_arguments_of_emit_are_refused(config, name, sentence):
    with pytest.raises(TypeError, match=f"^{sentence}"):
        emit(config, name)


def test_illegal_arguments_of_write_are_refused(tmp_path):
    with pytest.raises(
        TypeError, match=r"^emission must be an Emission, as `emit` returns, not the class"
    ):
        write(MatrixUnitConfig, tmp_path)
    with pytest.raises(TypeError, match=r"^directory must be a path, not 3$"):
        write(emitted(TINY), 3)


def test_every_module_is_there_once_and_named_after_the_top():
    emission = emitted(JOINED, "mine")
    modules = re.findall(r"(?m)^module (\w+)", emission.verilog)
    assert len(modules) == len(set(modules)) == emission.description["modules"]
    assert all(module == "mine" or module.startswith("mine__") for module in modules)
    assert modules.count("mine__cell") == 1
    rows = [module for module in modules if "__systolic_row_" in module]
    assert sorted(rows) == ["mine__systolic_row_32", "mine__systolic_row_5"]


def test_same_bytes_on_a_second_run_and_with_any_hash_seed():
    script = "from weft import TINY; from weft.emit.export import emit; print(emit(TINY).verilog)"
    texts = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert texts == {emit(TINY).verilog + "\n"}


def test_json_describes_the_file(tmp_path):
    path = write(emitted(TINY, "tiny"), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiny.json", "tiny.v"]
    described = json.loads((tmp_path / "tiny.json").read_text())
    assert described["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert described["bytes"] == path.stat().st_size
    assert described["parameters"]["rows"] == 4
    assert described["parameters"]["activation"] == "int8"
    assert described["latency_cycles"] == 4 + 4 + 1 + 1 + 5
    assert described["check_latency_cycles"] == 0
    checked = emitted(MatrixUnitConfig(columns=9, checksum=True)).description
    assert checked["check_latency_cycles"] == 3 + 1 + 1
    assert described["ports"].keys() == port_documentation(TINY).keys()


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda c: f"{c.rows}x{c.columns}")
def test_lints_clean(config, tmp_path):
    assert findings(write(emitted(config), tmp_path)) == ""


def test_every_waiver_has_a_reason_and_ends_with_the_file():
    waivers = re.findall(r"(?m)^(.*)\n/\* verilator lint_off \w+ \*/$", LINT_PROLOGUE)
    assert all(re.fullmatch(r"// [A-Z].*\.", reason) for reason in waivers)
    verilog = emitted(TINY).verilog
    assert verilog.count("lint_off") == LINT_PROLOGUE.count("lint_off") == len(waivers)
    assert verilog.index("lint_save") < verilog.index("lint_off")
    assert verilog.endswith("endmodule\n\n/* verilator lint_restore */\n")
    assert "`" not in verilog, "a directive would apply to the files after it"


def test_lint_sees_a_defect(tmp_path):
    """The waivers do not hide an undriven signal."""
    verilog = emitted(TINY).verilog
    broken = re.sub(r"  assign admitted = .*;\n", "", verilog)
    assert broken != verilog
    path = tmp_path / "weft_4x4.v"
    path.write_text(broken)
    assert "UNDRIVEN" in findings(path)


def test_yosys_synthesizes_it(tmp_path):
    """For an ECP5: every cell's multiplier becomes a DSP, the sums block memory; no latch."""
    path = write(emitted(MatrixUnitConfig(rows=4, columns=4)), tmp_path)
    whole_yosys(
        f"read_verilog {path}",
        "synth_ecp5 -top weft_4x4",
        "check -assert",
        f"tee -o {tmp_path / 'cells.json'} stat -json -top weft_4x4",
    )
    cells = json.loads((tmp_path / "cells.json").read_text())["design"]["num_cells_by_type"]
    assert cells["MULT18X18D"] == 16
    assert cells["DP16KD"] >= 4
    assert not [kind for kind in cells if "LATCH" in kind.upper()]


@pytest.mark.parametrize("options", [[], ["-sv"]], ids=["verilog", "systemverilog"])
def test_yosys_finds_nothing_wrong(options, tmp_path):
    neighbour = tmp_path / "neighbour.v"
    neighbour.write_text(DIRECTIVES)
    path = write(emitted(JOINED), tmp_path)
    whole_yosys(
        f"read_verilog {' '.join(options)} {neighbour} {path}",
        "hierarchy -check -top weft_20x37",
        "proc",
        "check -assert",
    )


@pytest.mark.parametrize("neighbour_first", [True, False], ids=["after", "before"])
def test_verilator_accepts_it_next_to_files_with_directives(neighbour_first, tmp_path):
    """The other file sets a time scale and forbids implicit nets."""
    neighbour = tmp_path / "neighbour.v"
    neighbour.write_text("/* verilator lint_off STMTDLY */\n" + DIRECTIVES)
    path = write(emitted(JOINED), tmp_path)
    paths = (neighbour, path) if neighbour_first else (path, neighbour)
    # Neither module instantiates the other.
    assert findings("-Wno-MULTITOP", *paths) == ""


@pytest.mark.parametrize("language", ["2001", "2005", "2012"])
def test_icarus_finds_nothing_wrong(language, tmp_path):
    """Nor next to files with directives, apart from the time scale that these set."""
    needs_icarus()
    neighbour = tmp_path / "neighbour.v"
    neighbour.write_text(DIRECTIVES)
    path = write(emitted(JOINED), tmp_path)
    for files in [path], ["-Wno-timescale", neighbour, path]:
        command = ["iverilog", f"-g{language}", "-Wall", "-o", tmp_path / "out", *files]
        compiled = subprocess.run(command, capture_output=True, text=True)
        assert (compiled.returncode, compiled.stderr) == (0, "")


def test_one_design_can_contain_two_units(tmp_path):
    """The name of one unit begins with the name of the other."""
    paths = [write(emitted(TINY, name), tmp_path) for name in ("npu", "npu_cell")]
    assert findings("-Wno-MULTITOP", *paths) == ""
