"""Write the measured parts of fpga.md and its plot from build/fpga/table: `make fpga-docs`.

A part stands between `<!-- measured: name -->` and `<!-- end -->`.
"""

import dataclasses
import json
import re
import sys
from statistics import median

from canvas import ACTIVATIONS, CONTROL, RULE, WEIGHTS, note, plt, save
from markdown_table import table
from matplotlib.figure import Figure
from tables import DOCS

from weft.boards import BOARDS
from weft_sim.fpga.cells import array_cost
from weft_sim.fpga.table import FAST, folder

PAGE = DOCS / "fpga.md"
MEASURED = re.compile(r"(?s)(<!-- measured: (\w+) -->\n).*?(<!-- end -->)")
# Arrays alone: board whose family and formats they have, rows, columns, options.
ARRAYS = (
    ("ulx3s-85f", 8, 8, {}),
    ("ulx3s-85f", 16, 8, FAST),
    ("icebreaker", 4, 4, {}),
    ("tang-nano-9k", 4, 4, {}),
)
COLORS = {"ulx3s-85f": WEIGHTS, "tang-nano-9k": ACTIVATIONS, "icebreaker": CONTROL}


def points() -> list[list[dict]]:
    """The reports of each point of the table, one for each seed, smallest arrays first."""
    reports = [json.loads(path.read_text()) for path in folder().glob("*.json")]
    if not reports:
        sys.exit(f"{folder()} is empty: run `make fpga-table` first")
    grouped: dict[tuple, list[dict]] = {}
    for report in reports:
        if "failed" not in report:
            grouped.setdefault(identity(report), []).append(report)
    return [sorted(grouped[key], key=lambda r: r["seed"]) for key in sorted(grouped)]


def identity(report: dict) -> tuple:
    board = list(BOARDS).index(report["board"])
    return board, report["rows"] * report["columns"], json.dumps(report["options"])


def name(report: dict) -> str:
    kind = ", fast" if report["options"].get("inner_product") == "fast" else ""
    return f"{report['rows']} x {report['columns']}{kind}"


def results() -> str:
    """Resources, frequency over the seeds, and peak of every point."""
    rows = []
    for seeds in points():
        first = seeds[0]
        fmax = [r["fmax_mhz"] for r in seeds]
        middle = median(fmax)
        macs = first["rows"] * first["columns"]
        rows.append(
            (
                first["board"],
                name(first),
                f"{first['lut']:,}",
                f"{first['ff']:,}",
                first["dsp"],
                first["bram"],
                f"**{middle:.0f}**",
                f"{min(fmax):.0f} to {max(fmax):.0f}",
                ", ".join(str(r["seed"]) for r in seeds),
                f"{macs * middle / 1000:.2f}",
            )
        )
    heads = (
        *("Board", "Array", "LUT", "Flip-flops", "Multipliers", "Memories"),
        *("MHz, median", "MHz, all", "Seeds", "GMAC/s"),
    )
    return table(heads, rows)


def paths() -> str:
    """The critical path of each point's first seed."""
    rows = [(s[0]["board"], name(s[0]), s[0]["critical_path"]) for s in points()]
    return table(("Board", "Array", "Critical path"), rows)


def cells() -> str:
    """What the array alone takes for each multiply-accumulate."""
    rows = []
    for board, height, columns, options in ARRAYS:
        config = dataclasses.replace(BOARDS[board].config, rows=height, columns=columns, **options)
        cost = array_cost(config, BOARDS[board].family)
        kind = ", fast" if config.inner_product == "fast" else ""
        numbers = f"{cost['lut']:.1f}", f"{cost['ff']:.1f}", f"{cost['dsp']:.2f}"
        rows.append((BOARDS[board].family, f"{height} x {columns}{kind}", *numbers))
    return table(("Family", "Array", "LUT", "Flip-flops", "Multipliers"), rows)


def tools() -> str:
    """What the table was made with."""
    versions = {tool: v for seeds in points() for tool, v in seeds[0]["tools"].items()}
    return ", ".join(f"{tool} {versions[tool]}" for tool in sorted(versions)) + "."


def plot() -> Figure:
    """Peak against LUTs: the points that none beats in both are joined."""
    figure, axes = plt.subplots(figsize=(9, 4.6))
    figure.subplots_adjust(left=0.09, right=0.97, top=0.95, bottom=0.13)
    for board, color in COLORS.items():
        own = sorted(
            (s[0]["lut"], median(r["peak_gmac_per_second"] for r in s), name(s[0]))
            for s in points()
            if s[0]["board"] == board
        )
        best: list[tuple] = []
        for lut, peak, label in own:
            if not best or peak > best[-1][1]:
                best.append((lut, peak, label))
        axes.plot([p[0] for p in own], [p[1] for p in own], "o", color=color, markersize=5)
        axes.plot([p[0] for p in best], [p[1] for p in best], "-", color=color, linewidth=1.4)
        for lut, peak, label in own:
            note(axes, lut * 1.04, peak, label, color=color, fontsize=9, va="top")
        note(axes, own[0][0] * 0.97, own[0][1], board, color=color, fontsize=10, ha="right")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(right=axes.get_xlim()[1] * 1.6, left=axes.get_xlim()[0] / 1.6)
    axes.set(xlabel="LUTs of the whole design", ylabel="peak, GMAC/s")
    axes.grid(color=RULE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


PARTS = {"results": results, "paths": paths, "tools": tools, "cells": cells}


def main() -> None:
    """Write the page and the plot."""
    text = PAGE.read_text()
    PAGE.write_text(MEASURED.sub(lambda m: f"{m[1]}{PARTS[m[2]]()}\n{m[3]}", text))
    print(PAGE)
    print(save(plot(), "fpga"))


if __name__ == "__main__":
    main()
