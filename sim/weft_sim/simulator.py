"""Run cocotb tests on Verilog under Verilator, Icarus Verilog or CXXRTL.

Builds are cached by content: the Verilog, the simulator, the options and the versions of the tools.
If WEFT_COVERAGE is set, Verilator builds count the lines and toggles that a run reaches. Each run
writes them to coverage.dat in its folder, next to the Verilog.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import cocotb_tools.config
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import VerilatorControlFile, get_runner

from weft.emit.verilog import Design

from . import cxxrtl, toolchain, verilator
from .cache import cached, mark_used
from .verilator import SimulationFailed

TIMESCALE = ("1ns", "1ps")

# Files of a run with coverage.
COVERAGE_FILE = "coverage.dat"
COVERAGE_SOURCE = "coverage.v"

# In the runner of cocotb and in its simulations, these variables override arguments.
RUNNER_VARIABLES = (
    *("WAVES", "GUI", "PYTEST_CURRENT_TEST", "COCOTB_TEST_FILTER", "COCOTB_TESTCASE"),
    *("COCOTB_RANDOM_SEED", "COCOTB_TEST_MODULES", "COCOTB_TOPLEVEL"),
)


@dataclass(frozen=True)
class Build:
    """A simulation ready to run."""

    directory: Path
    top: str
    simulator: str
    waves: str | None
    coverage: bool = False

    def run(
        self,
        test_module: str | Sequence[str],
        *,
        directory: Path,
        test_filter: str | None = None,
        environment: dict[str, str] | None = None,
        seed: int | None = None,
        log: Path | None = None,
    ) -> None:
        """Run the cocotb tests of modules in `directory`; raise SimulationFailed if one fails.

        Parameters
        ----------
        test_module : str or sequence of str
            Importable names of the modules with the coroutines.
        test_filter : str, optional
            Regular expression; only tests with matching names run.
        environment : dict, optional
            Passed to the simulation.
        log : Path, optional
            File for the output of the simulation; by default it goes to the terminal.
        """
        toolchain.prepare_environment()
        toolchain.require(self.simulator, build=False)
        mark_used(self.directory)
        directory.mkdir(parents=True, exist_ok=True)
        modules = [test_module] if isinstance(test_module, str) else list(test_module)
        # cocotb would rewrite the assertions of every module that it imports.
        environment = {"COCOTB_REWRITE_ASSERTION_FILES": "", **(environment or {})}
        run = self._run_cxxrtl if self.simulator == "cxxrtl" else self._run_runner
        with _without(*RUNNER_VARIABLES):
            try:
                results = run(modules, directory, test_filter, environment, seed, log)
                if self.coverage:
                    shutil.copy(self.directory / f"{self.top}.v", directory / COVERAGE_SOURCE)
                tests, failed = get_results(results)
            except (SystemExit, RuntimeError) as error:
                raise SimulationFailed(f"the simulation ended early{_see(log)}") from error
        if failed or not tests:
            what = f"{failed} of {tests} tests failed" if tests else "no test ran"
            raise SimulationFailed(what + _see(log))

    def _run_runner(self, modules, directory, test_filter, environment, seed, log) -> Path:
        return get_runner(self.simulator).test(
            test_module=modules,
            hdl_toplevel=self.top,
            hdl_toplevel_lang="verilog",
            build_dir=self.directory,
            test_dir=directory,
            results_xml=str(directory / "results.xml"),
            waves=self.waves is not None,
            plusargs=self._plusargs(directory),
            test_filter=test_filter,
            extra_env=environment,
            seed=seed,
            log_file=log,
            timescale=TIMESCALE,
        )

    def _run_cxxrtl(self, modules, directory, test_filter, environment, seed, log) -> Path:
        results = (directory / "results.xml").resolve()
        results.unlink(missing_ok=True)
        given = {
            "COCOTB_RESULTS_FILE": str(results),
            "COCOTB_TEST_FILTER": test_filter,
            "COCOTB_RANDOM_SEED": None if seed is None else str(seed),
        }
        environment |= {name: value for name, value in given.items() if value is not None}
        cxxrtl.run(
            self.directory / cxxrtl.PROGRAM,
            self.top,
            modules,
            directory=directory,
            environment=environment,
            log=log,
        )
        return results

    def trace(self, directory: Path) -> Path:
        """Return the trace of a run in `directory` with waves."""
        return directory / f"waves.{self.waves}"

    def _plusargs(self, directory: Path) -> list[str]:
        counted = [f"+verilator+coverage+file+{COVERAGE_FILE}"] * self.coverage
        if self.waves is None:
            return counted
        if self.simulator == "icarus":
            return [f"+dumpfile_path={self.trace(directory).name}"]
        return [*counted, "--trace-file", self.trace(directory).name]


def build(
    design: Design,
    simulator: str = "verilator",
    *,
    waves: bool = False,
    directory: Path | None = None,
    building: Callable[[], None] | None = None,
) -> Build:
    """Return a simulation of a design, which is built unless the cache has it.

    Waves are FST. On Verilator they are VCD if the headers of its FST writer are missing. CXXRTL
    has none, because its traces lack the top module. An interrupted build leaves no entry.

    Parameters
    ----------
    directory : Path, optional
        Folder of a build that is not worth keeping; by default the cache.
    building : callable, optional
        Called before a build; not called if the build is in the cache.
    """
    toolchain.prepare_environment()
    toolchain.require(simulator, waves=waves)
    kind = None
    arguments: list[str] = []
    coverage = simulator == "verilator" and bool(os.environ.get("WEFT_COVERAGE"))
    if waves:
        kind = "fst" if simulator == "icarus" or toolchain.fst_headers() else "vcd"
    if simulator == "cxxrtl":
        arguments = cxxrtl.key()
    if simulator == "verilator":
        # cocotb sees the top's signals only: a table of all signals takes minutes to compile.
        arguments = ["--no-public-flat-rw", *verilator.OPTIONS]
        arguments += verilator.COVERAGE_OPTIONS if coverage else ()
        if kind:
            arguments += ["--trace-structs"] + (["--trace-fst"] if kind == "fst" else [])
    verilog, top = design.verilog, design.top
    ports = f'public_flat_rw -module "{top}" -var "*"\n'
    control = verilator.structure(design) + ports
    key = [verilog, top, str(kind), *arguments, *TIMESCALE]
    key += [control, *versions(simulator)]
    key += [verilator.coverage_header()] if coverage else []

    def make(scratch: Path) -> list[str]:
        (scratch / "control.vlt").write_text(control)
        if coverage:
            (scratch / verilator.COVERAGE_HEADER).write_text(verilator.coverage_header())
        _compile(verilog, top, simulator, kind is not None, scratch, arguments)
        return [{"icarus": "sim.vvp", "cxxrtl": cxxrtl.PROGRAM}.get(simulator, top)]

    if directory is not None:
        if building is not None:
            building()
        make(directory)
        return Build(directory, top, simulator, kind, coverage)
    return Build(cached(simulator, key, make, building=building), top, simulator, kind, coverage)


def versions(simulator: str) -> list[str]:
    """Return what a build depends on in addition to its sources."""
    cocotb = f"cocotb {version('cocotb')}"
    if simulator == "icarus":
        shown = subprocess.run(["iverilog", "-V"], capture_output=True, text=True)
        return [cocotb, *shown.stdout.splitlines()[:1]]
    # A program finds the libraries of cocotb by their path.
    return [cocotb, str(cocotb_tools.config.libs_dir), *verilator.versions()]


def _compile(
    verilog: str, top: str, simulator: str, waves: bool, scratch: Path, arguments: list[str]
) -> None:
    source = scratch / f"{top}.v"
    source.write_text(verilog)
    log = scratch / "build.log"
    if simulator == "cxxrtl":
        cxxrtl.build(source, top, scratch, log)
        return
    sources = [source]
    runtime = None
    if simulator == "verilator":
        sources = [VerilatorControlFile(scratch / "control.vlt"), source]
        runtime = verilator.Runtime(*arguments)
        runtime.lend(scratch)
    runner = get_runner(simulator)
    with _without(*RUNNER_VARIABLES):
        try:
            runner.build(
                sources=sources,
                hdl_toplevel=top,
                build_dir=scratch,
                build_args=arguments,
                always=True,
                waves=waves,
                timescale=TIMESCALE,
                log_file=log,
            )
        except (SystemExit, RuntimeError) as error:
            kept = toolchain.build_root() / f"failed-{top}.log"
            raise verilator.build_failed(simulator, log, kept) from error
    if runtime is not None:
        runtime.keep(scratch)


def _see(log: Path | None) -> str:
    return f"; see {log}" if log else ""


@contextlib.contextmanager
def _without(*variables: str):
    """Hide environment variables for a while."""
    kept = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
