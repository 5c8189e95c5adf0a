"""Plots whose numbers stand in the pages themselves, or come from the cycle model."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from canvas import ACTIVATIONS, CONTROL, FAINT, INK, RULE, SUMS, WEIGHTS, note, plt
from measured import read_table
from weft.matrix.config import MatrixUnitConfig
from weft_cli.benchmarks.utilization import DEPTH, SIDES, SWEEP, networks, predicted, sweep
from weft_model.layer_cycles import total_row

COLORS = (WEIGHTS, SUMS, ACTIVATIONS, CONTROL, INK)
BOARD_COLORS = {"ulx3s-85f": WEIGHTS, "tang-nano-9k": ACTIVATIONS, "icebreaker": CONTROL}
NAMES = {"bert_base_128": "BERT-base, 128", "resnet50": "ResNet-50"}


def network_name(stem: str) -> str:
    """A network as the pages name it."""
    return NAMES.get(stem, stem.removeprefix("tpu_v1_").upper())


def _square(side: int) -> MatrixUnitConfig:
    return MatrixUnitConfig(rows=side, columns=side, accumulator_depth=DEPTH)


def export_growth() -> Figure:
    """Seconds and kilobytes of the emission against the side of the array."""
    own, sides = [], []
    for row in read_table("performance", "export"):
        rows, columns = row["Array"].split(" x ")
        if rows == columns:
            own.append(row)
            sides.append(int(rows))
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    figure.subplots_adjust(left=0.08, right=0.97, top=0.9, bottom=0.17, wspace=0.25)
    values = (
        ("seconds", [float(row["Seconds"]) for row in own], 5),
        ("kB", [_number(row["Bytes"]) / 1000 for row in own], 100),
    )
    for axis, (name, heights, goal) in zip(axes, values, strict=True):
        axis.plot(sides, heights, "o-", color=WEIGHTS)
        axis.axhline(goal, color=RULE, linestyle="--")
        note(axis, 8, goal * 0.96, f"goal at 256 x 256: {goal} {name}", va="top")
        axis.set_xscale("log", base=2)
        axis.set_xticks(sides, [str(side) for side in sides])
        axis.set(ylim=(0, max(goal, *heights) * 1.1), ylabel=name, xlabel="rows = columns")
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def network_utilization() -> Figure:
    """MACs over peak of each network against the side of the array."""
    figure, axes = plt.subplots(2, 4, figsize=(10.5, 5), sharex=True, sharey=True)
    figure.subplots_adjust(left=0.07, right=0.98, top=0.88, bottom=0.11, wspace=0.1, hspace=0.25)
    for axis, (name, layers) in zip(axes.flat, networks().items(), strict=True):
        totals = {
            side: total_row(_square(side), predicted(_square(side), layers)) for side in SIDES
        }
        without = [
            100 * total["macs"] / total["without_overlap_cycles"] / side**2
            for side, total in totals.items()
        ]
        axis.plot(SIDES, without, "o-", color=ACTIVATIONS, markersize=4)
        weft = [100 * total["of_peak"] for total in totals.values()]
        axis.plot(SIDES, weft, "o-", color=WEIGHTS, markersize=4)
        axis.set_title(network_name(name), fontsize=10, color=INK)
        axis.set_xscale("log", base=2)
        axis.set_xticks(SIDES, [str(side) for side in SIDES])
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


def sweep_over_m() -> Figure:
    """Array-active fraction against M, for every size."""
    figure, axes = plt.subplots(figsize=(9, 4))
    figure.subplots_adjust(left=0.08, right=0.86, top=0.95, bottom=0.14)
    for color, side in zip(COLORS, SIDES, strict=True):
        rows = predicted(_square(side), sweep())
        active = [100 * row["array_active"] for row in rows]
        axes.plot(SWEEP, active, "o-", color=color, markersize=4)
        crossing = SWEEP.index(side)
        label = f"{side} x {side}"
        note(axes, side * 0.92, active[crossing] + 2, label, color=color, ha="right")
        without = [100 * row["computing"] / row["without_overlap_cycles"] for row in rows]
        axes.plot(SWEEP, without, "--", color=color, linewidth=1, alpha=0.6)
    note(axes, 4500, 60, "dashed: no\noverlap of tiles\n(SCALE-Sim's\nformula)", color=FAINT)
    axes.set_xscale("log", base=2)
    axes.set_xticks(SWEEP, [str(m) for m in SWEEP])
    axes.set(xlim=(SWEEP[0], SWEEP[-1]), ylim=(0, 102))
    axes.set_xlabel("M, rows of the product (K = N = 512)")
    axes.set_ylabel("array active, %")
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def fpga() -> Figure:
    """Peak against LUTs; a line joins the points that no other point beats in both."""
    figure, axes = plt.subplots(figsize=(9, 4.6))
    figure.subplots_adjust(left=0.09, right=0.97, top=0.95, bottom=0.13)
    built = [row for row in read_table("fpga", "results") if row["GMAC/s"]]
    for board, color in BOARD_COLORS.items():
        own = sorted(
            (_number(row["LUT"]), float(row["GMAC/s"]), row["Array"])
            for row in built
            if row["Board"] == board
        )
        if not own:
            continue
        best = list(_best(own))
        axes.plot([p[0] for p in own], [p[1] for p in own], "o", color=color, markersize=5)
        axes.plot([p[0] for p in best], [p[1] for p in best], "-", color=color, linewidth=1.4)
        for near in _groups(own):
            lut, peak, _ = near[-1]
            labels = "\n".join(label for _, _, label in near)
            note(axes, lut * 1.04, peak, labels, color=color, fontsize=9, va="top")
        note(axes, own[0][0] * 0.97, own[0][1], board, color=color, fontsize=10, ha="right")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([2000, 5000, 10_000, 20_000, 50_000], ["2k", "5k", "10k", "20k", "50k"])
    axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes.minorticks_off()
    axes.set_xlim(right=axes.get_xlim()[1] * 1.6, left=axes.get_xlim()[0] / 1.6)
    axes.set(xlabel="LUTs of the whole design", ylabel="peak, GMAC/s")
    axes.grid(color=RULE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _best(points: list[tuple]) -> Iterator[tuple]:
    """Points of a rising peak, from the fewest LUTs on."""
    highest = 0.0
    for point in points:
        if point[1] > highest:
            highest = point[1]
            yield point


def _groups(points: list[tuple]) -> Iterator[list[tuple]]:
    """Points so near each other that one label stands for them, in their order."""
    group = points[:1]
    for point in points[1:]:
        lut, peak, _ = group[-1]
        if point[0] < 1.25 * lut and 0.8 < point[1] / peak < 1.25:
            group.append(point)
        else:
            yield group
            group = [point]
    yield group


def _number(text: str) -> int:
    return int(text.replace(",", ""))


PLOTS = {
    "export_growth": export_growth,
    "network_utilization": network_utilization,
    "sweep_over_m": sweep_over_m,
    "fpga": fpga,
}
