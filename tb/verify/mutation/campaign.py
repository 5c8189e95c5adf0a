"""The campaign: mutants drawn, put on trial in parallel, each outcome kept, and the score.

Trials run on the workers of Dask: those of this machine, or of a cluster whose scheduler's address
is given. An outcome is kept under all that it depends on: an interrupted campaign goes on where it
stopped, and a better bench meets the survivors alone.
"""

import collections
import dataclasses
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from weft.emit.files import write_whole
from weft_cli.benchmarks.results import machine
from weft_cli.console import console, progress_bar
from weft_cli.fpga.table import client_of
from weft_sim import toolchain
from weft_sim.cache import digest

from . import trial as trials
from .benches import Bench, benches_of, design_with_harnesses
from .equivalence import COMPARED, COMPARED_WITH_FLIPS, proof_version, with_what_matters
from .mutants import Mutant, draw, sizes_of
from .trial import LAST_PHASE, Step, Trial, judge
from .units import TOP, UNITS, MutableDesign

# Seeds after the first that only those meet which no bench has killed and no proof excused.
MORE_SEEDS = 2
# A coroutine hangs that takes so many times as long as the longest one without a mutation.
PATIENCE = 10
# By their numbers.
PHASES = ("benches", "proofs about modules, more seeds", "proofs about whole units")


@dataclass(frozen=True)
class MutantStatus:
    """What became of a mutant: `killed`, `equivalent` or `survived`, and by what."""

    mutant: Mutant
    outcome: str
    by: str | None
    seconds: float


def folder() -> Path:
    return toolchain.build_root() / "mutation"


def run_campaign(count: int, seed: int, scheduler: str | None, workers: int | None) -> dict:
    """Judge so many mutants; leave build/mutation/report.json and return what it says.

    Parameters
    ----------
    count : int
        Of mutants, over all units.
    seed : int
        Draws the mutants, and is the first seed of the benches.
    scheduler : str, optional
        Address of a Dask scheduler; workers on this machine when left out.
    workers : int, optional
        Processes on this machine; one for each core when left out.

    Raises
    ------
    ToolMissing
    ValueError, OSError
        For a count or a seed that is none, and if there is no scheduler at that address.
    SimulationFailed
        If a bench fails without a mutation.
    """
    if count < 1:
        raise ValueError(f"mutants must be an integer of at least 1, not {count}")
    if seed < 0:
        raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
    toolchain.require("icarus")
    for package in ("pyosys", "distributed"):
        if not toolchain.has_package(package):
            raise toolchain.ToolMissing(package)
    (folder() / "outcomes").mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    console.print(f"seed {seed}")
    with console.status("drawing mutants ..."):
        designs = {unit.name: design_with_harnesses(unit) for unit in UNITS}
        mutants = draw(list(designs.values()), count, seed)
    with client_of(scheduler, workers) as client:
        planned = plan(client, designs, mutants, seed)
        statuses = judge_all(client, mutants, planned)
    report = report_of(designs, statuses, seed, time.monotonic() - started)
    write_whole(folder() / "report.json", json.dumps(report, indent=2) + "\n")
    return report


def plan(
    client, designs: dict[str, MutableDesign], mutants: list[Mutant], seed: int
) -> list[Trial]:
    """The trial of each mutant; benches that it meets have passed without it."""
    seeds = [seed + more for more in range(MORE_SEEDS + 1)]
    benches = {mutant: benches_of(designs[mutant.unit], mutant.module) for mutant in mutants}
    originals = {name: _with_harness(design, {}) for name, design in designs.items()}
    needed = {(mutant.unit, bench) for mutant in mutants for bench in benches[mutant]}
    limits = _limits(client, originals, sorted(needed, key=str), seed)
    planned = []
    for mutant in mutants:
        original = originals[mutant.unit]
        mutated = _with_harness(designs[mutant.unit], {mutant.module: mutant.verilog})

        def run(one_seed: int, mutant=mutant, mutated=mutated) -> list[Step]:
            return [
                Step(
                    key=trials.step_key(mutated, bench, one_seed),
                    bench=bench,
                    seed=one_seed,
                    timeout_ns=limits[mutant.unit, bench],
                    phase=int(one_seed != seed),
                )
                for bench in benches[mutant]
            ]

        def proof(top: str, phase: int, original=original, mutated=mutated) -> Step:
            key = digest([original, mutated, top, proof_version()])
            return Step(key, proof=top, phase=phase)

        # A unit with checksums is not the same if it is only while no bit flips.
        sees_flips = designs[mutant.unit].unit.config.checksum
        steps = [*run(seed), *([] if sees_flips else [proof(mutant.module, 1)])]
        for one_seed in seeds[1:]:
            steps += run(one_seed)
        steps.append(proof(COMPARED_WITH_FLIPS if sees_flips else COMPARED, LAST_PHASE))
        path = folder() / "outcomes" / f"{mutant.key}.json"
        known = json.loads(path.read_text()) if path.is_file() else {}
        planned.append(Trial(mutant.key, original, mutated, tuple(steps), known))
    return planned


def judge_all(client, mutants: list[Mutant], planned: list[Trial]) -> list[MutantStatus]:
    """Put on trial what is not decided yet, and keep every outcome as it comes.

    What takes longer comes when all mutants are through what takes seconds.
    """
    known = {trial.name: trial.known for trial in planned}
    for phase, what in enumerate(PHASES):
        asked = [_asked(trial, known[trial.name], phase) for trial in planned]
        left = [trial for trial in asked if not _is_decided(trial.steps, trial.known)]
        console.print(f"{what}: {len(planned) - len(left)} of {len(planned)} are judged already")
        known.update(_outcomes(client, what, left))
    return [
        _status(mutant, trial.steps, known[trial.name])
        for mutant, trial in zip(mutants, planned, strict=True)
    ]


def _asked(trial: Trial, known: dict[str, dict], phase: int) -> Trial:
    steps = tuple(step for step in trial.steps if step.phase <= phase)
    return dataclasses.replace(trial, steps=steps, known=known)


def _outcomes(client, what: str, left: list[Trial]) -> Iterator[tuple[str, dict[str, dict]]]:
    from distributed import as_completed

    with progress_bar(what) as (_, step):
        futures = [client.submit(judge, trial, pure=False) for trial in left]
        for done, (_, (name, outcomes)) in enumerate(as_completed(futures, with_results=True), 1):
            text = json.dumps(outcomes, indent=2) + "\n"
            write_whole(folder() / "outcomes" / f"{name}.json", text)
            step(done, len(left))
            yield name, outcomes


def report_of(
    designs: dict[str, MutableDesign], statuses: list[MutantStatus], seed: int, seconds: float
) -> dict:
    """Everything that is told of a campaign, as plain values.

    The score is of the mutants that are not equivalent: how many of them are killed, from 0 to 1.
    """
    outcomes = collections.Counter(status.outcome for status in statuses)
    places = collections.defaultdict(collections.Counter)
    for status in statuses:
        place = f"{status.mutant.unit}: {status.mutant.module}"
        places[place][status.outcome] += 1
    sizes = {
        f"{name}: {module}": size
        for name, design in designs.items()
        for module, size in sizes_of(design).items()
    }
    mortal = len(statuses) - outcomes["equivalent"]
    facts = machine()
    return {
        "date": facts.pop("date"),
        "machine": facts,
        "tools": {"pyosys": version("pyosys"), "icarus": icarus_version()},
        "seed": seed,
        "seconds": round(seconds, 1),
        "trial_seconds": round(sum(status.seconds for status in statuses), 1),
        "mutants": len(statuses),
        "possible": sum(sizes.values()),
        "killed": outcomes["killed"],
        "equivalent": outcomes["equivalent"],
        "survived": outcomes["survived"],
        "score": round(outcomes["killed"] / mortal, 4) if mortal else None,
        "killed_by": dict(_killers(statuses).most_common()),
        "configurations": {
            unit.name: {
                k: v if isinstance(v, int) else str(v) for k, v in vars(unit.config).items()
            }
            for unit in UNITS
        },
        "modules": {
            place: {
                "possible": size,
                **{kind: places[place][kind] for kind in ("killed", "equivalent", "survived")},
            }
            for place, size in sizes.items()
        },
        "survivors": [_row(status) for status in _of_kind(statuses, "survived")],
        "equivalents": [_row(status) for status in _of_kind(statuses, "equivalent")],
    }


def show(report: dict) -> None:
    """Print a report: survivors by line of Python, then the score."""
    for row in report["survivors"]:
        console.print(
            f"survived: {row['source']}, {row['module']} of {row['unit']}: {row['mutation']}",
            highlight=False,
            markup=False,
        )
    score = "no score" if report["score"] is None else f"score {report['score']:.1%}"
    console.print(
        f"{report['mutants']} mutants: {report['killed']} killed, {report['equivalent']} proved "
        f"equivalent, {report['survived']} survived; {score}"
    )
    console.print(f"{folder() / 'report.json'}", highlight=False)


def icarus_version() -> str:
    """The first line of what Icarus says of itself."""
    import subprocess

    said = subprocess.run(["iverilog", "-V"], capture_output=True, text=True).stdout
    return said.splitlines()[0] if said else ""


def _limits(
    client, originals: dict[str, str], needed: list[tuple[str, Bench]], seed: int
) -> dict[tuple[str, Bench], int]:
    """Simulated nanoseconds that a coroutine of each bench may take."""
    limits, missing = {}, []
    for unit, bench in needed:
        key = trials.step_key(originals[unit], bench, seed)
        path = folder() / "outcomes" / f"without-{key}.json"
        if path.is_file():
            limits[unit, bench] = PATIENCE * json.loads(path.read_text())["longest_ns"]
        else:
            missing.append((path, unit, bench))
    with progress_bar("benches without a mutation") as (_, step):
        futures = [
            client.submit(trials.longest_ns, originals[unit], bench, seed, pure=False)
            for _, unit, bench in missing
        ]
        for done, (future, (path, unit, bench)) in enumerate(zip(futures, missing, strict=True), 1):
            longest = future.result()
            write_whole(path, json.dumps({"longest_ns": longest}) + "\n")
            limits[unit, bench] = PATIENCE * longest
            step(done, len(missing))
    return limits


def _with_harness(design: MutableDesign, mutated: dict[str, str]) -> str:
    return design.verilog(mutated) + with_what_matters(design.unit.config, TOP) + "\n"


def _is_decided(steps: tuple[Step, ...], outcomes: dict[str, dict]) -> bool:
    """Whether a step has decided, or all were taken, of those that are asked for now."""
    for step in steps:
        if step.key not in outcomes:
            return False
        if trials.is_decided(outcomes[step.key]):
            return True
    return True


def _status(mutant: Mutant, steps: tuple[Step, ...], outcomes: dict[str, dict]) -> MutantStatus:
    taken = []
    for step in steps:
        if step.key in outcomes:
            taken.append(outcomes[step.key])
            if trials.is_decided(taken[-1]):
                break
    last = taken[-1]
    outcome = "killed" if last["killed"] else "equivalent" if last["proved"] else "survived"
    return MutantStatus(
        mutant, outcome, last["killed"] or last["proved"], sum(one["seconds"] for one in taken)
    )


def _of_kind(statuses: list[MutantStatus], outcome: str) -> list[MutantStatus]:
    kind = [status for status in statuses if status.outcome == outcome]
    return sorted(kind, key=lambda status: (status.mutant.source, status.mutant.mutation))


def _row(status: MutantStatus) -> dict:
    mutant = status.mutant
    return {
        "source": mutant.source,
        "unit": mutant.unit,
        "module": mutant.module,
        "component": mutant.component,
        "mutation": mutant.mutation,
        "proved": status.by if status.outcome == "equivalent" else None,
        "key": mutant.key,
    }


def _killers(statuses: list[MutantStatus]) -> collections.Counter:
    return collections.Counter(
        (status.by or "").split(":")[0] for status in statuses if status.outcome == "killed"
    )
