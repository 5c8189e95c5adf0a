"""The mutation campaign: draw mutants, judge them in parallel, keep each outcome, and report.

Trials run on Dask workers: local ones, or those of the scheduler at a given address. Each outcome
is stored under a digest of everything that it depends on. An interrupted campaign therefore resumes
where it stopped, and an improved bench runs only on the survivors.
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
from .equivalence import COMPARED, COMPARED_WITH_FLIPS, comparison_module, proof_version
from .mutants import Mutant, draw, sizes_of
from .trial import LAST_PHASE, Step, Trial, judge
from .units import TOP, UNITS, MutableDesign

# Further seeds, only for mutants that are neither killed nor proved equivalent.
MORE_SEEDS = 2
# A coroutine counts as hung after this multiple of the longest time without a mutation.
PATIENCE = 10
# Names of the phases of Step.
PHASES = ("benches", "proofs about modules, more seeds", "proofs about whole units")


@dataclass(frozen=True)
class MutantStatus:
    """The fate of a mutant: `killed`, `equivalent` or `survived`, and which step decided it."""

    mutant: Mutant
    outcome: str
    by: str | None
    seconds: float


def folder() -> Path:
    return toolchain.build_root() / "mutation"


def run_campaign(count: int, seed: int, scheduler: str | None, workers: int | None) -> dict:
    """Judge `count` mutants; write build/mutation/report.json and return the report.

    Parameters
    ----------
    count : int
        Number of mutants over all units.
    seed : int
        Seed of the mutants, and first seed of the benches.
    scheduler : str, optional
        Address of a Dask scheduler; by default, local workers are started.
    workers : int, optional
        Number of local workers; one per core by default.

    Raises
    ------
    ToolMissing
    ValueError, OSError
        If the count or the seed is out of range, or there is no scheduler at the address.
    SimulationFailed
        If a bench fails without a mutation.
    """
    if count < 1:
        raise ValueError(f"mutants must be an integer of at least 1, not {count}")
    if seed < 0:
        raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
    toolchain.require("icarus")
    toolchain.require_packages("pyosys", "distributed")
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
    """Plan the trial of each mutant, after its benches have passed without a mutation."""
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

        # Units with checksums must be equivalent also while bits flip.
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
    """Run all undecided trials, and store every outcome at once.

    Slow phases start when all mutants have passed the fast ones.
    """
    known = {trial.name: trial.known for trial in planned}
    for phase, what in enumerate(PHASES):
        current = [_up_to_phase(trial, known[trial.name], phase) for trial in planned]
        left = [trial for trial in current if not _is_decided(trial.steps, trial.known)]
        console.print(f"{what}: {len(planned) - len(left)} of {len(planned)} are already judged")
        known.update(_outcomes(client, what, left))
    return [
        _status(mutant, trial.steps, known[trial.name])
        for mutant, trial in zip(mutants, planned, strict=True)
    ]


def _up_to_phase(trial: Trial, known: dict[str, dict], phase: int) -> Trial:
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
    """Return the report of a campaign, as plain values.

    The score is the fraction of killed mutants among those that are not equivalent, from 0 to 1.
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
    not_equivalent = len(statuses) - outcomes["equivalent"]
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
        "score": round(outcomes["killed"] / not_equivalent, 4) if not_equivalent else None,
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
    """Print the survivors with their lines of Python, then the score."""
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
    """Return the first line of the version of Icarus."""
    import subprocess

    text = subprocess.run(["iverilog", "-V"], capture_output=True, text=True).stdout
    return text.splitlines()[0] if text else ""


def _limits(
    client, originals: dict[str, str], needed: list[tuple[str, Bench]], seed: int
) -> dict[tuple[str, Bench], int]:
    """Return the simulated time limit of the coroutines of each bench, in nanoseconds."""
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
    return design.verilog(mutated) + comparison_module(design.unit.config, TOP) + "\n"


def _is_decided(steps: tuple[Step, ...], outcomes: dict[str, dict]) -> bool:
    """Return whether one of the steps has decided, or all have been run."""
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
