"""The one file that knows simulators: Verilog in, results of cocotb tests out.

Builds are cached by content: of the Verilog, the simulator, the options and the tools' versions.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import filelock
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import VerilatorControlFile, get_runner

from . import toolchain

TIMESCALE = ("1ns", "1ps")

# What cocotb's runner, or the simulation that it starts, would put before our arguments.
RUNNER_VARIABLES = (
    *("WAVES", "GUI", "PYTEST_CURRENT_TEST", "COCOTB_TEST_FILTER", "COCOTB_TESTCASE"),
    *("COCOTB_RANDOM_SEED", "COCOTB_TEST_MODULES", "COCOTB_TOPLEVEL"),
)

WAIVERS = Path(__file__).with_name("waivers.vlt")


class SimulationFailed(RuntimeError):
    """A simulator or a build went wrong; the text names the log."""


@dataclass(frozen=True)
class Build:
    """A simulation ready to run."""

    directory: Path
    top: str
    simulator: str
    waves: str | None

    def run(
        self,
        test_module: str,
        *,
        directory: Path,
        test_filter: str | None = None,
        environment: dict[str, str] | None = None,
        seed: int | None = None,
        log: Path | None = None,
    ) -> None:
        """Run the cocotb tests of a module in `directory`; raise SimulationFailed if one fails.

        Parameters
        ----------
        test_module : str
            Importable name of the module that holds the coroutines.
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


def build(verilog: str, top: str, simulator: str = "verilator", *, waves: bool = False) -> Build:
    """Make a simulation of Verilog text, or find the one made before.

    Waves are FST; on Verilator they are VCD where the headers of its FST writer are missing.
    An interrupted build leaves nothing that is taken for a whole one.
    """
    toolchain.prepare_environment()
    toolchain.require(simulator)
    kind = None
    arguments: list[str] = []
    if waves:
        kind = "fst" if simulator == "icarus" or toolchain.fst_headers() else "vcd"
    if simulator == "verilator":
        # cocotb sees the top's signals only: a table of all signals takes minutes to compile.
        arguments = ["--no-public-flat-rw", "-Wno-fatal"]
        if kind:
            arguments += ["--trace-structs"] + (["--trace-fst"] if kind == "fst" else [])
    key = hashlib.sha256(
        "\0".join(
            [verilog, top, simulator, str(kind), *arguments, WAIVERS.read_text(), *_versions()]
        ).encode()
    ).hexdigest()[:24]
    cache = toolchain.build_root() / "cache"
    directory = cache / f"{simulator}-{key}"
    finished = Build(directory, top, simulator, kind)
    if directory.is_dir():
        return finished
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / f"{simulator}-{key}.lock"):
        if not directory.is_dir():
            scratch = cache / f".{simulator}-{key}"
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            _compile(verilog, finished, scratch, arguments)
            scratch.replace(directory)
    return finished


def _compile(verilog: str, target: Build, scratch: Path, arguments: list[str]) -> None:
    source = scratch / f"{target.top}.v"
    source.write_text(verilog)
    sources = [source]
    runtime = None
    if target.simulator == "verilator":
        ports = scratch / "ports.vlt"
        ports.write_text(f'`verilator_config\npublic_flat_rw -module "{target.top}" -var "*"\n')
        sources = [VerilatorControlFile(WAIVERS), VerilatorControlFile(ports), source]
        runtime = scratch.parent / f"runtime-{_digest(*_versions(), *arguments)}"
        # Dated ahead, since make would take them for older than the rules that it is about to get.
        ahead = time.time() + 24 * 3600
        for known in runtime.glob("*.o"):
            os.utime(shutil.copy(known, scratch), (ahead, ahead))
    log = scratch / "build.log"
    runner = get_runner(target.simulator)
    with _without(*RUNNER_VARIABLES):
        try:
            runner.build(
                sources=sources,
                hdl_toplevel=target.top,
                build_dir=scratch,
                build_args=arguments,
                always=True,
                waves=target.waves is not None,
                timescale=TIMESCALE,
                log_file=log,
            )
        except (SystemExit, subprocess.CalledProcessError) as error:
            kept = scratch.parent / f"failed-{target.top}.log"
            shutil.copy(log, kept)
            raise SimulationFailed(f"{target.simulator} could not build{_see(kept)}") from error
    if runtime is not None and not runtime.is_dir():
        _keep_runtime(scratch, runtime)


def _keep_runtime(scratch: Path, runtime: Path) -> None:
    """Verilator's own objects are the same for every design: keep them for the next build."""
    fresh = runtime.with_name(f".{runtime.name}.{os.getpid()}")
    fresh.mkdir(exist_ok=True)
    for made in scratch.glob("verilated*.o"):
        shutil.copy(made, fresh)
    with contextlib.suppress(OSError):  # another build was first
        fresh.replace(runtime)
    shutil.rmtree(fresh, ignore_errors=True)


def _versions() -> list[str]:
    names = ("cocotb", "verilator")
    return [f"{name} {version(name)}" for name in names] + [str(Path(os.sys.executable).parent)]


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


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
