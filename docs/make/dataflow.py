"""The picture of the unit: its data flow, at a moment when a switch wave crosses the array."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from canvas import (
    ACTIVATIONS,
    ACTIVATIONS_LIGHT,
    CONTROL,
    CONTROL_LIGHT,
    FAINT,
    INK,
    SUMS,
    SUMS_LIGHT,
    WEIGHTS,
    WEIGHTS_LIGHT,
    WEIGHTS_PALE,
    arrow,
    box,
    circle,
    note,
    sheet,
    tile,
)
from weft import MatrixUnitConfig

CELL_WIDTH, CELL_HEIGHT = 1.0, 0.62
PITCH_X, PITCH_Y = 1.3, 0.92
WEST, NORTH = 7.55, 6.45  # centre of cell 0, 0
ACCUMULATORS, BUFFER = 2.45, 1.15  # heights of their centres


def draw(config: MatrixUnitConfig) -> Figure:
    """The unit on the left, one of its cells on the right."""
    figure, axes = sheet(21.3, 9.6)
    across = [WEST + PITCH_X * column for column in range(config.columns)]
    down = [NORTH - PITCH_Y * row for row in range(config.rows)]
    _weights(axes, across, down)
    _activations(axes, across, down)
    _cells(axes, across, down)
    _sums(axes, across, down)
    _control(axes, across)
    _one_cell(axes, 14.2, 1.35)
    return figure


def _weights(axes: Axes, across: list[float], down: list[float]) -> None:
    middle = (across[0] + across[-1]) / 2
    width = across[-1] - across[0] + CELL_WIDTH
    box(axes, middle, 8.6, width, 0.62, "weight loader", fill=WEIGHTS_PALE, edge=WEIGHTS)
    arrow(axes, (middle, 9.5), (middle, 8.91), color=WEIGHTS, line=3, head=15)
    note(axes, middle + 0.25, 9.25, "weights: one tile row per cycle", color=WEIGHTS)
    for column, x in enumerate(across):
        arrow(axes, (x, 8.29), (x, down[0] + CELL_HEIGHT / 2), color=WEIGHTS)
        for step in range(column):
            tile(axes, x - 0.17, 7.95 - 0.36 * step, 0.34, 0.24, WEIGHTS_LIGHT, WEIGHTS)
    note(axes, across[-1] + 0.4, 7.7, "skew:\ncolumn c waits\nc cycles", fontsize=9)


def _activations(axes: Axes, across: list[float], down: list[float]) -> None:
    middle = (down[0] + down[-1]) / 2
    height = down[0] - down[-1] + 0.9
    box(axes, 2.85, middle, 2.5, height, fill=ACTIVATIONS_LIGHT, edge=ACTIVATIONS)
    note(axes, 2.9, middle + 1.3, "admission", fontsize=10, color=ACTIVATIONS, ha="center")
    questions = "tile complete?\nplace for result?\n\nthen: row in range?\nsum begun?"
    note(axes, 2.9, middle - 0.2, questions, fontsize=9, color=INK, ha="center", linespacing=1.7)
    arrow(axes, (0.1, middle), (1.6, middle), color=ACTIVATIONS, line=3, head=15)
    style = {"color": ACTIVATIONS, "linespacing": 1.3}
    note(axes, 0.1, middle + 0.3, "activations:\none row\nper cycle", va="bottom", **style)
    control = "with it:\nswitch, first,\nlast, row"
    note(axes, 0.1, middle - 0.3, control, va="top", fontsize=9, **style)
    for row, y in enumerate(down):
        arrow(axes, (4.1, y), (across[0] - CELL_WIDTH / 2, y), color=ACTIVATIONS)
        for step in range(row):
            tile(axes, 6.25 - 0.42 * step, y - 0.12, 0.26, 0.24, ACTIVATIONS_LIGHT, ACTIVATIONS)
    note(axes, 4.25, down[0] + 0.42, "skew: row r waits r cycles", fontsize=9, ha="left")


def _cells(axes: Axes, across: list[float], down: list[float]) -> None:
    """Cells in two tints: the cells that the switch wave has passed hold the next tile."""
    front = (len(across) + len(down)) // 2 - 1
    for row, y in enumerate(down):
        for column, x in enumerate(across):
            passed = row + column <= front
            fill = WEIGHTS_LIGHT if passed else WEIGHTS_PALE
            name = "i + 1" if passed else "i"
            size = CELL_WIDTH, CELL_HEIGHT
            box(axes, x, y, *size, name, fill=fill, edge=WEIGHTS, style="italic")
            if column + 1 < len(across):
                ends = (x + CELL_WIDTH / 2, y), (x + PITCH_X - CELL_WIDTH / 2, y)
                arrow(axes, *ends, color=ACTIVATIONS, head=7)
            if row + 1 < len(down):
                top, bottom = y - CELL_HEIGHT / 2, y - PITCH_Y + CELL_HEIGHT / 2
                arrow(axes, (x - 0.14, top), (x - 0.14, bottom), color=WEIGHTS, head=7)
                arrow(axes, (x + 0.14, top), (x + 0.14, bottom), color=SUMS, head=7)
    x = across[-1] + 0.66
    text = "the switch to\ntile i + 1 moves\nas a wave along\nthe diagonal"
    note(axes, x, down[1], text, fontsize=9)


def _sums(axes: Axes, across: list[float], down: list[float]) -> None:
    for column, x in enumerate(across):
        arrow(axes, (x, down[-1] - CELL_HEIGHT / 2), (x, ACCUMULATORS + 0.31), color=SUMS)
        box(axes, x, ACCUMULATORS, CELL_WIDTH, 0.62, "+=", fill=SUMS_LIGHT, edge=SUMS)
        arrow(axes, (x, ACCUMULATORS - 0.31), (x, BUFFER + 0.52), color=SUMS)
        _queue(axes, x, filled=len(across) - column)
    x = across[-1] + 0.66
    note(axes, x, ACCUMULATORS, "accumulators", color=SUMS, fontsize=10)
    note(axes, x, BUFFER + 0.3, "result buffer", color=SUMS, fontsize=10)
    note(axes, x, BUFFER - 0.12, "a row leaves when its\nlast column is in", fontsize=9)
    middle = (across[0] + across[-1]) / 2
    arrow(axes, (middle, BUFFER - 0.6), (middle, 0.05), color=SUMS, line=3, head=15)
    note(axes, middle + 0.25, 0.25, "results: one finished row per cycle", color=SUMS)


def _queue(axes: Axes, x: float, filled: int) -> None:
    """Four slots of one column's result memory, the oldest at the bottom."""
    for slot in range(4):
        fill = SUMS_LIGHT if slot < filled else "white"
        tile(axes, x - CELL_WIDTH / 2, BUFFER - 0.5 + 0.25 * slot, CELL_WIDTH, 0.25, fill, SUMS)


def _control(axes: Axes, across: list[float]) -> None:
    """The control that travels with the data: tile and switch, row control, credits."""
    style = {"color": CONTROL, "dashed": True, "line": 1.2, "head": 8}
    left = across[0] - CELL_WIDTH / 2
    arrow(axes, (left, 8.72), (2.55, 8.72), (2.55, 6.9), **style)
    arrow(axes, (3.25, 6.9), (3.25, 8.48), (left, 8.48), **style)
    note(axes, 3.4, 8.93, "tile complete", fontsize=9, color=CONTROL)
    note(axes, 3.4, 8.2, "taken", fontsize=9, color=CONTROL)
    arrow(axes, (3.25, 3.24), (3.25, ACCUMULATORS), (left, ACCUMULATORS), **style)
    box(
        axes,
        5.3,
        ACCUMULATORS,
        1.9,
        0.5,
        "control delay",
        fill=CONTROL_LIGHT,
        edge=CONTROL,
        fontsize=9,
    )
    note(axes, 3.4, ACCUMULATORS + 0.48, "row, first, last", fontsize=9, color=CONTROL)
    for x in across[:-1]:
        ends = (x + CELL_WIDTH / 2, ACCUMULATORS), (x + PITCH_X - CELL_WIDTH / 2, ACCUMULATORS)
        arrow(axes, *ends, **style | {"dashed": False})
    arrow(axes, (left, BUFFER), (2.55, BUFFER), (2.55, 3.24), **style)
    note(
        axes,
        2.75,
        BUFFER - 0.25,
        "credits: a place for a result is free",
        fontsize=9,
        color=CONTROL,
    )


def _one_cell(axes: Axes, x: float, y: float) -> None:
    """The inside of a cell; (x, y) is the lower left corner of its frame."""
    box(axes, x + 3.4, y + 3.3, 6.5, 6.0, fill="#fbfcfe", edge=WEIGHTS, rounding=0.2, zorder=1)
    note(axes, x + 0.35, y + 6.6, "one cell", fontsize=10, color=WEIGHTS)
    weight, product, total = x + 2.2, x + 3.85, x + 5.6
    line, adder = y + 3.15, y + 2.0
    register = {"fontsize": 9, "rounding": 0.05}

    box(axes, weight, y + 5.5, 1.5, 0.55, "shadow", fill=WEIGHTS_LIGHT, edge=WEIGHTS, **register)
    box(axes, weight, y + 4.3, 1.5, 0.55, "weight", fill=WEIGHTS_LIGHT, edge=WEIGHTS, **register)
    arrow(axes, (weight, y + 7.0), (weight, y + 5.78), color=WEIGHTS)
    arrow(axes, (weight, y + 5.22), (weight, y + 4.58), color=WEIGHTS)
    arrow(axes, (weight + 0.75, y + 5.5), (weight + 1.45, y + 5.5), color=WEIGHTS)
    note(axes, weight + 1.55, y + 5.5, "to the shadow\nbelow", fontsize=9)
    note(axes, weight + 0.12, y + 4.9, "switch", fontsize=9, color=CONTROL)
    note(axes, weight + 0.12, y + 6.05, "load", fontsize=9, color=CONTROL)
    arrow(axes, (weight, y + 4.02), (weight, adder + 0.27), color=WEIGHTS)

    box(axes, x + 0.95, line, 0.5, 0.75, "", fill=ACTIVATIONS_LIGHT, edge=ACTIVATIONS, **register)
    note(axes, x + 0.3, line + 0.62, "activation", fontsize=9, color=ACTIVATIONS)
    arrow(axes, (x - 0.45, line), (x + 0.7, line), color=ACTIVATIONS)
    arrow(axes, (x + 1.2, line), (x + 7.0, line), color=ACTIVATIONS)
    arrow(axes, (x + 1.5, line), (x + 1.5, adder), (weight - 0.27, adder), color=ACTIVATIONS)
    axes.plot([x + 1.5], [line], "o", color=ACTIVATIONS, markersize=4, zorder=4)

    circle(axes, weight, adder, 0.27, "\N{MULTIPLICATION SIGN}")
    arrow(axes, (weight + 0.27, adder), (product - 0.5, adder))
    box(axes, product, adder, 1.0, 0.55, "product", fill="#eef0f3", edge=INK, **register)
    arrow(axes, (product + 0.5, adder), (total - 0.27, adder))
    circle(axes, total, adder, 0.27, "+")
    arrow(axes, (total, y + 7.0), (total, adder + 0.27), color=SUMS)
    note(axes, total + 0.12, y + 6.72, "sum", fontsize=9, color=SUMS)
    arrow(axes, (total, adder - 0.27), (total, y + 1.22), color=SUMS)
    box(axes, total, y + 0.95, 1.0, 0.55, "sum", fill=SUMS_LIGHT, edge=SUMS, **register)
    arrow(axes, (total, y + 0.67), (total, y - 0.35), color=SUMS)
    note(axes, x + 0.35, y + 0.85, "boxes are registers", fontsize=9, color=FAINT)
