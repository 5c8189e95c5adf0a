"""Measure emission, simulation speed and utilization; JSON in build/bench, tables on the terminal.

Figures of time are of this machine, at this moment; cycles are exact anywhere.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from weft.config import MatrixUnitConfig
from weft.export import emit, write_whole

from . import simulator as simulators
from . import toolchain
from .job import run
from .report import console, progress_bar, random_operands
from .schedule import Schedule
from .timing import lower_bound, predict

EXPORT_SIDES = (4, 8, 16, 32, 64, 128, 256)
SPEED_SIDES = (4, 8, 16, 32)
# M, K, N: single tiles, many tiles, ragged edges, and fewer rows than the array is high.
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


def run_all() -> None:
    """Run every benchmark; each leaves build/bench/<name>.json."""
    for name, measure in BENCHMARKS.items():
        rows = measure()
        folder = toolchain.build_root() / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.json"
        write_whole(path, json.dumps({"machine": machine(), "rows": rows}, indent=2) + "\n")
        print_rows(name, rows, path)


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    return {
        "processor": processor(),
        "cores": os.cpu_count() or 0,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def measure_export() -> list[dict]:
    """Seconds and bytes of the Verilog of square units."""
    rows = []
    with progress_bar("export") as (_, step):
        for index, side in enumerate(EXPORT_SIDES):
            started = time.perf_counter()
            described = emit(MatrixUnitConfig(rows=side, columns=side)).description
            rows.append(
                {
                    "rows": side,
                    "columns": side,
                    "seconds": round(time.perf_counter() - started, 2),
                    "bytes": described["bytes"],
                    "modules": described["modules"],
                }
            )
            step(index + 1, len(EXPORT_SIDES))
    return rows


def measure_speed() -> list[dict]:
    """Cycles and multiply-accumulates a second of the RTL under cocotb and Verilator."""
    rows = []
    for side in SPEED_SIDES:
        config = MatrixUnitConfig(rows=side, columns=side)
        emission = emit(config)
        # A new name makes a new build, whatever is in the cache.
        fresh = f"bench_{time.time_ns()}"
        started = time.perf_counter()
        simulators.build(emission.verilog.replace(emission.name, fresh), fresh)
        build_seconds = time.perf_counter() - started
        operands = [random_operands(config, 10_000, side, side, seed=0)]
        with progress_bar(f"speed of {side} x {side}") as (building, step):
            outcome = run(
                config,
                operands,
                directory=toolchain.build_root() / "bench" / "speed",
                building=building,
                progress=step,
            )
        rows.append(
            {
                "rows": side,
                "columns": side,
                "cycles_per_second": round(outcome.cycles / outcome.simulation_seconds),
                "mac_per_second": round(outcome.macs / outcome.simulation_seconds),
                "build_seconds": round(build_seconds, 1),
            }
        )
    return rows


def measure_utilization() -> list[dict]:
    """The cycle model at 16 x 16, each product checked against the RTL."""
    config = MatrixUnitConfig(rows=16, columns=16)
    rows = []
    for m, k, n in PRODUCTS:
        with progress_bar(f"utilization of {m} x {k} x {n}") as (building, step):
            outcome = run(
                config,
                [random_operands(config, m, k, n, seed=0)],
                directory=toolchain.build_root() / "bench" / "utilization",
                building=building,
                progress=step,
            )
        schedule = Schedule(config, m, k, n)
        rows.append(
            {
                "rows": config.rows,
                "columns": config.columns,
                "m": m,
                "k": k,
                "n": n,
                "cycles": outcome.cycles,
                "model_cycles": predict(config, [schedule]).cycles,
                "lower_bound_cycles": lower_bound(config, [schedule]),
                "array_active": round(outcome.array_active, 4),
                "macs_over_peak": round(outcome.macs / (outcome.cycles * 256), 4),
                "without_overlap_cycles": without_overlap(config, schedule),
                "equal_to_numpy": outcome.mismatches == 0,
            }
        )
    return rows


def without_overlap(config: MatrixUnitConfig, schedule: Schedule) -> int:
    """SCALE-Sim's weight-stationary formula, 2R + C + M - 2 a tile, no tile overlapping another.

    Samajdar et al., "A systematic methodology for characterizing scalability of DNN accelerators
    using SCALE-Sim", ISPASS 2020.
    """
    tiles = schedule.k_tiles * schedule.n_tiles
    return tiles * (2 * config.rows + config.columns + schedule.m - 2)


def print_rows(name: str, rows: list[dict], path: Path) -> None:
    table = Table(*(key.replace("_", " ") for key in rows[0]), title=name, box=None)
    for column in table.columns:
        column.justify = "right"
    for row in rows:
        table.add_row(*map(shown, row.values()))
    console.print(table)
    console.print(f"{path}\n")


def shown(value: object) -> str:
    """A field as a table has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}"


BENCHMARKS: dict[str, Callable[[], list[dict]]] = {
    "export": measure_export,
    "speed": measure_speed,
    "utilization": measure_utilization,
}
