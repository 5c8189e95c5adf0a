"""Check a case: every result against numpy, cycles and counters against the cycle model."""

import os
import sys
from dataclasses import dataclass, field

import numpy as np

from weft.matrix.config import MatrixUnitConfig
from weft_model.cycle_model import predict
from weft_model.reference import differs, matmul
from weft_sim.matrix_unit_simulator import MatrixUnitSimulator, SimulationResult

from .cases import Case, PlannedRun


@dataclass
class CaseResult:
    """Result of a case: the first difference, or "", and the work done until then.

    `numbers_before_resets`: results of runs with a reset. `products`, `macs` and `cycles` count the
    other runs. `processor_seconds`: of this process and of the compilers that it waited for.
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

    Any exception, from the emission of the Verilog to the last counter, is also a difference.
    """
    result, before = CaseResult(), _processor_seconds()
    stage = "the build"
    try:
        unit = MatrixUnitSimulator(case.config)
        for number, run in enumerate(case.runs, 1):
            stage = f"run {number} of {len(case.runs)}"
            difference = _check_run(unit, run, result)
            if difference:
                result.difference = f"{stage}: {difference}"
                break
    except Exception as error:
        result.difference = f"{stage}: {type(error).__name__}: {error}"
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
    """Describe the first difference, or return ""; results missing after a reset are masked."""
    wrong = np.argwhere(np.ma.filled(differs(z, expected), False))
    if not len(wrong):
        return ""
    i, j = wrong[0]
    return (
        f"Z[{i}, {j}] is {z[i, j]}, but numpy gives {expected[i, j]}; "
        f"{len(wrong)} of {np.ma.count(z)} elements differ"
    )


def _check_time(config: MatrixUnitConfig, run: PlannedRun, done: SimulationResult) -> str:
    """Compare cycles and counters with the model; describe the first difference, or return "".

    Without stalls the model is exact. With stalls it gives the computed rows and a lower bound of
    the cycles. A run that has not finished when its reset is due ends there.
    """
    model = predict(config, [product.schedule(config) for product in run.products])
    limit = sys.maxsize if run.reset_after is None else run.reset_after
    fewest = min(model.cycles, limit)
    complete = all(np.ma.count(z) == z.size for z in done.products)
    activities = sum(done.counters.values()) - done.counters["total"]
    pairs = {
        "total": (done.counters["total"], done.cycles),
        "the sum of the activities": (activities, done.cycles),
    }
    if run.stalls is None:
        pairs["cycles"] = done.cycles, fewest
        pairs["all results arrived"] = complete, model.cycles <= limit
    else:
        pairs["minimum of cycles"] = done.cycles, max(done.cycles, fewest)
        pairs["maximum of cycles"] = done.cycles, min(done.cycles, limit)
    if complete:
        exact = ["computing"] if run.stalls else list(done.counters)
        pairs |= {name: (done.counters[name], model.counters[name]) for name in exact}
    for name, (found, expected) in pairs.items():
        if found != expected:
            return f"{name}: {found}, expected {expected}"
    return ""
