"""Verilog in, results of cocotb tests out, under Verilator or Icarus Verilog.

Builds are cached by content: of the Verilog, the simulator, the options and the tools' versions.
"""

import contextlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import VerilatorControlFile, get_runner

from . import toolchain, verilator
from .cache import cached
from .verilator import WAIVERS, SimulationFailed

TIMESCALE = ("1ns", "1ps")

# What cocotb's runner, or the simulation that it starts, would put before our arguments.
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
            Importable names of the modules that hold the coroutines.
        test_filter : str, optional
            Regular expression; only tests whose names match are run.
        environment : dict, optional
            Passed to the simulation.
        log : Path, optional
            Takes the simulation's output, which goes to the terminal otherwise.
        """
        toolchain.prepare_environment()
        toolchain.require(self.simulator, build=False)
        directory.mkdir(parents=True, exist_ok=True)
        runner = get_runner(self.simulator)
        results = directory / "results.xml"
        with _without(*RUNNER_VARIABLES):
            try:
                runner.test(
                    test_module=test_module,
                    hdl_toplevel=self.top,
                    hdl_toplevel_lang="verilog",
                    build_dir=self.directory,
                    test_dir=directory,
                    results_xml=str(results),
                    waves=self.waves is not None,
                    plusargs=self._plusargs(directory),
                    test_filter=test_filter,
                    # cocotb would rewrite the assertions of every module that it imports.
                    extra_env={"COCOTB_REWRITE_ASSERTION_FILES": "", **(environment or {})},
                    seed=seed,
                    log_file=log,
                    timescale=TIMESCALE,
                )
                tests, failed = get_results(results)
            except (SystemExit, RuntimeError) as error:
                raise SimulationFailed(f"the simulation ended early{_see(log)}") from error
        if failed or not tests:
            what = f"{failed} of {tests} tests failed" if tests else "no test ran"
            raise SimulationFailed(what + _see(log))

    def trace(self, directory: Path) -> Path:
        """The file that a run in `directory` with waves writes."""
        return directory / f"waves.{self.waves}"

    def _plusargs(self, directory: Path) -> list[str]:
        if self.waves is None:
            return []
        if self.simulator == "icarus":
            return [f"+dumpfile_path={self.trace(directory)}"]
        return ["--trace-file", str(self.trace(directory))]


def build(
    verilog: str,
    top: str,
    simulator: str = "verilator",
    *,
    waves: bool = False,
    directory: Path | None = None,
) -> Build:
    """Make a simulation of Verilog text, or find the one made before.

    Waves are FST; on Verilator they are VCD where the headers of its FST writer are missing.
    An interrupted build leaves nothing that is taken for a whole one.

    Parameters
    ----------
    directory : Path, optional
        Build there what is not worth keeping; in the cache when left out.
    """
    toolchain.prepare_environment()
    toolchain.require(simulator)
    kind = None
    arguments: list[str] = []
    if waves:
        kind = "fst" if simulator == "icarus" or toolchain.fst_headers() else "vcd"
    if simulator == "verilator":
        # cocotb sees the top's signals only: a table of all signals takes minutes to compile.
        arguments = ["--no-public-flat-rw", *verilator.OPTIONS]
        if kind:
            arguments += ["--trace-structs"] + (["--trace-fst"] if kind == "fst" else [])
    ports = f'public_flat_rw -module "{top}" -var "*"\n'
    control = verilator.structure(verilog) + ports
    key = [verilog, top, str(kind), *arguments, *TIMESCALE]
    key += [WAIVERS.read_text(), control, *verilator.versions()]

    def make(scratch: Path) -> list[str]:
        (scratch / "control.vlt").write_text(control)
        _compile(verilog, top, simulator, kind is not None, scratch, arguments)
        return ["sim.vvp" if simulator == "icarus" else top]

    if directory is not None:
        make(directory)
        return Build(directory, top, simulator, kind)
    return Build(cached(simulator, key, make), top, simulator, kind)


def _compile(
    verilog: str, top: str, simulator: str, waves: bool, scratch: Path, arguments: list[str]
) -> None:
    source = scratch / f"{top}.v"
    source.write_text(verilog)
    sources = [source]
    runtime = None
    if simulator == "verilator":
        control = VerilatorControlFile(scratch / "control.vlt")
        sources = [VerilatorControlFile(WAIVERS), control, source]
        runtime = verilator.Runtime(scratch.parent, *arguments)
        runtime.lend(scratch)
    log = scratch / "build.log"
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
        except (SystemExit, subprocess.CalledProcessError) as error:
            kept = scratch.parent / f"failed-{top}.log"
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
