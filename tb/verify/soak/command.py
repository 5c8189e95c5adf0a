"""`verify soak`: check random cases for a given time, report them, and replay single cases."""

import dataclasses
import itertools
import json
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path

import weft
from weft.emit.files import write_whole
from weft_cli.benchmarks import results as bench
from weft_cli.console import console, progress_bar
from weft_sim.cache import digest

from .cases import Case
from .check import CaseResult
from .draws import cases
from .isolation import Isolated, check_alone, wait
from .shrink import shrink

POLL_SECONDS = 1.0
# Interval between lines of progress.
LINE_SECONDS = 60.0
SHRINK_SECONDS = 300.0
# One defect may break every case, so this number of failures ends the soak.
MOST_FAILURES = 5
# Fields of a result that are added up over the cases.
SUMS = (
    "products",
    "macs",
    "cycles",
    "resets",
    "numbers_before_resets",
    "stalled_runs",
    "processor_seconds",
)


@dataclass(frozen=True)
class Failure:
    """A failing case of a soak, and the smallest failing case found from it."""

    number: int
    difference: str
    case: Case
    smallest: Case
    smallest_difference: str

    def described(self) -> dict[str, int | str]:
        return {
            "case": self.number,
            "difference": self.difference,
            "replay": replay_command(self.smallest),
            "replay_difference": self.smallest_difference or "none: the failure did not recur",
            "replay_whole": replay_command(self.case),
        }


@dataclass
class Tally:
    """The work of a soak so far; `seconds_before`: duration before it was resumed."""

    seed: int
    seconds_before: int = 0
    began: float = field(default_factory=time.monotonic)
    configurations: int = 0
    units: set = field(default_factory=set)
    done: CaseResult = field(default_factory=CaseResult)
    failures: list[Failure] = field(default_factory=list)
    interrupted: bool = False

    def add(self, case: Case, result: CaseResult) -> None:
        self.configurations += 1
        self.units.add(case.config)
        for name in SUMS:
            setattr(self.done, name, getattr(self.done, name) + getattr(result, name))

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def line(self) -> str:
        minutes = (self.seconds_before + self.seconds) / 60
        return (
            f"{minutes:.1f} minutes: {self.configurations:,} configurations, "
            f"{self.done.products:,} products, {self.done.macs:.2e} multiply-accumulates, "
            f"{self.done.resets:,} resets, {len(self.failures)} failures"
        )

    def report(self) -> dict:
        return {
            "configurations": self.configurations,
            "distinct": len(self.units),
            **{name: getattr(self.done, name) for name in SUMS},
            "processor_seconds": round(self.done.processor_seconds, 2),
            "mismatches": len(self.failures),
            "failures": [failure.described() for failure in self.failures],
            "interrupted": self.interrupted,
            "seconds": self.seconds_before + round(self.seconds),
            "seed": self.seed,
            "sources": sources(),
            "date": time.strftime("%Y-%m-%d"),
            "machine": bench.machine(),
        }


def sources() -> str:
    """Return a digest of the sources of the hardware and of the soak."""
    folders = Path(weft.__file__).parent, Path(__file__).parent
    return digest([path.read_text() for folder in folders for path in sorted(folder.rglob("*.py"))])


def resumed(report: Path) -> Tally:
    """Return the tally of an earlier soak from its report, to continue with the next cases.

    Raises
    ------
    FileNotFoundError
        If the report does not exist.
    ValueError
        If the soak found a failure, was interrupted, so that some of its cases are missing, or used
        other sources.
    """
    read = json.loads(report.read_text())
    if read.get("sources") != sources():
        raise ValueError(f"{report} is from other hardware or other checks: start a new soak")
    if read["failures"] or read["interrupted"]:
        raise ValueError(f"{report} is from a soak that failed or was interrupted: start a new one")
    count = read["configurations"]
    return Tally(
        seed=read["seed"],
        seconds_before=read["seconds"],
        configurations=count,
        units={case.config for case in itertools.islice(cases(read["seed"]), count)},
        done=CaseResult(**{name: read[name] for name in SUMS}),
    )


def soak(
    minutes: float, tally: Tally, processes: int, report: Path, most_cases: int | None
) -> bool:
    """Check cases until the time is up, then finish the running ones; return whether all passed.

    Parameters
    ----------
    tally : Tally
        A new tally, or the tally of the soak to resume; the report covers all of it.
    processes : int
        Number of parallel processes, with one case each.
    most_cases : int, optional
        Stop after this number of further cases.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, which ends the soak at once, if no case failed. The report is still written,
        except when that would overwrite the report of a resumed soak.
    """
    head = f"soak: {minutes:g} minutes, {processes} processes, seed {tally.seed}"
    console.print(f"[bold]{head}[/bold]")
    try:
        _check_cases(tally, 60 * minutes, processes, most_cases)
    except KeyboardInterrupt:
        tally.interrupted = True
    stopped = tally.interrupted and not tally.failures
    if not (stopped and tally.seconds_before):
        write_whole(report, json.dumps(tally.report(), indent=2) + "\n")
    console.print(tally.line())
    console.print(f"{len(tally.units):,} distinct configurations; {report}")
    if stopped:
        raise KeyboardInterrupt
    return not tally.failures


def _check_cases(tally: Tally, seconds: float, processes: int, most_cases: int | None) -> None:
    first = tally.configurations
    stop = None if most_cases is None else first + most_cases
    numbered = itertools.islice(enumerate(cases(tally.seed)), first, stop)
    numbers: dict[Isolated, int] = {}
    next_line = LINE_SECONDS
    with progress_bar("soak") as (_, step):
        try:
            while True:
                while len(numbers) < processes and tally.seconds < seconds:
                    number, case = next(numbered, (0, None))
                    if case is None:
                        break
                    numbers[Isolated(case)] = number
                if not numbers:
                    return
                for ended in wait(list(numbers), POLL_SECONDS):
                    _finish(tally, numbers.pop(ended), ended)
                if len(tally.failures) >= MOST_FAILURES:
                    console.print(f"{MOST_FAILURES} failures are enough")
                    return
                if tally.seconds >= next_line:
                    console.print(tally.line())
                    next_line = tally.seconds + LINE_SECONDS
                step(min(int(tally.seconds), int(seconds)), int(seconds))
        finally:
            for running in numbers:
                running.kill()


def _finish(tally: Tally, number: int, ended: Isolated) -> None:
    result = ended.result()
    ended.kill()
    tally.add(ended.case, result)
    if not result.difference:
        return
    console.print(f"[red]case {number} of seed {tally.seed}[/red]: {result.difference}")
    console.print(f"shrinking it, for at most {SHRINK_SECONDS / 60:.0f} minutes")
    # Recorded first, in case Ctrl-C interrupts the shrinking.
    failure = Failure(number, result.difference, ended.case, ended.case, result.difference)
    tally.failures.append(failure)
    smallest, how = shrink(ended.case, check_alone, SHRINK_SECONDS)
    failure = dataclasses.replace(failure, smallest=smallest, smallest_difference=how)
    tally.failures[-1] = failure
    described = failure.described()
    console.print(f"the smallest case: {described['replay_difference']}; replay it with")
    print(described["replay"], flush=True)


def replay_command(case: Case) -> str:
    return f"PYTHONPATH=tb .venv/bin/python -m verify soak --replay {shlex.quote(case.to_text())}"


def replay(text: str) -> bool:
    """Check one case, as printed by a soak; return whether it passed.

    Raises
    ------
    ValueError
        If the text is not a case.
    """
    result = check_alone(Case.from_text(text))
    console.print(result.difference or f"no difference in {result.products} products")
    return not result.difference
