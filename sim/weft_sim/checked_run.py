"""Compute products on the RTL, and compare them with numpy and the cycle model."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from weft.checks import check, check_callback, checked_bool, checked_integer, checked_path
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft_model.cycle_model import lower_bound, predict
from weft_model.quantized import checked_operands
from weft_model.reference import differs, matmul, pairs_of
from weft_model.schedule import Schedule

from . import toolchain
from .matrix_unit_simulator import MatrixUnitSimulator, Operands, ProgressCallback


@dataclass(frozen=True)
class CheckedResult:
    """Results of a run, compared with numpy.

    `products`: in the order of the operands. `mismatches`: number of elements that differ from
    numpy. `cycles`: from the first offered transfer to the last result, both included.
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
    operands: Operands,
    *,
    simulator: str = "verilator",
    directory: str | PathLike[str],
    waves: bool = False,
    stalls: int | None = None,
    float_model: bool = False,
    building: Callable[[], None] | None = None,
    progress: ProgressCallback | None = None,
) -> CheckedResult:
    """Compute products on the RTL, one after the other without a pause.

    Verilator without waves uses MatrixUnitSimulator, which is faster; all other runs use cocotb.

    Parameters
    ----------
    operands : list of (A, B)
        Quantized or numbers, of shapes (M, K) and (K, N), in the ranges of their formats.
    simulator : str
        verilator, icarus or cxxrtl.
    directory : path
        Folder of the log and the waves of a cocotb run.
    stalls : int, optional
        Seed of random gaps and back-pressure on all streams; by default there are none.
    float_model : bool
        As in MatrixUnitSimulator; only for Verilator without waves.
    building, progress : callable, optional
        `building()` is called before a build, unless the cache has it, and `progress(done, total)`
        about every 0.2 s with numbers of result rows.

    Raises
    ------
    TypeError, ValueError
        See `quantized.checked_operands` for operands; also for other illegal arguments.
    simulator.SimulationFailed, toolchain.ToolMissing, OSError
    """
    toolchain.check_simulator(simulator)
    check_callback("building", building)
    check_callback("progress", progress)
    directory, waves = checked_path("directory", directory), checked_bool("waves", waves)
    stalls = None if stalls is None else checked_integer("the seed of stalls", stalls, low=0)
    checked = [checked_operands(config, a, b) for a, b in pairs_of(operands)]
    trace = None
    native = simulator == "verilator" and not waves
    check(native or not float_model, "float_model must be off unless verilator runs without waves")
    if native:
        with MatrixUnitSimulator(config, float_model=float_model, building=building) as unit:
            result = unit.run(checked, stalls=stalls, progress=progress)
    else:
        toolchain.require(simulator, waves=waves)
        # cocotb takes seconds to import and may not be installed.
        from . import cocotb_run

        result, trace = cocotb_run.run(
            config,
            checked,
            simulator=simulator,
            directory=directory,
            waves=waves,
            stalls=stalls,
            building=building,
            progress=progress,
        )
    schedules = [Schedule.of(config, a, b) for a, b in checked]
    wrong = [
        int(np.count_nonzero(differs(product, matmul(config, a, b))))
        for product, (a, b) in zip(result.products, checked, strict=True)
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
