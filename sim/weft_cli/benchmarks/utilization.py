"""Utilization on real shapes: the cycle model from 16 x 16 to 256 x 256, checked on the RTL."""

import json
from collections import Counter
from collections.abc import Iterable

from weft.emit.files import write_whole
from weft.matrix.config import MatrixUnitConfig
from weft_model.layer_cycles import layer_row, total_row
from weft_model.layers import NETWORKS, Layer, read_network
from weft_model.operands import draw_operands
from weft_sim import toolchain
from weft_sim.matrix_unit_simulator import MatrixUnitSimulator
from weft_sim.verilator import SimulationFailed

from ..console import progress_bar
from ..durations import simulation_build
from .results import finish, machine

SIDES = (16, 32, 64, 128, 256)
SWEEP = tuple(1 << i for i in range(13))
SWEEP_K = SWEEP_N = 512
DEPTH = 4096
# M, K, N: single tiles, many tiles, ragged edges, and fewer rows than a small array is high.
PRODUCTS = (
    (1, 64, 64),
    (8, 64, 64),
    (16, 64, 64),
    (64, 64, 64),
    (100, 300, 50),
    (512, 64, 64),
    (2048, 16, 16),
    (1000, 128, 128),
)
UNITS = {
    "cycles": "cycles of the layer alone, times its count",
    "lower_bound_cycles": "cycles if every tile were loaded once",
    "array_active": "fraction of cycles in which a row enters the array",
    "of_peak": "multiply-accumulates over cycles x rows x columns",
    "without_overlap_cycles": "cycles by SCALE-Sim's formula, 2R + C + M - 2 per tile",
    "checked_on_rtl": "number of distinct shapes simulated; all equal the model and numpy",
}


def networks() -> dict[str, list[Layer]]:
    """Return the layers of the networks that come with Weft."""
    return {name: read_network(name).layers for name in NETWORKS}


def sweep() -> list[Layer]:
    """Return products of increasing M."""
    return [Layer(f"m{m}", m, SWEEP_K, SWEEP_N) for m in SWEEP]


def workloads() -> dict[str, list[Layer]]:
    """Return the networks, a sweep over M, and some single products."""
    products = [Layer(f"{m}x{k}x{n}", m, k, n) for m, k, n in PRODUCTS]
    return {**networks(), "sweep": sweep(), "products": products}


def predicted(config: MatrixUnitConfig, layers: list[Layer]) -> list[dict]:
    """Return a `layer_row` for each distinct shape, with the counts of all its layers."""
    counted = Counter((s.m, s.k, s.n, s.count) for s in layers)
    named = {(s.m, s.k, s.n, s.count): s.name for s in reversed(layers)}
    return [
        layer_row(config, Layer(named[key], *key[:3], count=key[3] * times))
        for key, times in counted.items()
    ]


def measure(sides: Iterable[int] = SIDES) -> None:
    """Predict the cycles of every layer, and compare every distinct shape with a simulation."""
    rows, totals = [], []
    for side in sides:
        config = MatrixUnitConfig(rows=side, columns=side, accumulator_depth=DEPTH)
        known: set[tuple[int, int, int]] = set()
        unit = None
        for name, layers in workloads().items():
            what = f"{name} on {side} x {side}"
            with progress_bar(what, simulation_build(config)) as (building, step):
                if unit is None:
                    unit = MatrixUnitSimulator(config, building=building)
                shapes = list(dict.fromkeys((s.m, s.k, s.n) for s in layers))
                for index, shape in enumerate(shapes):
                    if shape not in known:
                        check(unit, *shape)
                        known.add(shape)
                    step(index + 1, len(shapes))
            size = {"workload": name, "rows": side, "columns": side}
            own = predicted(config, layers)
            rows += [{**size, **row} for row in own]
            if name not in ("sweep", "products"):
                total = total_row(config, own, name="all")
                totals.append({**size, **total, "checked_on_rtl": len(shapes)})
    folder = toolchain.build_root() / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine(), "units": UNITS, "rows": rows}, indent=2)
    write_whole(folder / "utilization.json", text + "\n")
    finish("utilization_totals", totals, UNITS, ("layer", "columns", "computing", "macs"))


def check(unit: MatrixUnitSimulator, m: int, k: int, n: int) -> None:
    """Run a product; raise SimulationFailed unless product and cycles equal numpy and the model."""
    a, b = draw_operands(unit.config, m, k, n, seed=0)
    _, difference = unit.verified_run(a, b)
    if difference:
        what = f"{m} x {k} x {n} on {unit.config.rows} x {unit.config.columns}"
        raise SimulationFailed(f"{what}: {difference}")
