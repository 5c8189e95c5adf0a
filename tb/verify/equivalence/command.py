"""`verify equivalence`: run all comparisons, print the results and write them as JSON."""

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
    """Compare simulators and Pythons; return whether nothing differs.

    `seed` is the seed of the first plan. Simulators and Pythons that this machine does not have are
    printed and reported as not run.
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
    console.print(f"{path}: finished in {report['seconds']} s")
    return report["equal"]


def _compare_simulators(seed: int, folder: Path) -> dict:
    names, missing = available()
    rows = []
    with progress_bar(f"cycles on {', '.join(names)}") as (building, step):
        for index, (unit, config) in enumerate(UNITS.items()):
            directory = folder / unit.replace(",", "").replace(" ", "-")
            emission = emit(config)
            comparisons = [
                compare(emission, seed + n, names, directory, building=building)
                for n in range(PLANS)
            ]
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
    for name, reason in missing.items():
        console.print(f"[yellow]{name} was not run[/yellow]: {reason}")
    for row in rows:
        for plan in row["plans"]:
            for difference in plan["differences"]:
                console.print(f"[red]{row['unit']}, seed {plan['seed']}[/red]: {difference}")
    equal = all(plan["equal"] for plan in plans)
    if equal and len(names) > 1:
        console.print(
            f"{', '.join(names)}: equal in all {totals['cycles']:,} cycles of {len(UNITS)} units, "
            f"with {totals['transfers']:,} transfers"
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
            shown = "; ".join(_shown_writers(writers) for writers in texts.values())
            console.print(f"[red]{name}[/red]: {len(texts)} different texts, by {shown}")
    equal = all(len(texts) == 1 for texts in units.values())
    if equal:
        console.print(
            f"Python {', '.join(ran)}: equal bytes of {len(units)} units for each of "
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
    """List each Python once; with its hash seeds only if some of them are missing."""
    pythons = [writer.split(",")[0] for writer in writers]
    whole = all(pythons.count(python) == len(HASH_SEEDS) for python in pythons)
    return f"Python {', '.join(dict.fromkeys(pythons) if whole else writers)}"
