"""The command `verify equivalence`: every comparison, shown and written as JSON."""

import json
import time
from pathlib import Path

from weft.emit.export import emit
from weft.emit.files import write_whole
from weft_cli.benchmarks.results import machine
from weft_cli.console import console, progress_bar
from weft_sim import toolchain

from .comparison import UNITS, available, compare
from .pythons import HASH_SEEDS, emit_on_all, writers_of

PLANS = 3


def run_equivalence(seed: int) -> bool:
    """Compare simulators and Pythons; True if nothing differs. The seed draws the first plan.

    What is not on this machine is said and reported as not run.
    """
    started = time.monotonic()
    folder = toolchain.build_root() / "equivalence"
    folder.mkdir(parents=True, exist_ok=True)
    console.print(f"seed {seed}")
    report = {
        "machine": machine(),
        "seed": seed,
        "simulators": _compare_simulators(seed, folder),
        "verilog": _compare_pythons(),
    }
    report["equal"] = report["simulators"]["equal"] and report["verilog"]["equal"]
    report["seconds"] = round(time.monotonic() - started, 1)
    path = folder / "report.json"
    write_whole(path, json.dumps(report, indent=2) + "\n")
    console.print(f"{path}: all in {report['seconds']} s")
    return report["equal"]


def _compare_simulators(seed: int, folder: Path) -> dict:
    names, missing = available()
    rows = []
    with progress_bar(f"cycles on {', '.join(names)}") as (_, step):
        for index, (unit, config) in enumerate(UNITS.items()):
            place = folder / unit.replace(",", "").replace(" ", "-")
            emission = emit(config)
            comparisons = [compare(emission, seed + n, names, place) for n in range(PLANS)]
            plans = [comparison.as_dict() for comparison in comparisons]
            rows.append(
                {"unit": unit, "parameters": emission.description["parameters"], "plans": plans}
            )
            step(index + 1, len(UNITS))
    plans = [plan for row in rows for plan in row["plans"]]
    totals = {
        "cycles": sum(plan["cycles"] for plan in plans),
        "transfers": sum(sum(plan["transfers"].values()) for plan in plans),
    }
    for name, lacks in missing.items():
        console.print(f"[yellow]{name} was not run[/yellow]: {lacks}")
    for row in rows:
        for plan in row["plans"]:
            for difference in plan["differences"]:
                console.print(f"[red]{row['unit']}, seed {plan['seed']}[/red]: {difference}")
    equal = all(plan["equal"] for plan in plans)
    if equal and len(names) > 1:
        console.print(
            f"{', '.join(names)}: the same in every one of {totals['cycles']:,} cycles, with "
            f"{totals['transfers']:,} transfers, of {len(UNITS)} units"
        )
    return {"compared": names, "not_run": missing, "equal": equal, **totals, "units": rows}


def _compare_pythons() -> dict:
    with progress_bar("Verilog of each Python") as (_, step):
        emissions = emit_on_all(step)
    units = writers_of(emissions)
    ran = [str(emission.python) for emission in emissions if emission.not_run is None]
    for emission in emissions:
        if emission.not_run:
            console.print(
                f"[yellow]Python {emission.version} was not run[/yellow]: {emission.not_run}"
            )
    for name, texts in units.items():
        if len(texts) > 1:
            said = "; ".join(_shown_writers(writers) for writers in texts.values())
            console.print(f"[red]{name}[/red]: {len(texts)} different texts, by {said}")
    equal = all(len(texts) == 1 for texts in units.values())
    if equal:
        console.print(
            f"Python {', '.join(ran)}: the same bytes of {len(units)} units for each of "
            f"{len(HASH_SEEDS)} hash seeds"
        )
    return {
        "equal": equal,
        "hash_seeds": HASH_SEEDS,
        "pythons": [
            {name: value for name, value in vars(emission).items() if name != "sums"}
            for emission in emissions
        ],
        "units": {
            name: {"equal": len(texts) == 1, "sha256": texts} for name, texts in units.items()
        },
    }


def _shown_writers(writers: list[str]) -> str:
    """Every Python once, without its hash seeds unless they are not all."""
    pythons = [writer.split(",")[0] for writer in writers]
    whole = all(pythons.count(python) == len(HASH_SEEDS) for python in pythons)
    return f"Python {', '.join(dict.fromkeys(pythons) if whole else writers)}"
