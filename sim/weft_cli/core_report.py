"""The report of a program on a core: on the console, and as JSON."""

import json
from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from weft.emit.files import write_whole
from weft.isa.codes import Unit
from weft_sim.core_simulator import CoreResult
from weft_sim.toolchain import built_with

from .console import console
from .core_digits import CoreDigitsRun, layer_name
from .core_layers import LayerCycles

_PARTS = ("active", "stalled", "waiting")


def print_core_digits(run: CoreDigitsRun) -> None:
    """Print how the digits were classified, and where the cycles went."""
    result = run.result
    console.print(
        f"[bold]{run.accuracy:.2%} of {run.images} held-out digits classified correctly[/bold] by "
        f"one program on the core {run.core}, which computes all of the network"
    )
    if run.right:
        console.print(
            "the memory equals that of the machine in numpy, and all scores those of the network"
        )
    for region in run.differences:
        console.print(f"[red]region {region} differs from the machine in numpy[/red]")
    if run.wrong_scores:
        console.print(f"[red]{run.wrong_scores} scores differ from those of the network[/red]")
    console.print(
        f"{result.cycles:,} cycles, {len(run.spans):,} instructions; array active in "
        f"{run.active / result.cycles:.1%} of the cycles; {result.read_beats:,} beats read, "
        f"{result.write_beats:,} written"
    )
    console.print(layer_table(run.layers, layer_name))
    console.print(unit_table(result))
    console.print(
        f"{built_with('verilator')}: {result.cycles / result.seconds:,.0f} cycles per second"
    )


def layer_table(layers: list[LayerCycles], name_of: Callable[[int], str] = str) -> Table:
    """Return the table of the layers."""
    table = Table(
        *("layer", "instructions", "cycles", "active %", "stalled %", "waiting %"),
        box=None,
        pad_edge=False,
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for layer in layers:
        shares = (f"{layer.share(part):.1%}".rstrip("%") for part in _PARTS)
        table.add_row(name_of(layer.tag), f"{layer.instructions:,}", f"{layer.cycles:,}", *shares)
    return table


def unit_table(result: CoreResult) -> Table:
    """Return the table of what each unit did, without causes that did not occur."""
    table = Table(
        "unit", "working %", "and otherwise, in % of the cycles", box=None, pad_edge=False
    )
    table.columns[1].justify = "right"
    total = max(1, result.counters["cycles"])
    for unit in Unit:
        prefix = f"{unit.name.lower()}_"
        counts = {
            name.removeprefix(prefix): count
            for name, count in result.counters.items()
            if name.startswith(prefix)
        }
        working = counts.pop("working")
        others = sorted(counts.items(), key=lambda item: -item[1])
        shown = ", ".join(
            f"{_CAUSES.get(cause, f'waits for {cause}')} {100 * count / total:.1f}"
            for cause, count in others
            if 1000 * count >= total
        )
        table.add_row(unit.name, f"{100 * working / total:.1f}", shown)
    return table


_CAUSES = {"instruction": "no instruction", "bank": "waits for a bank"}


def write_core_report(path: Path, run: CoreDigitsRun) -> None:
    """Write the report of the digits as JSON, atomically."""
    result = run.result
    report = {
        "core": run.core,
        "accuracy": run.accuracy,
        "differences": run.differences,
        "wrong_scores": run.wrong_scores,
        "cycles": result.cycles,
        "array_active": run.active / result.cycles,
        "instructions": len(run.spans),
        "read_beats": result.read_beats,
        "write_beats": result.write_beats,
        "layers": [
            {
                "layer": layer_name(layer.tag),
                "instructions": layer.instructions,
                "cycles": layer.cycles,
                **{part: getattr(layer, part) for part in _PARTS},
            }
            for layer in run.layers
        ],
        "counters": result.counters,
        "seconds": result.seconds,
    }
    write_whole(path, json.dumps(report, indent=2) + "\n")
