"""`weft faults`: the units, the report, and the table that is shown."""

import dataclasses
import json
import time
from pathlib import Path

from rich.table import Table

from weft.config import TINY, MatrixUnitConfig
from weft.export import parameters_of, write_whole

from ..bench import machine
from ..report import console, progress_bar
from ..toolchain import build_root
from .campaign import PRODUCTS, WORKS, Campaign, ClassTally, Injection, check_classes
from .classes import CLASSES
from .intervals import wilson
from .verdict import SEEN_BY, VERDICTS

UNITS = {
    "4x4": TINY,
    "4x4 fast": dataclasses.replace(TINY, inner_product="fast"),
    "4x4 checksum": dataclasses.replace(TINY, checksum=True),
}
# Silent faults that the report tells of, of each class.
EXAMPLES = 5


def inject(
    names: tuple[str, ...],
    faults: int,
    seed: int,
    units: dict[str, MatrixUnitConfig] = UNITS,
    report: Path | None = None,
) -> dict:
    """Inject `faults` faults in each class of each unit; write the report, show and return it.

    Parameters
    ----------
    names : str
        Classes; all of them if there are none.
    report : Path, optional
        build/faults/report.json when left out.

    Raises
    ------
    ValueError
        For a class that does not exist.
    toolchain.ToolMissing, verilator.SimulationFailed
        As `Campaign`.
    """
    classes = check_classes(names)
    report = report or build_root() / "faults" / "report.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    console.print(f"[bold]faults: {faults:,} in each class of each unit, seed {seed}[/bold]")
    started = time.monotonic()
    described = []
    for name, config in units.items():
        with progress_bar(f"faults in {name}") as (building, step):
            building()
            campaign = Campaign(name, config, seed)
            injecting = time.process_time()
            tallies = campaign.run(classes, faults, step)
        described.append(_described(campaign, tallies, time.process_time() - injecting))
        console.print(_table(described[-1]))
    whole = {
        "seed": seed,
        "faults_of_each_class": faults,
        "works": WORKS,
        "products_of_each_work": PRODUCTS,
        "seconds": round(time.monotonic() - started, 1),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "classes": {name: CLASSES[name] for name in classes},
        "seen_by": SEEN_BY,
        "units": described,
    }
    write_whole(report, json.dumps(whole, indent=2) + "\n")
    console.print(f"{report}: {whole['seconds']:.0f} s")
    return whole


def _described(
    campaign: Campaign, tallies: dict[str, ClassTally], processor_seconds: float
) -> dict:
    rows = [_class_row(campaign, name, tally) for name, tally in tallies.items()]
    bits = sum(row["bits"] for row in rows)
    # Of a flip that strikes every bit of these classes equally often.
    weighted = {
        kind: sum(row["bits"] * row["fractions"][kind]["value"] for row in rows) / bits
        for kind in VERDICTS
    }
    return {
        "name": campaign.name,
        "parameters": parameters_of(campaign.config),
        "bits": bits,
        "cycles_of_works": [answer.cycles for answer in campaign.expected],
        "injected": sum(row["injected"] for row in rows),
        "injecting_processor_seconds": round(processor_seconds, 1),
        "by_bits": {kind: round(value, 4) for kind, value in weighted.items()},
        "classes": rows,
    }


def _class_row(campaign: Campaign, name: str, tally: ClassTally) -> dict:
    counts, total = tally.counts(), len(tally.injections)
    fractions = {}
    for kind in VERDICTS:
        low, high = wilson(counts[kind], total)
        value = counts[kind] / total
        fractions[kind] = {"value": value, "low": round(low, 4), "high": round(high, 4)}
    silent = [i for i in tally.injections if i.verdict.kind == "silent"]
    return {
        "class": name,
        "bits": tally.bits,
        "injected": total,
        **{kind: counts[kind] for kind in VERDICTS},
        "fractions": fractions,
        "seen_by": dict(tally.seen_by()),
        "seen_although_right": tally.false_alarms,
        "silent_examples": [_example(campaign, injection) for injection in silent[:EXAMPLES]],
    }


def _example(campaign: Campaign, injection: Injection) -> dict:
    bit = campaign.unit.bits[injection.fault.bit]
    wrong = injection.verdict.wrong
    return {
        "register": bit.register,
        "bit": bit.place,
        "cycle": injection.fault.cycle,
        "work": injection.work,
        "first_wrong": dataclasses.asdict(wrong) if wrong else None,
    }


def _table(unit: dict) -> Table:
    columns = ("class", "bits", "injected", *(f"{kind} %" for kind in VERDICTS))
    table = Table(*columns, title=unit["name"], box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in unit["classes"]:
        shares = [_shown(row["fractions"][kind]) for kind in VERDICTS]
        table.add_row(row["class"], f"{row['bits']:,}", f"{row['injected']:,}", *shares)
    shares = [f"{100 * unit['by_bits'][kind]:.1f}" for kind in VERDICTS]
    table.add_row("by bits", f"{unit['bits']:,}", f"{unit['injected']:,}", *shares)
    return table


def _shown(fraction: dict) -> str:
    low, high = (100 * fraction[end] for end in ("low", "high"))
    return f"{100 * fraction['value']:.1f} ({low:.1f}-{high:.1f})"
