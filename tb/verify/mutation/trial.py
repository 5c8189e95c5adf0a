"""The trial of one mutant: benches, then proofs; runs on any machine that has the sources."""

import os
import resource
import stat
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from weft.emit.verilog import Design
from weft_sim import simulator as simulators
from weft_sim.cache import digest
from weft_sim.verilator import SimulationFailed

from .benches import Bench
from .equivalence import prove

# A combinational loop can keep a simulator busy in one cycle indefinitely.
CPU_SECONDS = 120
PROOF_SECONDS = 10
LATE_PROOF_SECONDS = 60
LAST_PHASE = 2
LIMITED = """\
#!/bin/sh
ulimit -t {seconds}
PATH="{path}"
exec vvp "$@"
"""


@dataclass(frozen=True)
class Step:
    """A bench to run with a seed, or a proof to try on a module.

    `key`: digest of everything that its outcome depends on. `phase`: index into campaign.PHASES. An
    outcome is a dict: `killed`, the coroutine that failed or how the run ended, or None; `proved`,
    the module, or None; and `seconds`.
    """

    key: str
    bench: Bench | None = None
    seed: int = 0
    timeout_ns: int = 0
    proof: str = ""
    phase: int = 0


@dataclass(frozen=True)
class Trial:
    """The Verilog of a mutant and of the original, and steps to run until one decides."""

    name: str
    original: str
    mutated: str
    steps: tuple[Step, ...]
    known: dict[str, dict] = field(default_factory=dict)


def judge(trial: Trial) -> tuple[str, dict[str, dict]]:
    """Run steps until one kills the mutant or proves it equivalent; return all outcomes by key."""
    outcomes = dict(trial.known)
    for step in trial.steps:
        if step.key not in outcomes:
            outcomes[step.key] = _run_step(trial, step)
        if is_decided(outcomes[step.key]):
            break
    return trial.name, outcomes


def is_decided(outcome: dict) -> bool:
    return bool(outcome["killed"] or outcome["proved"])


def _run_step(trial: Trial, step: Step) -> dict:
    started = time.monotonic()
    killed = proved = None
    if step.bench is not None:
        killed = failure_of(trial.mutated, step.bench, step.seed, step.timeout_ns)
        if killed and step.phase:
            # The original has passed with the first seed only.
            longest_ns(trial.original, step.bench, step.seed)
    else:
        seconds = LATE_PROOF_SECONDS if step.phase == LAST_PHASE else PROOF_SECONDS
        if prove(trial.original, trial.mutated, step.proof, seconds):
            proved = step.proof
    return {"killed": killed, "proved": proved, "seconds": round(time.monotonic() - started, 2)}


def step_key(verilog: str, bench: Bench, seed: int) -> str:
    return digest([verilog, bench.version, str(seed)])


def failure_of(verilog: str, bench: Bench, seed: int, timeout_ns: int) -> str | None:
    """Return the coroutine that fails, or None if all pass.

    Raises
    ------
    SimulationFailed
        If the simulation does not build or crashes, which says nothing about the mutant.
    """
    return _run(verilog, bench, seed, timeout_ns)[0]


def longest_ns(verilog: str, bench: Bench, seed: int) -> int:
    """Return the simulated time of the longest coroutine; all must pass.

    Raises
    ------
    SimulationFailed
    """
    failure, longest = _run(verilog, bench, seed, None)
    if failure:
        raise SimulationFailed(f"{failure} fails on {bench.top} without a mutation, seed {seed}")
    return longest


def _run(verilog: str, bench: Bench, seed: int, timeout_ns: int | None) -> tuple[str | None, int]:
    with tempfile.TemporaryDirectory(prefix="weft-mutation-") as scratch:
        folder = Path(scratch)
        (folder / "build").mkdir()
        build = simulators.build(
            Design.of_text(verilog, bench.top), "icarus", directory=folder / "build"
        )
        environment = {
            "WEFT_BENCH": bench.facts,
            "COCOTB_MAX_FAILURES": "1",
            "PATH": f"{_limited_simulator(folder)}{os.pathsep}{os.environ['PATH']}",
        }
        if timeout_ns is not None:
            environment["WEFT_TIMEOUT_NS"] = str(timeout_ns)
        spent = _spent_seconds()
        try:
            build.run(
                bench.modules,
                directory=folder,
                test_filter=bench.names,
                environment=environment,
                seed=seed,
                log=folder / "run.log",
            )
        except SimulationFailed as failed:
            failure = _failed_coroutine(folder / "results.xml")
            if failure is None and _spent_seconds() - spent > 0.9 * CPU_SECONDS:
                failure = "never ends within one cycle"
            if failure is None:
                log = (folder / "run.log").read_text()
                raise SimulationFailed(f"{failed}\n{log[-2000:]}") from failed
            return failure, 0
        return None, _longest(folder / "results.xml")


def _limited_simulator(folder: Path) -> Path:
    """Make a folder with a vvp that ends after CPU_SECONDS of processor time."""
    limited = folder / "bin"
    limited.mkdir()
    program = limited / "vvp"
    program.write_text(LIMITED.format(seconds=CPU_SECONDS, path=os.environ["PATH"]))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return limited


def _spent_seconds() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def _failed_coroutine(results: Path) -> str | None:
    if results.is_file():
        for case in ElementTree.parse(results).iter("testcase"):
            for failure in (*case.iter("failure"), *case.iter("error")):
                text = (failure.get("message") or failure.text or "").strip()
                first = text.splitlines()[0] if text else ""
                return f"{case.get('classname')}.{case.get('name')}: {first}"
    return None


def _longest(results: Path) -> int:
    durations = [
        float(entry.get("value", 0))
        for entry in ElementTree.parse(results).iter("property")
        if entry.get("name") == "sim_time_duration"
    ]
    return int(max(durations))
