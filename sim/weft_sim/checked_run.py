"""Products on the RTL, by whichever way is fastest, judged against numpy and the cycle model."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft_model.cycle_model import lower_bound, predict
from weft_model.reference import matmul
from weft_model.schedule import Schedule

from .matrix_unit_simulator import MatrixUnitSimulator


@dataclass(frozen=True)
class CheckedResult:
    """What a run gave.

    `products` are the unit's, in the order of the operands, `mismatches` the elements in which
    they differ from numpy's. `cycles` run from the first offered transfer to the last result.
    """

    products: list[np.ndarray]
    mismatches: int
    wrong_products: int
    cycles: int
    predicted_cycles: int
    lower_bound_cycles: int
    counters: dict[str, int]
    errors: Error
    macs: int
    simulation_seconds: float
    trace: Path | None


def run(
    config: MatrixUnitConfig,
    operands: list[tuple[np.ndarray, np.ndarray]],
    *,
    simulator: str = "verilator",
    directory: Path,
    waves: bool = False,
    stalls: int | None = None,
    building: Callable[[], None] = lambda: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CheckedResult:
    """Compute products one after the other on the RTL, with no pause between them.

    Parameters
    ----------
    operands : list of (A, B)
        Integers of shapes (M, K) and (K, N) in the ranges of the configuration's formats.
    directory : Path
        Takes log and waves of a run under cocotb, as all with waves and under Icarus are.
    stalls : int, optional
        Seed of random gaps and back-pressure on all streams; none when left out.
    building, progress : callables
        Called before a build, and about every 0.2 s with result rows done and in all.

    Raises
    ------
    TypeError, ValueError
        As `reference.check_operands`.
    simulator.SimulationFailed, toolchain.ToolMissing
    """
    trace = None
    if simulator == "verilator" and not waves:
        building()
        result = MatrixUnitSimulator(config).run(operands, stalls=stalls, progress=progress)
    else:
        # cocotb takes seconds to import, and may not be installed.
        from . import cocotb_run

        result, trace = cocotb_run.run(
            config,
            operands,
            simulator=simulator,
            directory=directory,
            waves=waves,
            stalls=stalls,
            building=building,
            progress=progress,
        )
    schedules = [Schedule.of(config, a, b) for a, b in operands]
    wrong = [
        int(np.count_nonzero(product != matmul(config, a, b)))
        for product, (a, b) in zip(result.products, operands, strict=True)
    ]
    return CheckedResult(
        products=result.products,
        mismatches=sum(wrong),
        wrong_products=sum(count > 0 for count in wrong),
        cycles=result.cycles,
        predicted_cycles=predict(config, schedules).cycles,
        lower_bound_cycles=lower_bound(config, schedules),
        counters=result.counters,
        errors=result.errors,
        macs=sum(s.m * s.k * s.n for s in schedules),
        simulation_seconds=result.seconds,
        trace=trace,
    )
