"""Timing diagram of the worked transaction with pauses on every stream."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import transaction
from canvas import (
    ACTIVATIONS,
    ACTIVATIONS_LIGHT,
    INK,
    RULE,
    SUMS,
    SUMS_LIGHT,
    WEIGHTS,
    WEIGHTS_LIGHT,
    note,
    plt,
    tile,
)
from traces import Trace
from weft.formats import IntegerFormat
from weft_sim.checked_run import run
from weft_sim.toolchain import build_root, has

CONFIG = transaction.CONFIG
# Seed of the stalls; with this one every stream pauses and waits.
STALLS = 15
SLOPE, GAP = 0.1, 0.7
NAN = float("nan")


@dataclass(frozen=True)
class Port:
    """A stream: its lanes, its signals besides the usual ones, and its colours."""

    stream: str
    lanes: IntegerFormat
    count: int
    extra: tuple[str, ...]
    color: str
    fill: str


PORTS = (
    Port("s_axis_weights", CONFIG.weight_port.lane, CONFIG.columns, (), WEIGHTS, WEIGHTS_LIGHT),
    Port(
        *("s_axis_activations", CONFIG.activation_port.lane, CONFIG.rows, ("tuser",)),
        *(ACTIVATIONS, ACTIVATIONS_LIGHT),
    ),
    Port("m_axis_results", CONFIG.accumulator, CONFIG.columns, (), SUMS, SUMS_LIGHT),
)


def simulate() -> tuple[Trace, int]:
    """Run the worked transaction on the RTL with pauses; return its trace and its cycles."""
    outcome = run(
        CONFIG,
        [(transaction.A, transaction.B)],
        simulator="icarus" if has("iverilog") else "verilator",
        directory=build_root() / "docs" / "handshake",
        waves=True,
        stalls=STALLS,
    )
    if outcome.mismatches:
        raise SystemExit("the simulation for handshake.svg gave a wrong product")
    return Trace(outcome.trace, f"weft_{CONFIG.rows}x{CONFIG.columns}"), outcome.cycles


def draw() -> Figure:
    """Draw one line per signal, with a shade behind each transfer."""
    trace, cycles = simulate()
    # The clock, then each port below a gap, then the numbers of the cycles.
    height = 1 + sum(len(_signals(port)) + GAP for port in PORTS)
    figure = plt.figure(figsize=(10.5, 0.36 * height + 0.8), facecolor="white")
    axes = figure.add_axes((0.165, 0.1, 0.825, 0.87))
    axes.set(xlim=(0, cycles), ylim=(height, 0))
    axes.set_axis_off()
    _draw_lines(axes, [[(x, 0), (x, height)] for x in range(cycles + 1)], RULE, 0.8)
    for cycle in range(cycles):
        note(axes, cycle + 0.5, height + 0.5, str(cycle), color=INK, ha="center")
    caption = "cycle, from the first weight row offered"
    note(axes, cycles / 2, height + 1.3, caption, ha="center", fontsize=10)
    note(axes, -0.15, 0.5, "aclk", color=INK, ha="right", fontsize=8.5)
    _draw_levels(axes, [1, 0] * cycles, 0, 0.5)
    y = 1.0
    for port in PORTS:
        y += GAP
        _draw_port(axes, trace, cycles, port, y)
        y += len(_signals(port))
    return figure


def _signals(port: Port) -> tuple[str, ...]:
    return ("tvalid", "tready", "tdata", *port.extra, "tlast")


def _draw_port(axes: Axes, trace: Trace, cycles: int, port: Port, top: float) -> None:
    names = _signals(port)
    values = {
        name: [trace(f"{port.stream}_{name}", cycle) for cycle in range(cycles)] for name in names
    }
    valid, ready = values["tvalid"], values["tready"]
    for cycle in range(cycles):
        if valid[cycle] and ready[cycle]:
            tile(axes, cycle, top, 1, len(names), port.fill, "none", zorder=1)
    for y, name in enumerate(names):
        label = f"{port.stream}_{name}"
        note(axes, -0.15, top + y + 0.5, label, color=port.color, ha="right", fontsize=8.5)
        if name in ("tvalid", "tready"):
            _draw_levels(axes, values[name], top + y)
        else:
            texts = [_text(port, name, value) for value in values[name]]
            _draw_words(axes, texts, valid, ready, top + y)


def _text(port: Port, name: str, value: int) -> str:
    """Format a value: tdata as its lanes, lane 0 first, tuser in hexadecimal."""
    if name == "tdata":
        dtype = port.lanes.dtype
        raw = value.to_bytes(port.count * dtype.itemsize, "little")
        return ", ".join(str(lane) for lane in np.frombuffer(raw, dtype))
    return f"0x{value:02x}" if name == "tuser" else str(value)


def _draw_levels(axes: Axes, values: list[int], y: float, step: float = 1) -> None:
    """Draw a line that is high or low for `step` cycles per value."""
    points = []
    for index, value in enumerate(values):
        level = y + (0.2 if value else 0.8)
        points += [(index * step + SLOPE / 2, level), ((index + 1) * step - SLOPE / 2, level)]
    _draw_lines(axes, [points], INK, 1.4)


def _draw_words(axes: Axes, texts: list[str], valid: list, ready: list, y: float) -> None:
    """Draw a box for as long as one payload is offered, and a line in between."""
    boxes, idle = [], []
    begin = None
    for cycle, text in enumerate(texts):
        if not valid[cycle]:
            idle.append([(cycle, y + 0.5), (cycle + 1, y + 0.5)])
            continue
        begin = cycle if begin is None else begin
        if ready[cycle]:
            left, right = begin + SLOPE, cycle + 1 - SLOPE
            over, under = y + 0.14, y + 0.86
            corners = [(left, over), (right, over), (right, under), (left, under), (left, over)]
            boxes.append(corners)
            style = {"ha": "center", "va": "center_baseline", "color": INK, "fontsize": 7.5}
            note(axes, (begin + cycle + 1) / 2, y + 0.5, text, **style)
            begin = None
    _draw_lines(axes, boxes, INK, 1)
    _draw_lines(axes, idle, RULE, 1.4)


def _draw_lines(axes: Axes, lines: list[list[tuple]], color: str, width: float) -> None:
    """Draw lines through points as one path, which keeps the file small."""
    points = [point for line in lines for point in (*line, (NAN, NAN))]
    axes.plot(*zip(*points, strict=True), color=color, linewidth=width, zorder=2, clip_on=False)
