"""The emitted Verilog as a product: plain, reproducible, described, usable elsewhere."""

import hashlib
import json
import os
import re
import subprocess
import sys

import pytest

from benches.runner import needs_icarus, whole_yosys
from weft.core.axi_matrix_unit import port_documentation
from weft.emit.export import emit, write
from weft.matrix.config import SMALL, TINY, MatrixUnitConfig
from weft_cli.lint import CONFIGURATIONS, findings
from weft_sim import toolchain
from weft_sim.simulator import WAIVERS

HALVED = MatrixUnitConfig(rows=20, columns=17)


def ports_of_verilog(verilog: str, module: str) -> dict[str, tuple[str, int]]:
    """Name to direction and bits, as the Verilog itself declares them."""
    heads = re.search(rf"(?ms)^module {module} \(\n(.*?)^\);", verilog)[1]
    found = re.findall(r"(?m)^  (input|output) (?:reg )?(?:\[(\d+):0\] )?(\w+)", heads)
    return {name: (direction, int(high or 0) + 1) for direction, high, name in found}


@pytest.mark.parametrize("config", [TINY, HALVED, SMALL], ids=["4x4", "20x17", "16x16"])
def test_ports_are_as_documented(config):
    emission = emit(config)
    documented = {
        name: (direction, bits) for name, (direction, bits, _) in port_documentation(config).items()
    }
    assert ports_of_verilog(emission.verilog, emission.name) == documented
    for name in documented:
        assert f" {name}\n" in emission.verilog.split("module", 1)[0], f"{name} in the header"


def test_text_is_plain_and_free_of_clutter():
    verilog = emit(HALVED).verilog
    assert verilog.isascii()
    for clutter in ("(*", "src", "$auto", "yosys", "Yosys", str(toolchain.build_root().parent)):
        assert clutter not in verilog, clutter
    assert not re.search(r"/(home|root|tmp|usr|work)/", verilog)
    assert "rst" not in re.search(r"(?ms)^module \w+_cell \(.*?^endmodule", verilog)[0]


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
        write(emit(TINY), 3)


def test_every_module_is_there_once_and_named_after_the_top():
    emission = emit(HALVED, "mine")
    modules = re.findall(r"(?m)^module (\w+)", emission.verilog)
    assert len(modules) == len(set(modules)) == emission.description["modules"]
    assert all(module == "mine" or module.startswith("mine_") for module in modules)
    assert modules.count("mine_cell") == 1
    rows = [module for module in modules if "_systolic_row_" in module]
    assert sorted(rows) == ["mine_systolic_row_1", "mine_systolic_row_16"]


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
    path = write(emit(TINY, "tiny"), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiny.json", "tiny.v"]
    described = json.loads((tmp_path / "tiny.json").read_text())
    assert described["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert described["bytes"] == path.stat().st_size
    assert described["parameters"]["rows"] == 4
    assert described["parameters"]["activation"] == "int8"
    assert described["latency_cycles"] == 4 + 4 + 1 + 1 + 5
    assert described["check_latency_cycles"] == 0
    checked = emit(MatrixUnitConfig(columns=9, checksum=True)).description
    assert checked["check_latency_cycles"] == 3 + 1 + 1
    assert described["ports"].keys() == port_documentation(TINY).keys()


@pytest.mark.parametrize("name", ["4x4", "", "a b", "x-y", "naïve"])
def test_bad_module_names_are_refused(name):
    with pytest.raises(ValueError, match="a module name is letters, digits and underscores, not"):
        emit(TINY, name)


@pytest.mark.parametrize("name", ["module", "reg", "logic", "nexttime"])
def test_a_module_is_not_named_by_a_word_of_the_language(name):
    with pytest.raises(ValueError, match=f"must not be a word of SystemVerilog, such as '{name}'"):
        emit(TINY, name)


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda c: f"{c.rows}x{c.columns}")
def test_lints_clean(config, tmp_path):
    emission = emit(config)
    assert findings(write(emission, tmp_path), emission.name) == ""


def test_every_waiver_has_a_reason():
    lines = WAIVERS.read_text().splitlines()
    waivers = [index for index, line in enumerate(lines) if line.startswith("lint_off")]
    assert waivers
    for index in waivers:
        assert lines[index - 1].startswith("// "), f"no reason above {lines[index]}"


def test_lint_sees_a_defect(tmp_path):
    """The waivers do not hide an undriven signal."""
    verilog = emit(TINY).verilog
    broken = re.sub(r"  assign admitted = .*;\n", "", verilog)
    assert broken != verilog
    path = tmp_path / "weft_4x4.v"
    path.write_text(broken)
    assert "UNDRIVEN" in findings(path, "weft_4x4")


def test_yosys_synthesizes_it(tmp_path):
    """For an ECP5: every cell's multiplier becomes a DSP, the sums block memory; no latch."""
    path = write(emit(MatrixUnitConfig(rows=4, columns=4)), tmp_path)
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


def test_icarus_compiles_it_as_verilog_2001(tmp_path):
    needs_icarus()
    path = write(emit(HALVED), tmp_path)
    command = ["iverilog", "-g2001", "-Wall", "-Wno-timescale", "-o", tmp_path / "out", path]
    compiled = subprocess.run(command, capture_output=True, text=True)
    assert (compiled.returncode, compiled.stderr) == (0, "")
