"""The one runner of the benches, and the pieces that they share.

A bench file holds pytest functions, which pick a component and its arguments, and below them the
cocotb coroutines that drive it. `run` writes the component's Verilog, builds it and starts the
coroutines inside the simulator, where `arguments` gives back what the component was made with.

Time discipline: await the rising edge, read what a flip-flop samples there, then write.
"""

import itertools
import json
import os
import random
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cocotb
import filelock
import numpy as np
import pytest
from amaranth.hdl import Shape
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer

import benches.netlist as netlist
from weft.emit.export import parameters_of, to_verilog
from weft.matrix.config import MatrixUnitConfig
from weft_sim import simulator as simulators
from weft_sim import toolchain
from weft_sim.yosys import YosysFailed, run_yosys

PERIOD_NS = 10
RESET_CYCLES = 2
# A coroutine that takes longer hangs: a hundred thousand cycles, if nothing else is said.
TIMEOUT_NS = int(os.environ.get("WEFT_TIMEOUT_NS", 100_000 * PERIOD_NS))
TIMEOUT = {"timeout_time": TIMEOUT_NS, "timeout_unit": "ns"}
LOG_TAIL = 40
# Those that every bench is run on; on CXXRTL, which takes as long to build, when SIM asks for it.
SIMULATORS = ("verilator", "icarus")


# What pytest calls.


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


def on_simulators(names: str, cases: dict[str, object], *, verilator: int = 1):
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


def whole_yosys(*commands: str) -> None:
    """Run commands in a Yosys that has all its passes; fail the test if one of them fails."""
    try:
        run_yosys(*commands)
    except YosysFailed as failed:
        pytest.fail(str(failed), pytrace=False)


def run(
    coroutines: Sequence,
    component: type,
    *arguments,
    simulator: str,
    directory: Path,
    family: str | None = None,
    synthesized: bool = False,
) -> Path | None:
    """Run coroutines on the Verilog of `component(*arguments)`; fail the test if one fails.

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
    verilog = to_verilog(top, component, *arguments, family=family)
    simulated = netlist.synthesize(verilog, top, family) if family and synthesized else verilog
    if family:
        simulated += netlist.cell_models(family)
    build = simulators.build(simulated, top, simulator, waves=waves)
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
                    "WEFT_BENCH": describe(arguments, verilog, top, family),
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


def describe(arguments: Sequence, verilog: str, top: str, family: str | None = None) -> str:
    """What the coroutines have to know: the arguments, the Verilog's ports and the FPGA family."""
    module = re.search(rf"(?ms)^module {top}\b.*?^endmodule", verilog)[0]
    kinds = r"(?:(?:reg|signed) )*(?:\[.*?\] )?"
    ports = {
        direction: re.findall(rf"(?m)^  {direction} {kinds}(\w+)", module)
        for direction in ("input", "output")
    }
    plain = [_to_plain(argument) for argument in arguments]
    return json.dumps({"arguments": plain, "family": family, **ports})


def _to_plain(argument: object) -> object:
    if isinstance(argument, MatrixUnitConfig):
        return {"config": parameters_of(argument)}
    if isinstance(argument, Shape):
        return {"width": argument.width, "signed": argument.signed}
    return argument


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


# What coroutines call.


def arguments() -> list:
    """The arguments that the component was made with."""
    return [_from_plain(argument) for argument in _given()["arguments"]]


def _from_plain(argument: Any) -> object:
    if not isinstance(argument, dict):
        return argument
    return MatrixUnitConfig(**argument["config"]) if "config" in argument else Shape(**argument)


def _given() -> dict:
    return json.loads(os.environ["WEFT_BENCH"])


def on_fpga() -> bool:
    """Whether the component is made of an FPGA's blocks."""
    return _given()["family"] is not None


def randomness() -> random.Random:
    """Random numbers that depend on SEED and on the coroutine alone."""
    return random.Random(cocotb.RANDOM_SEED)


async def start(dut) -> None:
    """Zero every input, start the clock, reset, and return right after an edge.

    No output may be unknown from then on, but on an FPGA, whose blocks wake up unknown.
    """
    for name in _given()["input"]:
        getattr(dut, name).value = 0
    if hasattr(dut, "clk"):
        Clock(dut.clk, PERIOD_NS, unit="ns").start(start_high=False)
    await reset(dut)
    for name in () if on_fpga() else _given()["output"]:
        value = getattr(dut, name).value
        assert value.is_resolvable, f"{name} is {value} after reset"


async def reset(dut) -> None:
    """Hold reset, where there is one, for a few cycles and return right after an edge."""
    for level in (1, 0):
        if hasattr(dut, "rst"):
            dut.rst.value = level
        for _ in range(RESET_CYCLES if level else 1):
            await tick(dut)


async def tick(dut) -> None:
    """Go on to the next edge; in a component without a clock, a cycle's time."""
    await (RisingEdge(dut.clk) if hasattr(dut, "clk") else Timer(PERIOD_NS, "ns"))


def read(dut, name: str) -> int:
    """An output as a number; an unknown bit is a failure.

    On an FPGA it is drawn, so that whoever depends on it sees a wrong number.
    """
    value = getattr(dut, name).value
    if on_fpga():
        return int(value.resolve("random"))
    assert value.is_resolvable, f"{name} is {value}"
    return int(value)


async def play(
    dut, stimuli: Iterable[dict[str, int]], outputs: Sequence[str]
) -> dict[str, list[int]]:
    """Drive each cycle's inputs; return what every output was in every cycle.

    An input that a cycle does not name keeps its value; one that the component does not have, as
    `rst` where nothing is reset, is left out.
    """
    trace: dict[str, list[int]] = {name: [] for name in outputs}
    for inputs in stimuli:
        for name, value in inputs.items():
            if hasattr(dut, name):
                getattr(dut, name).value = value
        await tick(dut)
        for name, seen in trace.items():
            seen.append(read(dut, name))
    return trace


def compare(what: str, got: Sequence, expected: Sequence, cycles: Sequence[int] | None = None):
    """Rows of lanes must be equal; say where they differ first.

    Parameters
    ----------
    got, expected : sequences, (rows,) or (rows, lanes)
    cycles : sequence, optional
        In which cycle a row came; a row's number is its cycle when left out.
    """
    assert len(got) == len(expected), f"{what}: got {len(got)} rows, expected {len(expected)}"
    for row, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
        ours, theirs = (
            np.atleast_1d(np.array(ours, object)),
            np.atleast_1d(np.array(theirs, object)),
        )
        wrong = np.flatnonzero(ours != theirs)
        if len(wrong):
            lane = int(wrong[0])
            cycle = row if cycles is None else cycles[row]
            raise AssertionError(
                f"{what}: lane {lane}, row {row}, cycle {cycle}: "
                f"got {ours[lane]}, expected {theirs[lane]} ({len(wrong)} lanes of the row differ)"
            )


# Numbers and bits.


def to_signed(bits: int, width: int) -> int:
    """The low `width` bits as a number in two's complement."""
    bits &= (1 << width) - 1
    return bits - (bits >> (width - 1) << width)


def join(numbers: Iterable[int], width: int) -> int:
    """Lanes of `width` bits as one number, lane 0 lowest."""
    mask = (1 << width) - 1
    return sum((int(number) & mask) << (lane * width) for lane, number in enumerate(numbers))


def split(bits: int, width: int, lanes: int) -> list[int]:
    """One number as lanes of `width` bits, lane 0 lowest, not signed."""
    return [bits >> (lane * width) & ((1 << width) - 1) for lane in range(lanes)]


def split_signed(bits: int, width: int, lanes: int) -> list[int]:
    """One number as lanes in two's complement."""
    return [to_signed(lane, width) for lane in split(bits, width, lanes)]


def in_parts(number: int, widths: Sequence[int]) -> list[int]:
    """A sum's parts of given widths, least significant first, each in its place."""
    lows = itertools.accumulate(widths, initial=0)
    return [number & ((1 << width) - 1) << low for low, width in zip(lows, widths, strict=False)]


def gather_parts(words: Sequence[int], cycle: int, widths: Sequence[int]) -> int:
    """The sum whose part p comes p cycles after `cycle`, from what was seen in every cycle."""
    return sum(in_parts(words[cycle + part], widths)[part] for part in range(len(widths)))


def operand(source: random.Random, number) -> int:
    """A value of a format, the extremes more often than by chance."""
    corners = [
        number.minimum,
        number.maximum,
        0,
        1 if number.maximum else 0,
        -1 if number.signed else 0,
    ]
    if source.random() < 0.3:
        return source.choice(corners)
    return source.randint(number.minimum, number.maximum)
