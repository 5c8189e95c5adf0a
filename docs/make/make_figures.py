"""Make the figures under docs/images and the generated tables in docs from the code.

Figures are SVG, byte for byte the same on every run. `--check` makes nothing; it fails if a table
in a Markdown file differs from what the code says.
"""

import argparse
import sys

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dataflow
import handshake
import issue_timing
import plots
import tables
import wave_pictures
from canvas import (
    ACTIVATIONS,
    ACTIVATIONS_LIGHT,
    CONTROL,
    CONTROL_LIGHT,
    FAINT,
    INK,
    RULE,
    SUMS,
    SUMS_LIGHT,
    WEIGHTS,
    WEIGHTS_LIGHT,
    WEIGHTS_PALE,
    cycles_axis,
    note,
    plt,
    save,
    tile,
)
from traces import Trace
from weft import SMALL, TINY, MatrixUnitConfig
from weft.matrix.accumulators import AccumulatorBank
from weft.matrix.admission import Admission
from weft.matrix.results import ResultBuffer, ResultColumn
from weft.matrix.timing import MatrixUnitTiming
from weft_model import Schedule, predict
from weft_sim.checked_run import run
from weft_sim.scopes import cells
from weft_sim.toolchain import build_root, has

MULTIPLY = "\N{MULTIPLICATION SIGN}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare the tables")
    if parser.parse_args().check:
        stale = tables.stale()
        sys.exit(f"run `make docs`: {', '.join(stale)} out of date" if stale else 0)
    for path in [*tables.write(), *tables.run_commands()]:
        print(path)
    for name, figure in FIGURES.items():
        print(save(figure(), name))
    wave_pictures.main()


def picture() -> Figure:
    """The unit and one of its cells, 4 x 4."""
    return dataflow.draw(TINY)


def simulate_two_tiles(config: MatrixUnitConfig) -> Trace:
    """Two tiles of R rows each on the RTL; every weight is the number of its row in B."""
    k = 2 * config.rows
    a = np.ones((config.rows, k), int)
    b = np.repeat(np.arange(k)[:, np.newaxis], config.columns, axis=1)
    simulator = "icarus" if has("iverilog") else "verilator"
    directory = build_root() / "docs" / "weight_timing"
    outcome = run(config, [(a, b)], simulator=simulator, directory=directory, waves=True)
    if outcome.mismatches:
        raise SystemExit("the simulation for weight_timing.svg gave a wrong product")
    return Trace(outcome.trace, f"weft_{config.rows}x{config.columns}")


def weight_timing() -> Figure:
    """Loads and switches at the cells of column 0, as simulated."""
    rows = TINY.rows
    trace = simulate_two_tiles(TINY)
    cycles = 4 * rows
    figure, axes = plt.subplots(figsize=(10.5, 4.7))
    figure.subplots_adjust(left=0.07, right=0.985, top=0.69, bottom=0.12)
    cycles_axis(axes, cycles, [f"row {row}" for row in range(rows)])
    axes.set_xlabel("cycle, from the first weight row offered", color=FAINT)
    scopes = cells(TINY)
    waves = []
    for row in range(rows):
        cell = scopes[row, 0]
        draw_shifts(axes, trace, cell, row, cycles)
        waves.append(draw_weight_in_use(axes, trace, cell, row, cycles))
    for edges in zip(*waves, strict=True):
        axes.plot(edges, np.arange(rows) + 0.5, color=CONTROL, linewidth=1.4, zorder=5)
    loads = [t for t in range(cycles) if trace(f"{scopes[0, 0]}.load", t)]
    for tile_number in range(2):
        begin, end = loads[tile_number * rows], loads[(tile_number + 1) * rows - 1] + 1
        span(axes, begin, end, -0.2, f"tile {tile_number} is loaded", WEIGHTS)
    span(axes, *waves[0], -0.75, "R cycles from switch to switch", CONTROL)
    weight_legend(axes)
    return figure


def draw_shifts(axes: Axes, trace: Trace, cell: str, row: int, cycles: int) -> None:
    """A square in every cycle in which the cell's shadow register takes a value."""
    for t in range(cycles):
        if trace(f"{cell}.load", t):
            tile(axes, t + 0.18, row + 0.24, 0.64, 0.52, WEIGHTS, "white")
            value = str(trace(f"{cell}.weight_in", t))
            note(axes, t + 0.5, row + 0.5, value, color="white", ha="center", va="center_baseline")


def draw_weight_in_use(axes: Axes, trace: Trace, cell: str, row: int, cycles: int) -> list[int]:
    """A diamond at every edge that copies the shadow, and a band for each weight in use."""
    edges = [t + 1 for t in range(cycles) if trace(f"{cell}.switch", t)]
    for begin, end, fill in zip(
        edges, [*edges[1:], cycles], (WEIGHTS_PALE, WEIGHTS_LIGHT), strict=True
    ):
        tile(axes, begin, row + 0.06, end - begin, 0.88, fill, "none", zorder=1)
        axes.plot(begin, row + 0.5, "D", color=CONTROL, markersize=8, zorder=6)
        value = trace(f"{cell}.weight", begin)
        note(axes, end - 0.25, row + 0.5, f"uses {value}", color=WEIGHTS, ha="right")
    return edges


def span(axes: Axes, begin: float, end: float, y: float, text: str, color: str) -> None:
    """A line with end marks and a text above its middle."""
    axes.plot([begin, end], [y, y], "|-", color=color, linewidth=1.2, clip_on=False)
    note(axes, (begin + end) / 2, y - 0.2, text, color=color, ha="center", va="bottom")


def weight_legend(axes: Axes) -> None:
    """The legend, in a line above the drawing."""
    y = -1.6
    tile(axes, 0, y - 0.2, 0.5, 0.4, WEIGHTS, "none")
    note(axes, 0.65, y, "the shadow register takes this row of B", color=INK)
    axes.plot(6.35, y, "D", color=CONTROL, markersize=8, clip_on=False)
    note(axes, 6.65, y, "switch: the weight is copied from the shadow", color=INK)
    tile(axes, 12.5, y - 0.2, 0.5, 0.4, WEIGHTS_LIGHT, "none")
    note(axes, 13.15, y, "weight in use", color=INK)


def pipeline() -> Figure:
    """One activation row through the unit, at the cells of the first and the last column."""
    config = TINY
    latency = MatrixUnitTiming.of(config).latency
    stages = stages_of(config)
    figure, axes = plt.subplots(figsize=(10.5, 5.6))
    figure.subplots_adjust(left=0.19, right=0.985, top=0.88, bottom=0.1)
    cycles_axis(axes, latency + 2, [name for name, _ in stages])
    axes.set_xlabel("cycle, from the transfer of the activation row", color=FAINT)
    for line, (_, blocks) in enumerate(stages):
        for begin, length, text, edge, fill in blocks:
            tile(axes, begin + 0.04, line + 0.12, length - 0.08, 0.76, fill, edge)
            note(axes, begin + length / 2, line + 0.5, text, color=edge, ha="center")
    span(axes, 0, latency, -0.25, f"timing.latency = {latency} cycles", INK)
    return figure


def stages_of(config: MatrixUnitConfig) -> list[tuple[str, list[tuple]]]:
    """Lines of the drawing: name, and blocks of (begin, length, text, colours).

    Every begin is computed from the latencies of the blocks; the last one must equal the unit's.
    """
    orange, green = (ACTIVATIONS, ACTIVATIONS_LIGHT), (SUMS, SUMS_LIGHT)
    grey, violet = (INK, "#eef0f3"), (CONTROL, CONTROL_LIGHT)
    timing = MatrixUnitTiming.of(config)
    west = Admission.latency
    let_in = west - Admission.issue_latency
    stages = [
        ("activations port", [(0, 1, "take", *orange)]),
        ("admission", [(let_in, Admission.issue_latency, "gate", *orange)]),
    ]
    for row in range(config.rows):
        blocks = [(west, row, "skew", *orange)] if row else []
        at = west + row
        blocks.append((at, 1, "in", *orange))
        blocks.append((at + 1, 1, MULTIPLY, *grey))
        at += 1 + config.multiplier_stages
        blocks.append((at, len(config.arithmetic.sum_parts), "+", *green))
        stages.append((f"cell row {row}, column 0", blocks))
    south = west + timing.array
    checked, read = let_in + Admission.control_latency, south - AccumulatorBank.read_latency
    control = [
        (let_in, checked - let_in, "check", *violet),
        (checked, read - checked, "delay", *violet),
        (read, south - read, "read", *violet),
    ]
    stages.append(("accumulator, column 0", [*control, (south, 1, "+", *green)]))
    finished = south + AccumulatorBank.latency
    for column in (0, config.columns - 1):
        write = (finished + column, 1, "write", *green)
        stages.append((f"result memory, column {column}", [write]))
    fetch = finished + config.columns
    out = fetch + ResultColumn.latency
    assert out == finished + ResultBuffer.latency_of(config) == timing.latency
    stages.append(("results port", [(fetch, 1, "fetch", *green), (out, 1, "valid", *green)]))
    return stages


def utilization() -> Figure:
    """Fraction of the cycles in which a row enters the array, against the rows of the product."""
    config, k, n = SMALL, 64, 64
    rows = np.arange(1, 513)
    figure, axes = plt.subplots(figsize=(9, 4.2))
    figure.subplots_adjust(left=0.08, right=0.8, top=0.93, bottom=0.14)
    overlap = "SCALE-Sim's formula,\nno overlap of tiles"
    lines = (
        ("Weft", WEIGHTS, 1, [weft_active(config, m, k, n) for m in rows]),
        (overlap, ACTIVATIONS, -6, [scale_sim_active(config, m) for m in rows]),
    )
    for name, color, up, fractions in lines:
        percent = 100 * np.array(fractions)
        axes.plot(rows, percent, color=color, linewidth=2.2)
        axes.plot([16, 512], percent[[15, 511]], "o", color=color, markersize=5, clip_on=False)
        note(axes, 18, percent[15] - 4, f"{percent[15]:.1f} %", color=color)
        note(axes, 560, percent[511] + up, f"{name}\n{percent[511]:.1f} %", color=color)
    axes.axvline(config.rows, color=RULE, zorder=0)
    note(axes, config.rows * 0.96, 4, "M = R", ha="right")
    axes.set_xscale("log", base=2)
    axes.set_xticks([2**i for i in range(10)], [str(2**i) for i in range(10)])
    axes.set(xlim=(1, 512), ylim=(0, 102))
    shape = f"K = {k}, N = {n}, array {config.rows} x {config.columns}"
    axes.set_xlabel(f"M, rows of the product ({shape})")
    axes.set_ylabel("array active, %")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    return figure


def weft_active(config: MatrixUnitConfig, m: int, k: int, n: int) -> float:
    """Fraction of all cycles of a product in which a row enters the array, by the cycle model."""
    prediction = predict(config, [Schedule(config, int(m), k, n)])
    return prediction.counters["computing"] / prediction.cycles


def scale_sim_active(config: MatrixUnitConfig, m: int) -> float:
    """The same for 2R + C + M - 2 cycles a tile, one tile after the other (Samajdar 2020)."""
    return m / (2 * config.rows + config.columns + m - 2)


FIGURES = {
    "dataflow": picture,
    "weight_timing": weight_timing,
    "pipeline": pipeline,
    "handshake": handshake.draw,
    "issue": issue_timing.draw,
    "utilization": utilization,
    **plots.PLOTS,
}

if __name__ == "__main__":
    main()
