"""Check a case: every number against numpy, every cycle and counter against the model."""

import os
import sys
from dataclasses import dataclass, field

import numpy as np

from weft.matrix.config import MatrixUnitConfig
from weft_model.cycle_model import predict
from weft_model.reference import matmul
from weft_model.schedule import Schedule
from weft_sim.matrix_unit_simulator import MatrixUnitSimulator, SimulationResult

from .cases import Case, PlannedRun


@dataclass
class CaseResult:
    """What a case came to: the first difference, or "", and what was done until then.

    `numbers_before_resets` are of runs that a reset cut short; `products`, `macs` and `cycles` are
    of the others.
    `processor_seconds` are those of this process and of the compilers that it waited for.
    """

    difference: str = ""
    products: int = 0
    macs: int = 0
    cycles: int = 0
    resets: int = 0
    numbers_before_resets: int = 0
    stalled_runs: int = 0
    processor_seconds: float = field(default=0.0, compare=False)


def check(case: Case) -> CaseResult:
    """Run a case on its unit, in this process.

    Whatever goes wrong, from the emission of the Verilog to the last counter, is a difference.
    """
    result, before = CaseResult(), _processor_seconds()
    doing = "the build"
    try:
        unit = MatrixUnitSimulator(case.config)
        for number, run in enumerate(case.runs, 1):
            doing = f"run {number} of {len(case.runs)}"
            difference = _check_run(unit, run, result)
            if difference:
                result.difference = f"{doing}: {difference}"
                break
    except Exception as error:
        result.difference = f"{doing}: {type(error).__name__}: {error}"
    result.processor_seconds = _processor_seconds() - before
    return result


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _check_run(unit: MatrixUnitSimulator, run: PlannedRun, result: CaseResult) -> str:
    operands = [product.operands(unit.config) for product in run.products]
    stalls = None if run.stalls is None else run.stalls.draw()
    result.stalled_runs += stalls is not None
    if run.reset_after is None:
        done = unit.run(operands, stalls=stalls)
        result.products += len(run.products)
        result.macs += sum(product.macs for product in run.products)
        result.cycles += done.cycles
    else:
        done = unit.run_until_reset(operands, run.reset_after, stalls=stalls)
        result.resets += 1
        result.numbers_before_resets += sum(int(z.count()) for z in done.products)
    if done.errors:
        return f"the unit reports {done.errors}"
    for number, ((a, b), z) in enumerate(zip(operands, done.products, strict=True), 1):
        difference = _first_difference(z, matmul(unit.config, a, b))
        if difference:
            return f"product {number} of {len(operands)}: {difference}"
    return _check_time(unit.config, run, done)


def _first_difference(z: np.ndarray, expected: np.ndarray) -> str:
    """What is masked had not come before a reset."""
    wrong = np.argwhere(np.ma.filled(z != expected, False))
    if not len(wrong):
        return ""
    i, j = wrong[0]
    return (
        f"Z[{i}, {j}] is {z[i, j]}, numpy says {expected[i, j]}; "
        f"{len(wrong)} of {np.ma.count(z)} elements differ"
    )


def _check_time(config: MatrixUnitConfig, run: PlannedRun, done: SimulationResult) -> str:
    """Without stalls the model is exact; with them it tells the rows, and the fewest cycles.

    A reset after so many cycles ends a run then, if it has not ended yet.
    """
    model = predict(config, [Schedule(config, p.m, p.k, p.n) for p in run.products])
    limit = sys.maxsize if run.reset_after is None else run.reset_after
    fewest = min(model.cycles, limit)
    all_came = all(np.ma.count(z) == z.size for z in done.products)
    activities = sum(done.counters.values()) - done.counters["total"]
    pairs = {
        "total": (done.counters["total"], done.cycles),
        "the sum of the activities": (activities, done.cycles),
    }
    if run.stalls is None:
        pairs["cycles"] = done.cycles, fewest
        pairs["all results came"] = all_came, model.cycles <= limit
    else:
        pairs["the cycles at least"] = done.cycles, max(done.cycles, fewest)
        pairs["the cycles at most"] = done.cycles, min(done.cycles, limit)
    if all_came:
        exact = ["computing"] if run.stalls else list(done.counters)
        pairs |= {name: (done.counters[name], model.counters[name]) for name in exact}
    for name, (found, expected) in pairs.items():
        if found != expected:
            return f"{name}: {found}, should be {expected}"
    return ""
