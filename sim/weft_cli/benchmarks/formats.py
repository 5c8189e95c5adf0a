"""Benchmark of the number formats: multiply-accumulates per second, simulated and in numpy."""

import dataclasses
import time

from weft.matrix.config import SMALL, MatrixUnitConfig
from weft_model.operands import draw_operands
from weft_model.reference import differs, matmul
from weft_sim import MatrixUnitSimulator
from weft_sim.verilator import SimulationFailed

from ..console import progress_bar
from .register_loop import user_seconds
from .results import finish

ROUNDS = 3
# Multiply-accumulates of a run, and of one of chained sums in RTL, which takes longer.
MACS, FEW_MACS = 200_000_000, 6_000_000

# Side of the square matrices that the numpy reference multiplies.
REFERENCE_SIDE = 512

# Formats of both operands, side of the array, and whether a model computes the cells.
CASES = (
    ("int8", 16, False),
    ("int16", 16, False),
    ("float4_e2m1fn", 16, False),
    ("float8_e4m3fn", 16, False),
    ("float8_e5m2", 16, False),
    ("bfloat16", 16, False),
    ("bfloat16", 16, True),
    ("bfloat16", 128, True),
)
UNITS = {
    "mac_per_second": "1/s of user time, best of a few runs",
    "cycles_per_second": "1/s of user time, best of a few runs",
    "reference_mac_per_second": "1/s of processor time, best of a few runs of the numpy reference",
    "build_seconds": "s, including the Verilog; 0 if it was in the cache",
}


def measure() -> None:
    """Measure each case."""
    results = []
    with progress_bar("formats") as (_, step):
        for index, case in enumerate(CASES):
            results.append(measure_one(*case))
            step(index + 1, len(CASES))
    finish("formats", results, UNITS)


def configuration(name: str, side: int) -> MatrixUnitConfig:
    """Return the unit of a case."""
    formats = {"activation": name, "weight": name, "accumulator_width": 0}
    return dataclasses.replace(SMALL, rows=side, columns=side, **formats)


def reference_speed(config: MatrixUnitConfig) -> float:
    """Return the multiply-accumulates per second of the numpy reference for large matrices."""
    side = REFERENCE_SIDE
    a, b = draw_operands(config, side, side, side, seed=0)
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        matmul(config, a, b)
        best = min(best, time.process_time() - started)
    return side**3 / best


def measure_one(name: str, side: int, float_model: bool) -> dict:
    """Build, run and check one case; each tile is in use for 16 R rows.

    Raises
    ------
    SimulationFailed
        If a result differs from numpy's.
    """
    config = configuration(name, side)
    started = time.perf_counter()
    unit = MatrixUnitSimulator(config, float_model=float_model)
    build_seconds = time.perf_counter() - started
    m = 16 * side
    macs = FEW_MACS if config.chained and not float_model else MACS
    tiles = max(1, macs // (m * side**2))
    a, b = draw_operands(config, m, side, tiles * side, seed=0)
    best = float("inf")
    for _ in range(ROUNDS):
        started = user_seconds()
        run = unit.run([(a, b)])
        best = min(best, user_seconds() - started)
    if differs(run.products[0], matmul(config, a, b)).any():
        raise SimulationFailed(f"the product of {name} differs from numpy's")
    return {
        "format": name,
        "cells": "C++ model" if float_model else "RTL",
        "rows": side,
        "columns": side,
        "mac_per_second": round(m * side * tiles * side / best),
        "cycles_per_second": round(run.cycles / best),
        "reference_mac_per_second": round(reference_speed(config)),
        "build_seconds": round(build_seconds, 1),
    }
