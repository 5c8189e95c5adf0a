"""MatrixUnitSimulator: the RTL of a matrix unit as a numpy function, in this process."""

import contextlib
import ctypes
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weft.axi import tuser_layout
from weft.config import MatrixUnitConfig
from weft.export import emit
from weft.layouts import Error, counter_layout
from weft.matrix_unit import MatrixUnit

from .library import build
from .reference import check_operands, matmul
from .schedule import Schedule
from .stalls import LONGEST_GAP, PERIOD, Stalls
from .timing import predict
from .verilator import SimulationFailed

# Structures of matrix_unit_driver.cpp.
ROWS = np.dtype([(name, "<i8") for name in ("data", "stride", "count", "end")])
VISIT = np.dtype([*ROWS.descr, *[(n, "<i8") for n in ("first_tuser", "tuser", "tuser_step")]])
COUNTERS = tuple(name for name, _ in counter_layout())
WORKING, DONE, HUNG = range(3)
EVERY_CYCLE = (0, 2**62)
NEVER = -1

# Between two looks at progress and at Ctrl-C.
LOOK_SECONDS = 0.1


def _words(*names: str) -> list[tuple[str, type]]:
    return [(name, ctypes.c_int64) for name in names]


class Job(ctypes.Structure):
    """Job of the driver; `Feed.job` makes one."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("weights", "visits", "results")],
        *_words("weight_groups", "visit_count", "result_groups"),
        *_words("weight_bytes", "activation_bytes", "result_bytes"),
        *[(name, ctypes.c_void_p) for name in ("weight_gaps", "activation_gaps", "ready")],
        *_words("stall_period", "patience", "trace_start", "trace_stop"),
        *_words("aftermath", "check_latency", "fault_bit", "fault_cycle"),
    ]


class Progress(ctypes.Structure):
    """Progress of the driver; a job that is started clears it."""

    _fields_ = [
        *_words("status", "cycles", "results", "wrong_ends", "error_status"),
        ("counters", ctypes.c_int64 * len(COUNTERS)),
        *_words("done_after", "further_results", "broken_waits", "untaken"),
    ]


@dataclass(frozen=True)
class Run:
    """What a run gave.

    `products` are the unit's, (M, N) each, of config.accumulator.dtype. `cycles` run from the first
    in which a transfer could be offered to the last result, both included; `counters` is what the
    hardware's counters advanced by in that time. `seconds` are those of the simulation alone.
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

    def __init__(self, config: MatrixUnitConfig, *, waves: bool = False):
        self.config = config
        self.cycles = 0
        self.counters = dict.fromkeys(COUNTERS, 0)
        built = build(emit(config), waves=waves)
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
            As `reference.check_operands`.
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
    ) -> Run:
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
            For operands as `reference.check_operands`; for a trace that cannot be written.
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
    ) -> int:
        """Begin products as `run` does, and reset the unit after so many cycles, or at their end.

        Whatever it was doing then is lost; the next run is on a unit as new.

        Parameters
        ----------
        cycles : int
            Counted from the first in which a transfer could be offered; 0 at least.

        Returns
        -------
        int
            Result rows that had come by then.

        Raises
        ------
        TypeError, ValueError, RuntimeError, verilator.SimulationFailed, KeyboardInterrupt
            As `run`.
        """
        with self._taken(operands) as checked:
            feed = Feed(self.config, checked)
            job, progressed = feed.job(_drawn(stalls)), Progress()
            self._start_afresh()
            self._run(job, progressed, feed.result_rows, lambda done, total: None, limit=cycles)
            if progressed.status == HUNG:
                raise _hang(job, progressed, feed)
            self._library.weft_reset(self._unit)
            self._fresh = True
            return progressed.results

    @contextlib.contextmanager
    def _taken(self, operands) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
        """The operands as arrays, checked, while the unit is nobody else's."""
        if not operands:
            raise ValueError("a run needs at least one pair of operands")
        operands = [(np.asarray(a), np.asarray(b)) for a, b in operands]
        for a, b in operands:
            check_operands(self.config, a, b)
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

    def _run_job(self, operands, stalls, trace, window, progress) -> Run:
        feed = Feed(self.config, operands)
        job = feed.job(_drawn(stalls))
        job.trace_start, job.trace_stop = window
        self._start_afresh()
        if trace is not None:
            self._open_trace(Path(trace))
        progressed = Progress()
        try:
            seconds = self._run(job, progressed, feed.result_rows, progress)
        finally:
            if trace is not None:
                self._library.weft_close_trace(self._unit)
        if progressed.status != DONE:
            raise _hang(job, progressed, feed)
        if progressed.wrong_ends:
            raise SimulationFailed(f"{progressed.wrong_ends} results came with a wrong tlast")
        errors = Error(progressed.error_status)
        self._fresh = not errors
        self.cycles = progressed.cycles
        self.counters = dict(zip(COUNTERS, progressed.counters, strict=True))
        return Run(feed.products(), self.cycles, self.counters, errors, seconds)

    def verified_run(
        self,
        a: np.ndarray,
        b: np.ndarray,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> tuple[Run, str]:
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
        self, job: Job, progressed: Progress, rows: int, progress, limit: int = sys.maxsize
    ) -> float:
        """Run a job to its end, `limit` cycles at most; return the seconds spent in simulation."""
        cycles, seconds = 1000, 0.0
        self._library.weft_start(self._unit, ctypes.byref(job), ctypes.byref(progressed))
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


class Feed:
    """Where the rows of a run lie in memory, and where its results go."""

    def __init__(self, config: MatrixUnitConfig, operands: list[tuple[np.ndarray, np.ndarray]]):
        self.config = config
        self.schedules = [Schedule.of(config, a, b) for a, b in operands]
        self.padded = [
            schedule.padded(a, b) for schedule, (a, b) in zip(self.schedules, operands, strict=True)
        ]
        self.results = [
            np.empty((s.m, s.n_tiles * config.columns), config.accumulator.dtype)
            for s in self.schedules
        ]
        self._list_rows()
        self.result_rows = sum(s.m * s.n_tiles for s in self.schedules)

    def _list_rows(self) -> None:
        height, columns = self.config.rows, self.config.columns
        depth = self.config.accumulator_depth
        at = {name: 1 << field.offset for name, field in tuser_layout(self.config)}
        weights, visits, parts = [], [], []
        for schedule, (a, b), z in zip(self.schedules, self.padded, self.results, strict=True):
            a_at, b_at, z_at = (matrix.ctypes.data for matrix in (a, b, z))
            a_item, b_item, z_item = a.itemsize, b.itemsize, z.itemsize
            a_row, b_row, z_row = a.strides[0], b.strides[0], z.strides[0]
            for visit in schedule.visits():
                k, n = visit.k_tile * height, visit.n_tile * columns
                if visit.switch:
                    last_row = b_at + (k + height - 1) * b_row + n * b_item
                    weights.append((last_row, -b_row, height, 1))
                tuser = visit.first * at["first"] | visit.last * at["last"]
                first = tuser | visit.switch * at["switch"]
                # A visit of more rows than the accumulators have begins again at row 0.
                for row in range(visit.start, visit.stop, depth):
                    data = a_at + row * a_row + k * a_item
                    count = min(depth, visit.stop - row)
                    visits.append((data, a_row, count, 0, first, tuser, at["row"]))
                    first = tuser
                if visit.last:
                    start = z_at + visit.start * z_row + n * z_item
                    parts.append((start, z_row, visit.rows, 0))
            visits[-1] = (*visits[-1][:3], 1, *visits[-1][4:])
            parts[-1] = (*parts[-1][:3], 1)
        self.weights = np.array(weights, ROWS)
        self.visits = np.array(visits, VISIT)
        self.parts = np.array(parts, ROWS)

    def job(self, stalls: Stalls | None) -> Job:
        """The structure that the driver takes; it points into this object."""
        config = self.config
        self.stalls = stalls
        lists = {}
        if stalls is not None:
            lists = {name: array.ctypes.data for name, array in vars(stalls).items()}
        return Job(
            weights=self.weights.ctypes.data,
            visits=self.visits.ctypes.data,
            results=self.parts.ctypes.data,
            weight_groups=len(self.weights),
            visit_count=len(self.visits),
            result_groups=len(self.parts),
            weight_bytes=config.columns * config.weight.dtype.itemsize,
            activation_bytes=config.rows * config.activation.dtype.itemsize,
            result_bytes=config.columns * config.accumulator.dtype.itemsize,
            stall_period=0 if stalls is None else PERIOD,
            patience=1000 + (MatrixUnit.latency_of(config) + config.rows) * (LONGEST_GAP + 1),
            check_latency=MatrixUnit.check_latency_of(config),
            fault_cycle=NEVER,
            **lists,
        )

    def products(self) -> list[np.ndarray]:
        """The products without the columns that only fill tiles."""
        return [z[:, : s.n] for s, z in zip(self.schedules, self.results, strict=True)]


def _drawn(stalls: int | Stalls | None) -> Stalls | None:
    return stalls if stalls is None or isinstance(stalls, Stalls) else Stalls.draw(stalls)


def _hang(job: Job, progressed: Progress, feed: Feed) -> SimulationFailed:
    return SimulationFailed(
        f"the unit hangs: no transfer in {job.patience} cycles, {progressed.results} of "
        f"{feed.result_rows} result rows came"
    )


def load(path: Path) -> ctypes.CDLL:
    """A built library with the types of its functions."""
    library = ctypes.CDLL(str(path))
    pointer = ctypes.c_void_p
    library.weft_open.restype = pointer
    library.weft_open_trace.restype = ctypes.c_int
    for name, arguments in {
        "weft_close": (pointer,),
        "weft_reset": (pointer,),
        "weft_start": (pointer, pointer, pointer),
        "weft_run": (pointer, pointer, ctypes.c_int64),
        "weft_open_trace": (pointer, ctypes.c_char_p),
        "weft_close_trace": (pointer,),
    }.items():
        function = getattr(library, name)
        function.argtypes = arguments
        if name != "weft_open_trace":
            function.restype = None
    return library
