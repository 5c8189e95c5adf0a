"""MatrixUnitSimulator: the RTL of a matrix unit as a numpy function, in this process."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from weft.checks import (
    check,
    check_callback,
    checked_bool,
    checked_integer,
    checked_path,
    described,
)
from weft.matrix.config import MatrixUnitConfig, check_config
from weft.matrix.layouts import Error
from weft_model.cycle_model import predict
from weft_model.quantized import Matrix
from weft_model.reference import differs, matmul, pairs_of
from weft_model.schedule import Schedule

from .emissions import emitted
from .float_model import HEADER, modelled
from .library import build
from .native_driver import COUNTERS, HUNG, WORKING, Progress, Stimulus, StimulusBuffers, load
from .native_unit import NativeUnit, NativeUnits
from .stalls import Stalls
from .verilator import SimulationFailed

Operands = Iterable[tuple[Matrix, Matrix]]
ProgressCallback = Callable[[int, int], None]

EVERY_CYCLE = (0, 2**62)

# Time between two checks for progress and Ctrl-C.
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class SimulationResult:
    """Result of a run.

    `products`: results of the unit, each (M, N) of config.result_format.dtype; masked arrays after
    `run_until_reset`. `cycles`: from the first cycle in which a transfer could be offered to the
    last result, both included, or to the reset. `counters`: increments of the hardware counters in
    that time. `seconds`: duration of the simulation alone.
    """

    products: list[np.ndarray]
    cycles: int
    counters: dict[str, int]
    errors: Error
    seconds: float


class MatrixUnitSimulator:
    """Compiled simulation of the Verilog of one matrix unit, driven from numpy arrays.

    Ports, handshakes and cycles are the same as under cocotb, but no Python runs in a cycle.
    Operands are read in place if they have the dtype of their format, are C contiguous, consist of
    whole tiles and do not pass in pieces; other operands are copied once.

    Runs can overlap, in several threads or from a progress callback. Each run has its own instance
    of the unit; instances are kept for later runs. An interrupted run discards its instance.

    Parameters
    ----------
    config : MatrixUnitConfig
    waves : bool
        Build the simulation so that `run` can write a trace; it is slower even without one.
    float_model : bool
        Compute the cells of a bfloat16 unit in C++ instead of their RTL, several times as fast,
        with the same results in the same cycles. Everything else is RTL. Without waves.
    building : callable, optional
        Called before a build; not called if the build is in the cache.

    Members
    -------
    cycles, counters
        Those of the latest run.

    Raises
    ------
    TypeError, ValueError
        For illegal arguments.
    toolchain.ToolMissing, verilator.SimulationFailed, OSError
        If the simulation cannot be built.
    MemoryError
        If memory is insufficient for an instance of the unit.

    Examples
    --------
    >>> with MatrixUnitSimulator(MatrixUnitConfig(rows=4, columns=4)) as unit:
    ...     z = unit.matmul(np.ones((3, 5), np.int8), np.ones((5, 2), np.int8))
    """

    def __init__(
        self,
        config: MatrixUnitConfig,
        *,
        waves: bool = False,
        float_model: bool = False,
        building: Callable[[], None] | None = None,
    ):
        check_config(config)
        self.config = config
        check_callback("building", building)
        self.waves = checked_bool("waves", waves)
        self.float_model = checked_bool("float_model", float_model)
        check(
            config.chained or not self.float_model,
            f"float_model must be off for {config.activation} and {config.weight}: only cells of "
            "bfloat16 have a model",
        )
        check(
            not (self.waves and self.float_model),
            "float_model must be off for waves, which show the RTL",
        )
        design, headers = emitted(config).design, []
        if self.float_model:
            design, headers = modelled(design, config), [HEADER]
        library = build(design, waves=self.waves, headers=headers, building=building)
        self._units = NativeUnits(load(library))
        self._latest: SimulationResult | None = None

    def __repr__(self) -> str:
        return f"MatrixUnitSimulator({self.config.label}{', closed' * self._units.closed})"

    @property
    def cycles(self) -> int:
        return 0 if self._latest is None else self._latest.cycles

    @property
    def counters(self) -> dict[str, int]:
        return dict.fromkeys(COUNTERS, 0) if self._latest is None else self._latest.counters

    def close(self) -> None:
        """Free the simulation when the current runs end; later runs raise RuntimeError.

        Garbage collection of the simulator does the same.
        """
        self._units.close()

    def __enter__(self) -> "MatrixUnitSimulator":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def matmul(self, a: Matrix, b: Matrix, *, stalls: int | Stalls | None = None) -> np.ndarray:
        """Return Z = A . B, computed by the RTL.

        Parameters
        ----------
        a : Quantized or numbers, (M, K), in the range of a format of config.activation
        b : Quantized or numbers, (K, N), in the range of a format of config.weight
        stalls : int or Stalls, optional
            Gaps and back-pressure on all streams, or a seed to draw them from; none by default.

        Returns
        -------
        ndarray, (M, N), of config.result_format.dtype

        Raises
        ------
        TypeError, ValueError
            See `quantized.checked_operands` for operands and `Stalls` for stalls.
        RuntimeError
            If this simulator is closed.
        verilator.SimulationFailed
            If the unit hangs or reports an error.
        """
        result = self.run([(a, b)], stalls=stalls)
        if result.errors:
            raise SimulationFailed(f"the unit reports {result.errors}")
        return result.products[0]

    def run(
        self,
        operands: Operands,
        *,
        stalls: int | Stalls | None = None,
        trace: str | PathLike[str] | None = None,
        window: tuple[int, int] | None = None,
        progress: ProgressCallback | None = None,
    ) -> SimulationResult:
        """Compute products one after the other, without a pause.

        Parameters
        ----------
        operands : list of (A, B)
            At least one pair, as in `matmul`.
        stalls : int or Stalls, optional
            As in `matmul`.
        trace : path, optional
            VCD file of the waves, also of a run that fails or is interrupted. Requires a simulator
            made with waves=True.
        window : (int, int), optional
            Cycles of the trace, from window[0] up to but excluding window[1], counted from the
            first offered transfer; by default all.
        progress : callable, optional
            Called about every 0.1 s with the number of result rows received and their total. An
            exception that it raises ends the run.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            See `matmul`; also for an illegal trace, window or callback.
        OSError
            If the trace cannot be written, or not completely.
        verilator.SimulationFailed
            If the unit hangs.
        KeyboardInterrupt
            On Ctrl-C, within about 0.1 s; the simulator can be used again.
        """
        check_callback("progress", progress)
        path = None if trace is None else checked_path("trace", trace)
        cycles = _checked_window(window, traced=path is not None)
        buffers = StimulusBuffers(self.config, pairs_of(operands))
        stimulus = buffers.stimulus(_stalls_of(stalls))
        stimulus.trace_start, stimulus.trace_stop = cycles
        with self._units.lend() as unit:
            with contextlib.nullcontext() if path is None else self._traced(unit, path):
                done, seconds = _simulate(unit, stimulus, buffers, report=progress)
            result = self._result(buffers.products(), done, seconds)
            unit.idle = not result.errors
        return result

    def run_until_reset(
        self, operands: Operands, cycles: int, *, stalls: int | Stalls | None = None
    ) -> SimulationResult:
        """Start products as `run` does, and reset the unit after `cycles` cycles or at their end.

        The reset discards all work in progress; the next run starts on a reset unit. Results that
        had not arrived are masked; counters and errors are those before the reset.

        Parameters
        ----------
        cycles : int
            At least 0, counted from the first cycle in which a transfer could be offered.

        Raises
        ------
        TypeError, ValueError, RuntimeError, verilator.SimulationFailed, KeyboardInterrupt
            See `run`.
        """
        limit = checked_integer("cycles", cycles, low=0)
        buffers = StimulusBuffers(self.config, pairs_of(operands))
        stimulus = buffers.stimulus(_stalls_of(stalls))
        with self._units.lend() as unit:
            done, seconds = _simulate(unit, stimulus, buffers, limit=limit)
            unit.reset()
            return self._result(buffers.products_until(done.results), done, seconds)

    def verified_run(
        self, a: Matrix, b: Matrix, progress: ProgressCallback | None = None
    ) -> tuple[SimulationResult, str]:
        """Run one product; also return how it differs from numpy or the cycle model, or ""."""
        run = self.run([(a, b)], progress=progress)
        prediction = predict(self.config, [Schedule.of(self.config, a, b)])
        if run.errors:
            return run, f"the unit reports {run.errors}"
        if differs(run.products[0], matmul(self.config, a, b)).any():
            return run, "the product differs from numpy's"
        if (run.cycles, run.counters) != (prediction.cycles, prediction.counters):
            return run, f"{run.cycles} cycles, but the model predicts {prediction.cycles}"
        return run, ""

    def _result(
        self, products: Sequence[np.ndarray], done: Progress, seconds: float
    ) -> SimulationResult:
        if done.wrong_ends:
            raise SimulationFailed(f"{done.wrong_ends} results came with a wrong tlast")
        counters = dict(zip(COUNTERS, done.counters, strict=True))
        errors = Error(done.error_status)
        self._latest = SimulationResult(list(products), done.cycles, counters, errors, seconds)
        return self._latest

    @contextlib.contextmanager
    def _traced(self, unit: NativeUnit, path: Path) -> Iterator[None]:
        """Trace a unit within this context."""
        check(self.waves, "a trace needs a simulator made with waves=True")
        # Python's open reports the reason of a failure; Verilator does not.
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        if not unit.open_trace(path):
            raise PermissionError(f"{path} cannot be written")
        try:
            yield
        finally:
            whole = unit.close_trace()
            if not whole and path.is_file():
                path.unlink()
        if not whole:
            raise OSError(f"{path} could not be written completely: the disk may be full")


def _simulate(
    unit: NativeUnit,
    stimulus: Stimulus,
    buffers: StimulusBuffers,
    *,
    report: ProgressCallback | None = None,
    limit: int = sys.maxsize,
) -> tuple[Progress, float]:
    """Run at most `limit` cycles of a stimulus; return its progress and the seconds it took."""
    done, cycles, seconds = Progress(), 1000, 0.0
    unit.start(stimulus, done)
    while done.status == WORKING and done.cycles < limit:
        cycles = min(cycles, limit - done.cycles)
        started = time.perf_counter()
        unit.run(done, cycles)
        spent = time.perf_counter() - started
        seconds += spent
        if report is not None:
            report(done.results, buffers.result_rows)
        cycles = max(100, min(4 * cycles, int(cycles * POLL_SECONDS / max(spent, 1e-6))))
    if done.status == HUNG:
        raise SimulationFailed(
            f"the unit hangs: no transfer in {stimulus.patience} cycles without a stall by the "
            f"host, {done.results} of {buffers.result_rows} result rows arrived"
        )
    return done, seconds


def _stalls_of(given: int | Stalls | None) -> Stalls | None:
    return given if given is None or isinstance(given, Stalls) else Stalls.draw(given)


def _checked_window(window: tuple[int, int] | None, *, traced: bool) -> tuple[int, int]:
    """Return the first cycle of a trace and the first cycle after it."""
    if window is None:
        return EVERY_CYCLE
    check(traced, "a window requires a trace: give trace as well")
    pair = isinstance(window, tuple | list) and len(window) == 2
    check(pair, f"window must be a pair of cycles (start, stop), not {described(window)}")
    start = checked_integer("the start of the window", window[0], low=0)
    stop = checked_integer("the stop of the window", window[1], low=start + 1)
    last = EVERY_CYCLE[1]
    return min(start, last), min(stop, last)
