"""The command `weft sim-full`: run a network on a full-size array, layer by layer."""

import time

from rich.markup import escape
from rich.table import Table

from weft.matrix.config import MatrixUnitConfig
from weft_model.layers import Layer, Network
from weft_model.operands import draw_operands
from weft_sim.matrix_unit_simulator import MatrixUnitSimulator
from weft_sim.toolchain import cxx

from .console import console, progress_bar
from .durations import simulation_build

# Layers of equal shape take the same cycles, and ResNet-50 repeats its blocks.
DISTINCT = "each shape once"
STALLS = ("computing", "loading_weights", "waiting_for_room", "idle")


def run_network(config: MatrixUnitConfig, network: Network, whole: bool, seed: int) -> bool:
    """Run the layers with random values; return whether all products and cycle counts are right."""
    layers = network.layers
    every = len(layers)
    if not whole:
        layers = list({(s.m, s.k, s.n): s for s in reversed(layers)}.values())[::-1]
    scope = "every layer" if whole else f"{len(layers)} of {every} layers, {DISTINCT}"
    title = f"{network.name} on {config.rows} x {config.columns}: {scope}, seed {seed}"
    console.print(title, style="bold", markup=False)
    began = time.perf_counter()
    with progress_bar("the unit", simulation_build(config)) as (building, _):
        unit = MatrixUnitSimulator(config, building=building)
    built = time.perf_counter()
    rows = [
        _run_layer(unit, layer, f"{index} of {len(layers)}: {layer.name}", seed)
        for index, layer in enumerate(layers, 1)
    ]
    _print_table(rows)
    cycles = sum(row["total"] for row in rows)
    macs = sum(layer.m * layer.k * layer.n for layer in layers)
    seconds = time.perf_counter() - built
    peak = cycles * config.rows * config.columns
    console.print(
        f"{sum(row['right'] for row in rows)} of {len(rows)} products equal numpy bit for bit, "
        "and the cycle model cycle for cycle"
    )
    console.print(
        f"{cycles:,} cycles, {macs:,} multiply-accumulates, {macs / peak:.1%} of peak; "
        f"build {built - began:.0f} s with {cxx().name}, run {seconds:.0f} s "
        f"({macs / sum(row['seconds'] for row in rows) / 1e6:,.0f} million per second simulated)"
    )
    return all(row["right"] for row in rows)


def _run_layer(unit: MatrixUnitSimulator, layer: Layer, what: str, seed: int) -> dict:
    config = unit.config
    a, b = draw_operands(config, layer.m, layer.k, layer.n, seed=seed)
    with progress_bar(what) as (_, step):
        run, difference = unit.verified_run(a, b, step)
    of_peak = layer.m * layer.k * layer.n / (run.cycles * config.rows * config.columns)
    row = {"layer": layer, "right": not difference, "seconds": run.seconds, "of_peak": of_peak}
    return row | run.counters


def _print_table(rows: list[dict]) -> None:
    heads = ("layer", "M x K x N", "cycles", *(f"{name} %".replace("_", " ") for name in STALLS))
    table = Table(*heads, "of peak %", "right", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        layer, cycles = row["layer"], row["total"]
        table.add_row(
            escape(layer.name),
            f"{layer.m} x {layer.k} x {layer.n}",
            f"{cycles:,}",
            *(f"{100 * row[name] / cycles:.1f}" for name in STALLS),
            f"{100 * row['of_peak']:.1f}",
            "yes" if row["right"] else "[red]no[/red]",
        )
    console.print(table)
