"""Speed of simulation at full utilization, and cost of a build with an empty cache."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from weft.matrix.config import MatrixUnitConfig
from weft_model.operands import draw_operands
from weft_model.reference import matmul
from weft_sim.matrix_unit_simulator import MatrixUnitSimulator
from weft_sim.verilator import SimulationFailed

from ..console import progress_bar
from .results import finish

SIDES = (8, 16, 32, 64, 128, 256)
# A run takes about MACS multiply-accumulates or CYCLES, a few seconds; the best of RUNS counts.
MACS = 1_500_000_000
CYCLES = 1_000_000
RUNS = 3
UNITS = {
    "cycles_per_second": "simulated cycles per second of wall clock",
    "mac_per_second": "int8 multiply-accumulates per second of wall clock",
    "build_seconds": "s, with an empty cache, including the Verilog",
    "peak_mb": "MB resident, of the largest process of build and run",
}


def measure() -> None:
    """Measure each size in its own process, with an empty cache."""
    results = []
    with progress_bar("speed") as (_, step):
        for index, side in enumerate(SIDES):
            results.append(_measure_alone(side))
            step(index + 1, len(SIDES))
    finish("speed", results, UNITS)


def _measure_alone(side: int) -> dict:
    with tempfile.TemporaryDirectory() as empty:
        run = subprocess.run(
            [sys.executable, "-m", __name__, str(side)],
            env=os.environ | {"WEFT_CACHE": empty},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if run.returncode:
        raise SimulationFailed(f"the measurement of {side} x {side} failed")
    return json.loads(run.stdout)


def measure_one(side: int) -> dict:
    """Build, run and check one size; each tile is in use for 16 R rows."""
    config = MatrixUnitConfig(rows=side, columns=side, accumulator_depth=4096)
    started = time.perf_counter()
    unit = MatrixUnitSimulator(config)
    build_seconds = time.perf_counter() - started
    m = 16 * side
    tiles = max(1, min(CYCLES, MACS // side**2) // m)
    a, b = draw_operands(config, m, side, tiles * side, seed=0)
    seconds, run = 0.0, None
    for _ in range(RUNS):
        run = unit.run([(a, b)])
        seconds = min(seconds or run.seconds, run.seconds)
    assert run is not None
    if (run.products[0] != matmul(config, a, b)).any():
        raise SimulationFailed("the product differs from numpy's")
    peaks = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return {
        "rows": side,
        "columns": side,
        "cycles_per_second": round(run.cycles / seconds),
        "mac_per_second": round(m * side * tiles * side / seconds),
        "build_seconds": round(build_seconds, 1),
        "peak_mb": round(max(peaks) / (1024 if sys.platform != "darwin" else 1024**2)),
    }


if __name__ == "__main__":
    print(json.dumps(measure_one(int(sys.argv[1]))))
