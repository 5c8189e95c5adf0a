"""`verify faults`: units, report and printed table."""

import dataclasses
import json
import time
from pathlib import Path

from rich.table import Table

from weft.emit.files import write_whole
from weft.formats import IntegerFormat
from weft.matrix.config import TINY, MatrixUnitConfig
from weft.parameters import plain_parameters
from weft_cli.benchmarks.results import machine
from weft_cli.console import console, progress_bar
from weft_cli.durations import simulation_build
from weft_sim.toolchain import build_root

from .campaign import PRODUCTS, WORKS, Campaign, ClassTally, Injection, check_classes
from .classes import CLASSES, DATAPATH
from .effect import EFFECTS, SEEN_BY
from .intervals import wilson

UNITS = {
    "4x4": TINY,
    "4x4 fast": dataclasses.replace(TINY, inner_product="fast"),
    "4x4 checksum": dataclasses.replace(TINY, checksum=True),
    "4x4 fast checksum": dataclasses.replace(TINY, inner_product="fast", checksum=True),
    "3x5 checksum": MatrixUnitConfig(
        rows=3,
        columns=5,
        activation=IntegerFormat.parse("uint8"),
        weight=IntegerFormat.parse("int7"),
        accumulator_depth=16,
        multiplier_stages=2,
        adder_stages=2,
        checksum=True,
    ),
}
# Fraction of faults in the datapath with changed results that a unit with checksums must detect.
DETECTION_GOAL = 0.999
# Silent faults of each class in the report.
EXAMPLES = 5


def inject(
    names: tuple[str, ...],
    faults: int,
    seed: int,
    units: dict[str, MatrixUnitConfig] = UNITS,
    report: Path | None = None,
) -> dict:
    """Inject `faults` faults in each class of each unit; write, print and return the report.

    Parameters
    ----------
    names : str
        Classes; all classes if empty.
    report : Path, optional
        By default build/faults/report.json.

    Raises
    ------
    ValueError
        If a class does not exist.
    toolchain.ToolMissing, verilator.SimulationFailed
        See `Campaign`.
    """
    classes = check_classes(names)
    report = report or build_root() / "faults" / "report.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    console.print(f"[bold]faults: {faults:,} in each class of each unit, seed {seed}[/bold]")
    started = time.monotonic()
    described = []
    for name, config in units.items():
        with progress_bar(f"faults in {name}", simulation_build(config)) as (building, step):
            campaign = Campaign(name, config, seed, building=building)
            injecting = time.process_time()
            tallies = campaign.run(classes, faults, step)
        if not tallies:
            console.print(f"{name} has no bits in these classes")
            continue
        described.append(_described(campaign, tallies, time.process_time() - injecting))
        console.print(_table(described[-1]))
        datapath = described[-1]["datapath"]
        if config.checksum and datapath and datapath["detection"]:
            console.print(_goal(name, datapath))
    whole = {
        "seed": seed,
        "faults_of_each_class": faults,
        "works": WORKS,
        "products_of_each_work": PRODUCTS,
        "seconds": round(time.monotonic() - started, 1),
        "detection_goal": DETECTION_GOAL,
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
    # If a flip is equally likely in every bit of these classes.
    weighted = {
        kind: sum(row["bits"] * row["fractions"][kind]["value"] for row in rows) / bits
        for kind in EFFECTS
    }
    return {
        "name": campaign.name,
        "parameters": plain_parameters(campaign.config),
        "bits": bits,
        "cycles_of_works": [answer.cycles for answer in campaign.expected],
        "injected": sum(row["injected"] for row in rows),
        "injecting_processor_seconds": round(processor_seconds, 1),
        "by_bits": {kind: round(value, 4) for kind, value in weighted.items()},
        "classes": rows,
        "datapath": _summed([row for row in rows if row["class"] in DATAPATH]),
        "all": _summed(rows),
    }


def _summed(rows: list[dict]) -> dict | None:
    """Add up several classes; every injected flip has the same weight."""
    if not rows:
        return None
    keys = ("bits", "injected", *EFFECTS, "changed", "detected")
    whole = {key: sum(row[key] for row in rows) for key in keys}
    fractions = {kind: _fraction(whole[kind], whole["injected"]) for kind in EFFECTS}
    detection = _fraction(whole["detected"], whole["changed"])
    return {**whole, "fractions": fractions, "detection": detection}


def _fraction(count: int, total: int) -> dict | None:
    """Return a fraction and its interval, or None if `total` is zero."""
    if not total:
        return None
    low, high = wilson(count, total)
    return {"value": count / total, "low": round(low, 4), "high": round(high, 4)}


def _class_row(campaign: Campaign, name: str, tally: ClassTally) -> dict:
    counts, total = tally.counts(), len(tally.injections)
    silent = [i for i in tally.injections if i.effect.kind == "silent"]
    return {
        "class": name,
        "bits": tally.bits,
        "injected": total,
        **{kind: counts[kind] for kind in EFFECTS},
        "fractions": {kind: _fraction(counts[kind], total) for kind in EFFECTS},
        "changed": tally.changed,
        "detected": tally.detected,
        "detection": _fraction(tally.detected, tally.changed),
        "seen_by": dict(tally.seen_by()),
        "seen_although_right": tally.false_alarms,
        "silent_examples": [_example(campaign, injection) for injection in silent[:EXAMPLES]],
    }


def _example(campaign: Campaign, injection: Injection) -> dict:
    bit = campaign.unit.bits[injection.fault.bit]
    wrong = injection.effect.wrong
    return {
        "register": bit.register,
        "bit": bit.place,
        "cycle": injection.fault.cycle,
        "work": injection.work,
        "first_wrong": dataclasses.asdict(wrong) if wrong else None,
    }


def _table(unit: dict) -> Table:
    """Return the table of a unit; it shows the important intervals, the report has all."""
    shares = (f"{kind} %" for kind in EFFECTS)
    columns = ("class", "bits", "injected", *shares, "changed", "detected %")
    table = Table(*columns, title=unit["name"], box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in unit["classes"]:
        table.add_row(row["class"], *_cells(row))
    if unit["datapath"]:
        table.add_row("datapath", *_cells(unit["datapath"]))
    table.add_row("all", *_cells(unit["all"]))
    shares = [f"{100 * unit['by_bits'][kind]:.1f}" for kind in EFFECTS]
    table.add_row("by bits", f"{unit['bits']:,}", f"{unit['injected']:,}", *shares)
    return table


def _cells(row: dict) -> list[str]:
    """Return the cells of a class, or of several."""
    counts = [f"{row[key]:,}" for key in ("bits", "injected")]
    shares = [
        shown(row["fractions"][kind])
        if kind == "silent"
        else f"{100 * row['fractions'][kind]['value']:.1f}"
        for kind in EFFECTS
    ]
    return [*counts, *shares, f"{row['changed']:,}", shown(row["detection"])]


def shown(fraction: dict | None) -> str:
    """Format a fraction and its interval in percent."""
    if fraction is None:
        return ""
    low, high = (100 * fraction[end] for end in ("low", "high"))
    return f"{100 * fraction['value']:.1f} ({low:.1f}-{high:.1f})"


def _goal(name: str, datapath: dict) -> str:
    """Describe whether a unit with checksums reaches the detection goal."""
    rate = datapath["detection"]
    outcome = "reached" if rate["value"] >= DETECTION_GOAL else "missed"
    return (
        f"{name}: {datapath['detected']:,} of {datapath['changed']:,} flips in the datapath that "
        f"changed results were detected, {100 * rate['value']:.2f} % "
        f"({100 * rate['low']:.2f}-{100 * rate['high']:.2f}), with equal weight for each flip; "
        f"goal: at least {100 * DETECTION_GOAL:g} %, {outcome}"
    )
