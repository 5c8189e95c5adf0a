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
from cocotb_tools.runner import get_runner

from weft.emit.verilog import Design

from . import cxxrtl, toolchain, verilator
from .build_steps import LOG
from .cache import cached, mark_used
from .verilated_model import ModelBuild
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
    if waves:
        kind = "fst" if simulator == "icarus" or toolchain.fst_headers() else "vcd"
    coverage = simulator == "verilator" and bool(os.environ.get("WEFT_COVERAGE"))
    recipe = {
        "icarus": lambda: _icarus(design, waves=waves),
        "verilator": lambda: _verilator(design, traces=kind, coverage=coverage),
        "cxxrtl": lambda: _cxxrtl(design),
    }[simulator]()

    def make(scratch: Path) -> list[str]:
        (scratch / f"{design.top}.v").write_text(design.verilog)
        recipe.make(scratch)
        return [recipe.product]

    if directory is None:
        key = [design.verilog, design.top, str(kind), *TIMESCALE, *recipe.key]
        directory = cached(simulator, key, make, building=building)
    else:
        if building is not None:
            building()
        make(directory)
    return Build(directory, design.top, simulator, kind, coverage)


@dataclass(frozen=True, kw_only=True)
class _Recipe:
    """How a simulator builds a design in a folder that has its Verilog.

    `product`: name of the resulting file. `key`: what a build depends on besides the Verilog.
    """

    product: str
    key: list[str]
    make: Callable[[Path], None]


def _icarus(design: Design, *, waves: bool) -> _Recipe:
    shown = subprocess.run(["iverilog", "-V"], capture_output=True, text=True)

    def make(scratch: Path) -> None:
        log = scratch / LOG
        with _without(*RUNNER_VARIABLES):
            try:
                get_runner("icarus").build(
                    sources=[scratch / f"{design.top}.v"],
                    hdl_toplevel=design.top,
                    build_dir=scratch,
                    always=True,
                    waves=waves,
                    timescale=TIMESCALE,
                    log_file=log,
                )
            except (SystemExit, RuntimeError) as error:
                raise verilator.build_failed("icarus", log, design.top) from error

    key = [f"cocotb {version('cocotb')}", *shown.stdout.splitlines()[:1]]
    return _Recipe(product="sim.vvp", key=key, make=make)


def _verilator(design: Design, *, traces: str | None, coverage: bool) -> _Recipe:
    """Build with the main program of cocotb."""
    libraries = str(cocotb_tools.config.libs_dir)
    link_options = [f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lcocotbvpi_verilator"]
    link_options += ["-lz", "-llz4"] if traces == "fst" else []
    model = ModelBuild(
        arguments=[
            *("--timescale", "/".join(TIMESCALE), "--top-module", design.top),
            # cocotb sees the top's signals only: a table of all signals takes minutes to compile.
            *("--vpi", "--no-public-flat-rw", *verilator.APART, *verilator.OPTIONS),
            *(verilator.COVERAGE_OPTIONS if coverage else ()),
            *((f"--trace-{traces}", "--trace-structs") if traces else ()),
        ],
        optimize="-Os",
        optimize_rest="-Os",
    )
    ports = f'public_flat_rw -module "{design.top}" -var "*"\n'
    control = verilator.structure(design) + ports
    header = {verilator.COVERAGE_HEADER: verilator.coverage_header()} if coverage else {}
    files = {"control.vlt": control, **header}

    def make(scratch: Path) -> None:
        for name, text in files.items():
            (scratch / name).write_text(text)
        model.build(
            scratch,
            design.top,
            sources=["control.vlt", f"{design.top}.v"],
            driver=cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp",
            link_options=link_options,
            name=design.top,
        )

    # A program finds the libraries of cocotb by their path.
    key = [f"cocotb {version('cocotb')}", *link_options, *files.values(), *model.key()]
    return _Recipe(product=design.top, key=key, make=make)


def _cxxrtl(design: Design) -> _Recipe:
    def make(scratch: Path) -> None:
        cxxrtl.build(scratch / f"{design.top}.v", design.top, scratch)

    libraries = str(cocotb_tools.config.libs_dir)
    key = [f"cocotb {version('cocotb')}", libraries, *cxxrtl.key()]
    return _Recipe(product=cxxrtl.PROGRAM, key=key, make=make)


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
