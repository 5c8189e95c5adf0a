"""Cycles and utilization of layers from the cycle model, without a simulation."""

import csv
import json
from collections.abc import Iterable
from typing import TextIO

from weft.matrix.config import MatrixUnitConfig

from .cycle_model import lower_bound, predict
from .layers import Layer
from .schedule import Schedule


def layer_row(config: MatrixUnitConfig, layer: Layer) -> dict[str, int | float | str]:
    """Return the cost of a layer that runs alone, including its first load, fill and drain.

    Cycles: `cycles`, and `lower_bound_cycles` if every tile were loaded once; `computing`,
    `loading_weights` (exposed) and `idle` partition them. Fractions: `array_active`, cycles in
    which a row enters; `of_peak`, multiply-accumulates over those of a full array.
    `without_overlap_cycles` is SCALE-Sim's formula.
    """
    schedule = Schedule(config, layer.m, layer.k, layer.n)
    prediction = predict(config, [schedule])
    counters, cycles = prediction.counters, prediction.cycles
    return {
        "layer": layer.name,
        "m": layer.m,
        "k": layer.k,
        "n": layer.n,
        "count": layer.count,
        "cycles": cycles * layer.count,
        "lower_bound_cycles": lower_bound(config, [schedule]) * layer.count,
        "computing": counters["computing"] * layer.count,
        "loading_weights": counters["loading_weights"] * layer.count,
        "idle": counters["idle"] * layer.count,
        "array_active": round(counters["computing"] / cycles, 4),
        "macs": layer.macs,
        "of_peak": round(layer.m * layer.k * layer.n / (cycles * config.rows * config.columns), 4),
        "without_overlap_cycles": without_overlap(config, schedule) * layer.count,
    }


def total_row(config: MatrixUnitConfig, rows: list[dict], name: str = "total") -> dict:
    """Return the sum over layers that run one after the other."""
    summed = ("cycles", "lower_bound_cycles", "computing", "loading_weights", "idle", "macs")
    total = {key: sum(row[key] for row in rows) for key in (*summed, "without_overlap_cycles")}
    peak = total["cycles"] * config.rows * config.columns
    return {
        "layer": name,
        **total,
        "array_active": round(total["computing"] / total["cycles"], 4),
        "of_peak": round(total["macs"] / peak, 4),
    }


def without_overlap(config: MatrixUnitConfig, schedule: Schedule) -> int:
    """Return the cycles by SCALE-Sim's weight-stationary formula: 2R + C + M - 2 per tile.

    Tiles do not overlap.

    Samajdar et al., "A systematic methodology for characterizing scalability of DNN accelerators
    using SCALE-Sim", ISPASS 2020.
    """
    tiles = schedule.k_tiles * schedule.n_tiles
    return tiles * (2 * config.rows + config.columns + schedule.m - 2)


def write_csv(out: TextIO, rows: Iterable[dict]) -> None:
    """Write one CSV line per layer as the rows arrive."""
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(out, row, lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)


def write_json(out: TextIO, rows: list[dict], total: dict) -> None:
    """Write a JSON object with `layers` and `total`."""
    json.dump({"layers": rows, "total": total}, out, indent=2)
    out.write("\n")
