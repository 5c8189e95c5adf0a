"""What the figures share: colours, boxes, arrows, and a file that is the same every time."""

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("svg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

IMAGES = Path(__file__).parents[1] / "images"

INK, FAINT, RULE = "#1f2933", "#667085", "#d5dae1"
# Dark for lines and text, light for areas.
WEIGHTS, WEIGHTS_LIGHT, WEIGHTS_PALE = "#1f5fa8", "#b5d3f2", "#e9f2fc"
ACTIVATIONS, ACTIVATIONS_LIGHT = "#b45309", "#fde2b8"
SUMS, SUMS_LIGHT, SUMS_PALE = "#1b7a4b", "#bfe5cf", "#e8f6ee"
CONTROL, CONTROL_LIGHT = "#6d3fa9", "#e9dff7"

plt.rcParams.update(
    {
        "svg.hashsalt": "weft",
        "svg.fonttype": "path",
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
)


def sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty white drawing sheet, `width` x `height` units, one being 0.56 inches."""
    figure = plt.figure(figsize=(0.56 * width, 0.56 * height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return figure, axes


def cycles_axis(axes: Axes, cycles: int, rows: list[str]) -> None:
    """Axes with one column per cycle and one line per row, the first on top."""
    axes.set(xlim=(0, cycles), ylim=(len(rows), 0))
    axes.set_xticks(np.arange(cycles) + 0.5, [str(cycle) for cycle in range(cycles)])
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.tick_params(length=0)
    for cycle in range(cycles + 1):
        axes.axvline(cycle, color=RULE, linewidth=0.8, zorder=0)
    for side in axes.spines.values():
        side.set_visible(False)


def save(figure: Figure, name: str, folder: Path = IMAGES) -> Path:
    """Write <folder>/<name>.svg without dates, and close the figure."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None, "Creator": None}, facecolor="white")
    text = path.read_text()
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n")
    plt.close(figure)
    return path


def box(axes: Axes, x: float, y: float, width: float, height: float, text: str = "", **style):
    """A rounded box by its centre, with text in its middle."""
    fill, edge = style.pop("fill", "white"), style.pop("edge", INK)
    rounding = style.pop("rounding", 0.1)
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={rounding}",
            facecolor=fill,
            edgecolor=edge,
            linewidth=style.pop("line", 1.2),
            zorder=style.pop("zorder", 3),
        )
    )
    if text:
        style = {"ha": "center", "va": "center", "color": edge, "zorder": 5} | style
        axes.text(x, y, text, **style)


def circle(axes: Axes, x: float, y: float, radius: float, text: str):
    """An operator."""
    axes.add_patch(
        Circle((x, y), radius, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=3)
    )
    axes.text(x, y, text, ha="center", va="center_baseline", fontsize=13, zorder=5)


def tile(
    axes: Axes, x: float, y: float, width: float, height: float, fill: str, edge: str, zorder=3
):
    """A plain rectangle by its lower left corner."""
    size = (x, y), width, height
    axes.add_patch(Rectangle(*size, facecolor=fill, edgecolor=edge, zorder=zorder, clip_on=False))


def arrow(axes: Axes, *points: tuple[float, float], color: str = INK, **style):
    """A line through points that ends in an arrow head; `dashed` for control."""
    line, head = style.get("line", 1.5), style.get("head", 9)
    dashes = (0, (4, 2.5)) if style.get("dashed") else "solid"
    bend, last = points[:-1], points[-1]
    if len(bend) > 1:
        axes.plot(*zip(*bend, strict=True), color=color, linewidth=line, linestyle=dashes, zorder=2)
    axes.add_patch(
        FancyArrowPatch(
            bend[-1],
            last,
            arrowstyle="-|>",
            mutation_scale=head,
            color=color,
            linewidth=line,
            linestyle=dashes,
            shrinkA=0,
            shrinkB=0,
            zorder=2,
        )
    )


def note(axes: Axes, x: float, y: float, text: str, **style):
    """Small text, left aligned and faint by default."""
    axes.text(x, y, text, **({"fontsize": 9, "color": FAINT, "va": "center", "zorder": 6} | style))
