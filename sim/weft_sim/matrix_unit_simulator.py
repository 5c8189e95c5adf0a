"""MatrixUnitSimulator: the RTL of a matrix unit as a numpy function, in this process."""

import contextlib
import ctypes
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weft.emit.export import emit
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft_model.cycle_model import predict
from weft_model.reference import checked_operands, matmul
from weft_model.schedule import Schedule

from .library import build
from .native_driver import COUNTERS, DONE, HUNG, WORKING, Progress, Stimulus, StimulusBuffers, load
from .stalls import Stalls
from .verilator import SimulationFailed

EVERY_CYCLE = (0, 2**62)

# Between two looks at progress and at Ctrl-C.
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class SimulationResult:
    """What a run gave.

    `products` are the unit's, (M, N) each, of config.accumulator.dtype; masked arrays after
    `run_until_reset`. `cycles` run from the first in which a transfer could be offered to the last
    result, both included, or to the reset; `counters` is what the hardware's counters advanced by
    in that time. `seconds` are those of the simulation alone.
    """

    products: list[np.ndarray]
    cycles: int
    counters: dict[str, int]
    errors: Error
    seconds: float


class MatrixUnitSimulator:
    """The generated Verilog of one matrix unit, compiled, and fed from numpy arrays.

    The same ports, handshakes and cycles as under cocotb, without a step in Python for each cycle.
    Operands in the dtypes of their formats, C contiguous and of whole tiles are read where they
    are; others are copied once.

    Parameters
    ----------
    config : MatrixUnitConfig
    waves : bool
        Build it so that `run` can write a trace; that makes it slower even without one.
    building : callable
        Called before a build, unless the cache has it.

    Members
    -------
    cycles, counters
        Of the latest run.
    close()
        Free the simulation; done by itself when the simulator is no longer used.

    Raises
    ------
    toolchain.ToolMissing, verilator.SimulationFailed
        When it cannot be built.

    Examples
    --------
    >>> unit = MatrixUnitSimulator(MatrixUnitConfig(rows=4, columns=4))
    >>> z = unit.matmul(np.ones((3, 5), np.int8), np.ones((5, 2), np.int8))
    """

    def __init__(
        self,
        config: MatrixUnitConfig,
        *,
        waves: bool = False,
        building: Callable[[], None] = lambda: None,
    ):
        self.config = config
        self.cycles = 0
        self.counters = dict.fromkeys(COUNTERS, 0)
        built = build(emit(config).design, waves=waves, building=building)
        self.waves = built.waves
        self._library = load(built.path)
        self._unit = self._library.weft_open()
        self._fresh = False
        self._running = threading.Lock()
        self.close = weakref.finalize(self, self._library.weft_close, self._unit)

    def matmul(self, a: np.ndarray, b: np.ndarray, *, stalls: int | None = None) -> np.ndarray:
        """Z = A . B as the RTL computes it.

        Parameters
        ----------
        a : integers, (M, K), in the range of config.activation
        b : integers, (K, N), in the range of config.weight
        stalls : int, optional
            Seed of random gaps and back-pressure on all streams; none when left out.

        Returns
        -------
        ndarray, (M, N), of config.accumulator.dtype

        Raises
        ------
        TypeError, ValueError
            As `reference.checked_operands`.
        verilator.SimulationFailed
            If the unit hangs or reports an error.
        """
        run = self.run([(a, b)], stalls=stalls)
        if run.errors:
            raise SimulationFailed(f"the unit reports {run.errors}")
        return run.products[0]

    def run(
        self,
        operands: list[tuple[np.ndarray, np.ndarray]],
        *,
        stalls: int | Stalls | None = None,
        trace: Path | None = None,
        window: tuple[int, int] = EVERY_CYCLE,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> SimulationResult:
        """Compute products one after the other, with no pause between them.

        Parameters
        ----------
        operands : list of (A, B)
            As `matmul`; one pair at least.
        stalls : int or Stalls, optional
            As `matmul`; or the stalls themselves.
        trace : Path, optional
            Takes the waves of the cycles from window[0] up to but without window[1], counted from
            the first offered transfer. Needs a unit made with waves=True.
        progress : callable
            Called about every 0.1 s with result rows done and in all.

        Raises
        ------
        TypeError, ValueError, OSError
            For operands as `reference.checked_operands`; for a trace that cannot be written.
        RuntimeError
            If this simulator is closed, or runs already: it has one unit. Make one for each thread.
        verilator.SimulationFailed
            If the unit hangs.
        KeyboardInterrupt
            At the next look; the unit can be used again.
        """
        with self._taken(operands) as checked:
            return self._run_job(checked, stalls, trace, window, progress)

    def run_until_reset(
        self,
        operands: list[tuple[np.ndarray, np.ndarray]],
        cycles: int,
        *,
        stalls: int | Stalls | None = None,
    ) -> SimulationResult:
        """Begin products as `run` does, and reset the unit after so many cycles, or at their end.

        Whatever it was doing then is lost; the next run is on a unit as new. What had not come of
        the products is masked; counters and errors are those before the reset.

        Parameters
        ----------
        cycles : int
            Counted from the first in which a transfer could be offered; 0 at least.

        Raises
        ------
        TypeError, ValueError, RuntimeError, verilator.SimulationFailed, KeyboardInterrupt
            As `run`.
        """
        with self._taken(operands) as checked:
            buffers = StimulusBuffers(self.config, checked)
            stimulus, progressed = buffers.stimulus(_drawn(stalls)), Progress()
            self._start_afresh()
            seconds = self._run(
                stimulus, progressed, buffers.result_rows, lambda done, total: None, limit=cycles
            )
            if progressed.status == HUNG:
                raise _hang(stimulus, progressed, buffers)
            self._library.weft_reset(self._unit)
            self._fresh = True
            products = buffers.products_until(progressed.results)
            return self._ended(products, progressed, seconds)

    @contextlib.contextmanager
    def _taken(self, operands) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
        """The operands as arrays, checked, while the unit is nobody else's."""
        if not operands:
            raise ValueError("a run needs at least one pair of operands")
        operands = [(np.asarray(a), np.asarray(b)) for a, b in operands]
        for a, b in operands:
            checked_operands(self.config, a, b)
        if not self.close.alive:
            raise RuntimeError("this simulator is closed")
        if not self._running.acquire(blocking=False):
            raise RuntimeError("this simulator is running already: make one for each thread")
        try:
            yield operands
        finally:
            self._running.release()

    def _start_afresh(self) -> None:
        """Reset the unit unless it is idle and has nothing to forget."""
        if not self._fresh:
            self._library.weft_reset(self._unit)
        self._fresh = False

    def _run_job(self, operands, stalls, trace, window, progress) -> SimulationResult:
        buffers = StimulusBuffers(self.config, operands)
        stimulus = buffers.stimulus(_drawn(stalls))
        stimulus.trace_start, stimulus.trace_stop = window
        self._start_afresh()
        if trace is not None:
            self._open_trace(Path(trace))
        progressed = Progress()
        try:
            seconds = self._run(stimulus, progressed, buffers.result_rows, progress)
        finally:
            if trace is not None:
                self._library.weft_close_trace(self._unit)
        if progressed.status != DONE:
            raise _hang(stimulus, progressed, buffers)
        run = self._ended(buffers.products(), progressed, seconds)
        self._fresh = not run.errors
        return run

    def _ended(
        self, products: Sequence[np.ndarray], progressed: Progress, seconds: float
    ) -> SimulationResult:
        if progressed.wrong_ends:
            raise SimulationFailed(f"{progressed.wrong_ends} results came with a wrong tlast")
        self.cycles = progressed.cycles
        self.counters = dict(zip(COUNTERS, progressed.counters, strict=True))
        errors = Error(progressed.error_status)
        return SimulationResult(list(products), self.cycles, self.counters, errors, seconds)

    def verified_run(
        self,
        a: np.ndarray,
        b: np.ndarray,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> tuple[SimulationResult, str]:
        """Run one product without stalls; what differs from numpy or the cycle model, or ""."""
        run = self.run([(a, b)], progress=progress)
        prediction = predict(self.config, [Schedule.of(self.config, a, b)])
        if run.errors:
            return run, f"the unit reports {run.errors}"
        if (run.products[0] != matmul(self.config, a, b)).any():
            return run, "the product differs from numpy's"
        if (run.cycles, run.counters) != (prediction.cycles, prediction.counters):
            return run, f"{run.cycles} cycles, the model says {prediction.cycles}"
        return run, ""

    def _run(
        self,
        stimulus: Stimulus,
        progressed: Progress,
        rows: int,
        progress,
        limit: int = sys.maxsize,
    ) -> float:
        """Run at most `limit` cycles of a stimulus; return the seconds spent in simulation."""
        cycles, seconds = 1000, 0.0
        self._library.weft_start(self._unit, ctypes.byref(stimulus), ctypes.byref(progressed))
        while progressed.status == WORKING and progressed.cycles < limit:
            cycles = min(cycles, limit - progressed.cycles)
            started = time.perf_counter()
            self._library.weft_run(self._unit, ctypes.byref(progressed), cycles)
            spent = time.perf_counter() - started
            seconds += spent
            progress(progressed.results, rows)
            cycles = max(100, min(4 * cycles, int(cycles * LOOK_SECONDS / max(spent, 1e-6))))
        return seconds

    def _open_trace(self, trace: Path) -> None:
        if self.waves is None:
            raise ValueError("a trace needs a simulator made with waves=True")
        trace.parent.mkdir(parents=True, exist_ok=True)
        if not self._library.weft_open_trace(self._unit, os.fsencode(trace)):
            raise PermissionError(f"{trace} cannot be written")


def _drawn(stalls: int | Stalls | None) -> Stalls | None:
    return stalls if stalls is None or isinstance(stalls, Stalls) else Stalls.draw(stalls)


def _hang(stimulus: Stimulus, progressed: Progress, buffers: StimulusBuffers) -> SimulationFailed:
    return SimulationFailed(
        f"the unit hangs: no transfer in {stimulus.patience} cycles, {progressed.results} of "
        f"{buffers.result_rows} result rows came"
    )
