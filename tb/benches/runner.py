"""The runner of all benches.

A bench file holds pytest functions, which choose a component and its parameters, and the cocotb
coroutines that drive it. `run` emits the Verilog of the component, builds it and starts the
coroutines inside the simulator, where `coroutines.parameters` returns the parameters.
"""

import base64
import importlib
import json
import os
import pickle
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn
from xml.etree import ElementTree

import filelock
import pytest

from benches import netlist
from weft.emit.verilog import Design, make_design, ports_of
from weft_sim import simulator as simulators
from weft_sim import toolchain
from weft_sim.yosys import YosysFailed, run_yosys

LOG_TAIL = 40
# Simulators that run every bench. CXXRTL takes as long to build and runs only if SIM names it.
SIMULATORS = ("verilator", "icarus")


def chosen_simulators() -> list[str]:
    """Return Verilator and Icarus Verilog, or the simulator that SIM names."""
    chosen = os.environ.get("SIM")
    return [chosen] if chosen else list(SIMULATORS)


def needs_icarus() -> None:
    """Skip the test if Icarus Verilog is missing; fail it if WEFT_NO_SKIP is set."""
    if not toolchain.has("iverilog"):
        _cannot_run(toolchain.ToolMissing("iverilog"))


def needs_simulators(*names: str) -> None:
    """Skip the test if a simulator is missing; fail it if WEFT_NO_SKIP is set."""
    for name in names:
        try:
            toolchain.require(name)
        except toolchain.ToolMissing as missing:
            _cannot_run(missing)


def needs_program(name: str) -> None:
    """Skip the test if a program is not in PATH; fail it if WEFT_NO_SKIP is set."""
    if not toolchain.has(name):
        _cannot_run(f"{name} is not installed")


def judge(name: str) -> ModuleType:
    """Return the module of benches that runs a judge, such as "litert".

    Skip the tests of the calling file if the judge is missing; fail them if WEFT_NO_SKIP is set.
    """
    try:
        return importlib.import_module(f"benches.{name}")
    except ModuleNotFoundError as error:
        missing = error.name
    _cannot_run(f"{missing} is not installed: make setup-judges")


def needs_waves(simulator: str) -> None:
    """Skip the test on a simulator that writes no waves."""
    if simulator == "cxxrtl":
        pytest.skip("CXXRTL writes no waves")


def _cannot_run(reason: toolchain.ToolMissing | str) -> NoReturn:
    if os.environ.get("WEFT_NO_SKIP"):
        pytest.fail(str(reason), pytrace=False)
    pytest.skip(str(reason), allow_module_level=True)


def on_simulators(names: str, cases: Mapping[str, object], *, verilator: int = 1):
    """Parametrize a test: every case on Icarus, and the first `verilator` cases elsewhere.

    Verilator and CXXRTL take seconds for a build that Icarus does immediately.

    Parameters
    ----------
    names : str
        Parameters of the test, separated by commas.
    cases : dict
        Name of a case to its value, a tuple if there are several parameters.
    verilator : int
        Number of cases to run on Verilator and CXXRTL.
    """
    several = "," in names
    parameters = [
        pytest.param(simulator, *(values if several else (values,)), id=f"{case}-{simulator}")
        for simulator in chosen_simulators()
        for index, (case, values) in enumerate(cases.items())
        if simulator == "icarus" or index < verilator
    ]
    return pytest.mark.parametrize(f"simulator,{names}", parameters, indirect=["simulator"])


# For tests that need a four-state simulator, or the models of the cells of an FPGA.
on_icarus = pytest.mark.parametrize("simulator", ["icarus"], indirect=True)


def whole_yosys(*commands: str) -> None:
    """Run commands in a Yosys with all passes; fail the test if a command fails."""
    try:
        run_yosys(*commands)
    except YosysFailed as failed:
        pytest.fail(str(failed), pytrace=False)


def run(
    coroutines: Sequence,
    component: type,
    /,
    *,
    simulator: str,
    directory: Path,
    family: str | None = None,
    synthesized: bool = False,
    **parameters,
) -> Path | None:
    """Run coroutines on the Verilog of `component(**parameters)`; fail the test if one fails.

    Parameters
    ----------
    family : str, optional
        FPGA family whose hard blocks are in the Verilog; on Icarus only.
    synthesized : bool
        Run them on the netlist after synthesis for the family.

    Returns
    -------
    Path or None
        The trace, if WEFT_WAVES asks for one.
    """
    chosen = _chosen_coroutines(coroutines)
    waves = bool(os.environ.get("WEFT_WAVES"))
    top = f"weft_{component.__name__.lower()}"
    design = make_design(top, component, family=family, **parameters)
    build = simulators.build(_simulated(design, family, synthesized), simulator, waves=waves)
    if family:
        _check_warnings(build.directory / "build.log")
    failure = None
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Two sessions in one checkout share the directory: the second waits for the first.
    with filelock.FileLock(f"{directory}.lock"):
        shutil.rmtree(directory, ignore_errors=True)
        log = directory / "run.log"
        try:
            build.run(
                sorted({coroutine.module for coroutine in coroutines}),
                directory=directory,
                test_filter=rf"^({'|'.join(chosen)})$",
                environment={
                    "WEFT_BENCH": describe(parameters, design.verilog, top, family),
                    # Rewriting the asserts of all of numpy takes a second each time.
                    "COCOTB_REWRITE_ASSERTION_FILES": "test_*.py",
                },
                seed=int(os.environ["SEED"]),
                log=log,
            )
        except simulators.SimulationFailed as raised:
            failure = f"{raised}\n{_explain(directory / 'results.xml', log)}"
    if failure:
        pytest.fail(failure, pytrace=False)
    return build.trace(directory) if waves else None


def _simulated(design: Design, family: str | None, synthesized: bool) -> Design:
    """Return the design to simulate: for a family, with its cell models, and synthesized."""
    if not family:
        return design
    verilog = design.verilog
    if synthesized:
        verilog = netlist.synthesize(verilog, design.top, family)
    return Design.of_text(verilog + netlist.cell_models(family), design.top)


def _check_warnings(log: Path) -> None:
    """Fail the test on any warning: Icarus only warns if a cell model lacks a parameter."""
    warnings = [line for line in log.read_text().splitlines() if "warning" in line]
    if warnings:
        pytest.fail("\n".join(warnings[:LOG_TAIL]), pytrace=False)


def _chosen_coroutines(coroutines: Sequence) -> list[str]:
    """Return the names that match COCOTB_TEST_FILTER; skip the test if there are none."""
    wanted = os.environ.get("COCOTB_TEST_FILTER", "")
    names = [f"{coroutine.module}.{coroutine.name}" for coroutine in coroutines]
    chosen = [re.escape(name) for name in names if re.search(wanted, name)]
    if not chosen:
        pytest.skip(f"no coroutine of this test matches COCOTB_TEST_FILTER={wanted}")
    return chosen


def describe(parameters: dict[str, Any], verilog: str, top: str, family: str | None = None) -> str:
    """Return the facts for the coroutines: parameters, ports of the Verilog and FPGA family."""
    ports = ports_of(verilog, top)
    named = {
        direction: [name for name, way in ports.items() if way == direction]
        for direction in ("input", "output")
    }
    pickled = base64.b64encode(pickle.dumps(parameters)).decode()
    return json.dumps({"parameters": pickled, "family": family, **named})


def _explain(results: Path, log: Path) -> str:
    """Return the failures in the report of the simulator, or the end of the log."""
    lines = []
    if results.is_file():
        for case in ElementTree.parse(results).iter("testcase"):
            for failure in [*case.iter("failure"), *case.iter("error")]:
                text = failure.get("message") or failure.text or ""
                lines.append(f"{case.get('name')}: {text.strip()}")
    if not lines and log.is_file():
        lines = log.read_text().splitlines()[-LOG_TAIL:]
    return "\n".join(lines)
