"""`verify core-soak`: check random programs for a given time, report them, and replay cases."""

import itertools
import json
import shlex
import signal
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from weft.emit.files import write_whole
from weft_cli.benchmarks import results as bench
from weft_cli.console import console, progress_bar

from ..soak.command import LINE_SECONDS, MOST_FAILURES, POLL_SECONDS
from .cases import CORES, Case, cases
from .check import CaseResult, check, simulator
from .shrink import shrink


@dataclass(frozen=True)
class Failure:
    """A failing case, and the part of it that still fails."""

    difference: str
    case: Case
    smallest: Case

    def described(self) -> dict[str, str]:
        return {
            "difference": self.difference,
            "replay": replay_command(self.smallest),
            "replay_whole": replay_command(self.case),
        }


@dataclass
class Tally:
    """The work of a soak so far; `crashed`: a process ended, which ends the soak."""

    seed: int
    began: float = field(default_factory=time.monotonic)
    cases: int = 0
    done: CaseResult = field(default_factory=CaseResult)
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False
    crashed: bool = False

    def add(self, result: CaseResult) -> None:
        self.cases += 1
        for name in ("programs", "compared", "cycles", "processor_seconds"):
            setattr(self.done, name, getattr(self.done, name) + getattr(result, name))
        self.done.endings.update(result.endings)
        self.done.instructions.update(result.instructions)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def line(self) -> str:
        return (
            f"{self.seconds / 60:.1f} minutes: {self.done.programs:,} programs on {len(CORES)} "
            f"cores, {self.done.compared:,} of them compared to the end, {self.done.cycles:,} "
            f"cycles, {len(self.failures)} failures"
        )

    def report(self) -> dict:
        return {
            "cores": list(CORES),
            "cases": self.cases,
            **{name: getattr(self.done, name) for name in ("programs", "compared", "cycles")},
            "endings": _sorted(self.done.endings),
            "instructions": _sorted(self.done.instructions),
            "processor_seconds": round(self.done.processor_seconds, 2),
            "mismatches": len(self.failures),
            "failures": [failure.described() for failure in self.failures],
            "interrupted": self.interrupted,
            "seconds": round(self.seconds),
            "seed": self.seed,
            "date": time.strftime("%Y-%m-%d"),
            "machine": bench.machine(),
        }


def _sorted(counts: Counter) -> dict[str, int]:
    return dict(sorted(counts.items()))


def core_soak(
    minutes: float, tally: Tally, processes: int, report: Path, most_cases: int | None
) -> bool:
    """Check cases until the time is up, then finish the running ones; return whether all passed.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, if no case failed. The report is still written.
    """
    head = f"core-soak: {minutes:g} minutes, {processes} processes, seed {tally.seed}"
    console.print(f"[bold]{head}[/bold]")
    for core in CORES:
        simulator(core)
    # After Ctrl-C, this process decides; the others finish their cases.
    ignored = (signal.SIGINT, signal.SIG_IGN)
    context = get_context("forkserver")
    pool = ProcessPoolExecutor(processes, context, signal.signal, ignored)
    try:
        _check_cases(pool, tally, 60 * minutes, processes, most_cases)
    except KeyboardInterrupt:
        tally.interrupted = True
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    write_whole(report, json.dumps(tally.report(), indent=2) + "\n")
    console.print(f"{tally.line()}; {report}")
    if tally.interrupted and not tally.failures:
        raise KeyboardInterrupt
    return not tally.failures


def _check_cases(
    pool: ProcessPoolExecutor,
    tally: Tally,
    seconds: float,
    processes: int,
    most_cases: int | None,
) -> None:
    waiting = itertools.islice(cases(tally.seed), most_cases)
    running: dict[Future[CaseResult], Case] = {}
    next_line = LINE_SECONDS
    with progress_bar("core-soak") as (_, step):
        while True:
            enough = tally.crashed or len(tally.failures) >= MOST_FAILURES
            if tally.seconds < seconds and not enough:
                for case in itertools.islice(waiting, processes - len(running)):
                    running[pool.submit(check, case)] = case
            if not running:
                return
            ended, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
            _finish(tally, ((running.pop(future), future) for future in ended))
            if tally.seconds >= next_line:
                console.print(tally.line())
                next_line = tally.seconds + LINE_SECONDS
            step(min(int(tally.seconds), int(seconds)), int(seconds))


def _finish(tally: Tally, ended: Iterable[tuple[Case, Future[CaseResult]]]) -> None:
    for case, future in ended:
        try:
            result = future.result()
        except BrokenProcessPool:
            result = CaseResult("the process that ran it, or one beside it, has crashed")
            tally.crashed = True
        tally.add(result)
        if result.difference:
            smallest = case if tally.crashed else shrink(case, result.difference, check)
            failure = Failure(result.difference, case, smallest)
            tally.failures.append(failure)
            console.print(f"[red]{case.to_text()}[/red]: {result.difference}")
            console.print(f"replay it with\n{replay_command(smallest)}")


def replay_command(case: Case) -> str:
    text = shlex.quote(case.to_text())
    return f"PYTHONPATH=tb .venv/bin/python -m verify core-soak --replay {text}"


def replay(text: str) -> bool:
    """Check one case, as printed by a soak; return whether it passed.

    Raises
    ------
    ValueError
        If the text is not a case.
    """
    result = check(Case.from_text(text))
    console.print(result.difference or f"no difference in {result.programs} programs")
    return not result.difference
