"""Speed of simulation at full utilization, beside two others, and cost of a build.

The others are the same Verilog built by the system's compiler, and a loop in C++ over the registers
of the cells. All run in turn in one process, so that the ratios mean something on any machine.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from weft.matrix.config import MatrixUnitConfig
from weft_model.operands import draw_operands
from weft_model.reference import matmul
from weft_sim import compiler, toolchain
from weft_sim.matrix_unit_simulator import MatrixUnitSimulator
from weft_sim.verilator import SimulationFailed

from ..console import progress_bar
from .register_loop import RegisterLoop, user_seconds
from .results import finish

SIDES = (8, 16, 32, 64, 128, 256)
# A run takes about MACS multiply-accumulates or CYCLES, a second or less.
MACS = 400_000_000
CYCLES = 500_000
# Each of the three runs once per round.
ROUNDS = 7
UNITS = {
    "cycles_per_second": "simulated cycles per second of user time, the best of the rounds",
    "mac_per_second": "int8 multiply-accumulates per second of user time",
    "over_system": "times as fast as the build of the system's compiler; median of the rounds",
    "loop_over": "times as fast is a loop over the registers of the cells; median of the rounds",
    "build_seconds": "s, with an empty cache, including the Verilog, without Zig's C++ library",
    "peak_mb": "MB resident, of the largest process of build and run",
}


def measure() -> None:
    """Measure each size in its own process, with an empty cache."""
    results = []
    with progress_bar("speed") as (_, step):
        for index, side in enumerate(SIDES):
            results.append(measure_alone(side))
            step(index + 1, len(SIDES))
    finish("speed", results, UNITS)


def measure_alone(side: int) -> dict:
    """Return what `measure_one` returns in another process with an empty cache."""
    with tempfile.TemporaryDirectory() as empty:
        library = toolchain.cxx().global_cache
        settings = {"ZIG_GLOBAL_CACHE_DIR": str(library)} if library else {}
        run = subprocess.run(
            [sys.executable, "-m", __name__, str(side)],
            env=settings | os.environ | {"WEFT_CACHE": empty},
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
    expected = matmul(config, a, b)
    loop = RegisterLoop(side, side)
    runs = {
        "unit": lambda: _simulate(unit, a, b, expected),
        "loop": lambda: _loop(loop, a, b, expected),
    }
    if system := _of_system(config):
        runs["system"] = lambda: _simulate(system, a, b, expected)
    seconds = _in_turn(runs)
    best = min(seconds["unit"])
    return {
        "rows": side,
        "columns": side,
        "cycles_per_second": round(1 / best),
        "mac_per_second": round(m * side * tiles * side / (best * unit.cycles)),
        "over_system": _ratio(seconds["system"], seconds["unit"]) if system else None,
        "loop_over": _ratio(seconds["unit"], seconds["loop"]),
        "build_seconds": round(build_seconds, 1),
        "peak_mb": _peak_mb(),
    }


def _of_system(config: MatrixUnitConfig) -> MatrixUnitSimulator | None:
    """Return the unit built by the system's compiler, or None if there is none."""
    name = next(filter(shutil.which, reversed(compiler.SYSTEM)), None)
    if name is None:
        return None
    chosen = os.environ.get("CXX")
    os.environ["CXX"] = name
    try:
        return MatrixUnitSimulator(config)
    finally:
        del os.environ["CXX"]
        if chosen is not None:
            os.environ["CXX"] = chosen


def _in_turn(runs: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Call all functions in turn, in several rounds; return the results of each by name."""
    rounds = [{name: run() for name, run in runs.items()} for _ in range(ROUNDS)]
    return {name: [one[name] for one in rounds] for name in runs}


def _simulate(
    unit: MatrixUnitSimulator, a: np.ndarray, b: np.ndarray, expected: np.ndarray
) -> float:
    """Run a product; return the seconds of user time per cycle."""
    started = user_seconds()
    run = unit.run([(a, b)])
    seconds = user_seconds() - started
    _check(run.products[0], expected)
    return seconds / run.cycles


def _loop(loop: RegisterLoop, a: np.ndarray, b: np.ndarray, expected: np.ndarray) -> float:
    """Do as `_simulate` with the loop over the registers."""
    run = loop.matmul(a, b)
    _check(run.product, expected)
    return run.seconds / run.cycles


def _check(product: np.ndarray, expected: np.ndarray) -> None:
    if (product != expected).any():
        raise SimulationFailed("the product differs from numpy's")


def _ratio(slower: list[float], faster: list[float]) -> float:
    return round(statistics.median(s / f for s, f in zip(slower, faster, strict=True)), 2)


def _peak_mb() -> int:
    peaks = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return round(max(peaks) / (1024 if sys.platform != "darwin" else 1024**2))


if __name__ == "__main__":
    print(json.dumps(measure_one(int(sys.argv[1]))))
