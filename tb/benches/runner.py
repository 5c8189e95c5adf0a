"""The one runner of the benches.

A bench file holds pytest functions, which pick a component and its parameters, and below them the
cocotb coroutines that drive it. `run` writes the component's Verilog, builds it and starts the
coroutines inside the simulator, where `coroutines.parameters` are what the component was made with.
"""

import base64
import json
import os
import pickle
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import filelock
import pytest

from benches import netlist
from weft.emit.verilog import Design, make_design
from weft_sim import simulator as simulators
from weft_sim import toolchain
from weft_sim.yosys import YosysFailed, run_yosys

LOG_TAIL = 40
# Those that every bench is run on; on CXXRTL, which takes as long to build, when SIM asks for it.
SIMULATORS = ("verilator", "icarus")


def chosen_simulators() -> list[str]:
    """Verilator and Icarus Verilog, or the one that SIM names."""
    chosen = os.environ.get("SIM")
    return [chosen] if chosen else list(SIMULATORS)


def needs_icarus() -> None:
    """Skip the test, or fail it if WEFT_NO_SKIP is set, where Icarus Verilog is missing."""
    if not toolchain.has("iverilog"):
        _cannot_run(toolchain.ToolMissing("iverilog"))


def needs_simulators(*names: str) -> None:
    """Skip the test, or fail it if WEFT_NO_SKIP is set, where one of them is missing."""
    for name in names:
        try:
            toolchain.require(name)
        except toolchain.ToolMissing as missing:
            _cannot_run(missing)


def needs_waves(simulator: str) -> None:
    """Skip the test on a simulator that writes none."""
    if simulator == "cxxrtl":
        pytest.skip("CXXRTL writes no waves")


def _cannot_run(missing: toolchain.ToolMissing) -> None:
    if os.environ.get("WEFT_NO_SKIP"):
        pytest.fail(str(missing), pytrace=False)
    pytest.skip(str(missing))


def on_simulators(names: str, cases: Mapping[str, object], *, verilator: int = 1):
    """Parametrize a test: every case on Icarus, the first few on Verilator as well.

    Verilator takes seconds to build what Icarus builds at once, so it gets `verilator` cases; so
    does CXXRTL.

    Parameters
    ----------
    names : str
        Parameters of the test, separated by commas.
    cases : dict
        Name of a case to its value, a tuple if there are several parameters.
    """
    several = "," in names
    parameters = [
        pytest.param(simulator, *(values if several else (values,)), id=f"{case}-{simulator}")
        for simulator in chosen_simulators()
        for index, (case, values) in enumerate(cases.items())
        if simulator == "icarus" or index < verilator
    ]
    return pytest.mark.parametrize(f"simulator,{names}", parameters, indirect=["simulator"])


# Of a test that a simulator of four states alone is for, or the models of an FPGA's cells.
on_icarus = pytest.mark.parametrize("simulator", ["icarus"], indirect=True)


def whole_yosys(*commands: str) -> None:
    """Run commands in a Yosys that has all its passes; fail the test if one of them fails."""
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
        Run them on what the family's synthesis makes of the Verilog.

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
    # Two sessions in one tree share the directory: the second waits for the first.
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
                    # To rewrite the asserts of all of numpy takes a second each time.
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
    """The Verilog that is run: with models of a family's cells, and of its netlist."""
    if not family:
        return design
    verilog = design.verilog
    if synthesized:
        verilog = netlist.synthesize(verilog, design.top, family)
    return Design.of_text(verilog + netlist.cell_models(family), design.top)


def _check_warnings(log: Path) -> None:
    """Fail the test if a model of a cell lacks a parameter that is set: to Icarus a warning."""
    warnings = [line for line in log.read_text().splitlines() if "warning" in line]
    if warnings:
        pytest.fail("\n".join(warnings[:LOG_TAIL]), pytrace=False)


def _chosen_coroutines(coroutines: Sequence) -> list[str]:
    """Names of the coroutines that COCOTB_TEST_FILTER lets through; skip the test if none."""
    wanted = os.environ.get("COCOTB_TEST_FILTER", "")
    names = [f"{coroutine.module}.{coroutine.name}" for coroutine in coroutines]
    chosen = [re.escape(name) for name in names if re.search(wanted, name)]
    if not chosen:
        pytest.skip(f"no coroutine of this test matches COCOTB_TEST_FILTER={wanted}")
    return chosen


def describe(parameters: dict[str, Any], verilog: str, top: str, family: str | None = None) -> str:
    """What the coroutines have to know: the parameters, the Verilog's ports and the FPGA family."""
    module = re.search(rf"(?ms)^module {top}\b.*?^endmodule", verilog)[0]
    kinds = r"(?:(?:wire|reg|signed) )*(?:\[.*?\] )?"
    ports = {
        direction: re.findall(rf"(?m)^  {direction} {kinds}(\w+)", module)
        for direction in ("input", "output")
    }
    pickled = base64.b64encode(pickle.dumps(parameters)).decode()
    return json.dumps({"parameters": pickled, "family": family, **ports})


def _explain(results: Path, log: Path) -> str:
    """The failures as the simulator's report has them, or the end of the log."""
    lines = []
    if results.is_file():
        for case in ElementTree.parse(results).iter("testcase"):
            for failure in [*case.iter("failure"), *case.iter("error")]:
                text = failure.get("message") or failure.text or ""
                lines.append(f"{case.get('name')}: {text.strip()}")
    if not lines and log.is_file():
        lines = log.read_text().splitlines()[-LOG_TAIL:]
    return "\n".join(lines)
