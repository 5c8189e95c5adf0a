"""The C++ driver of a matrix unit in Python: its structures, its stimulus and its functions."""

import ctypes
import functools
from pathlib import Path

import numpy as np

from weft.core.axi_matrix_unit import tuser_layout
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import counter_layout
from weft.matrix.timing import MatrixUnitTiming
from weft_model.schedule import Schedule

from .stalls import LIST_LENGTH, Stalls

# Structures of native_driver.cpp.
ROWS = np.dtype([(name, "<i8") for name in ("data", "stride", "count", "end")])
VISIT = np.dtype([*ROWS.descr, *[(n, "<i8") for n in ("first_tuser", "tuser", "tuser_step")]])
COUNTERS = tuple(name for name, _ in counter_layout())
WORKING, DONE, HUNG = range(3)
NEVER = -1


def _words(*names: str) -> list[tuple[str, type]]:
    return [(name, ctypes.c_int64) for name in names]


class Stimulus(ctypes.Structure):
    """Stimulus of the driver; see `StimulusBuffers.stimulus`."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("weights", "visits", "results")],
        *_words("weight_groups", "visit_count", "result_groups"),
        *_words("weight_bytes", "activation_bytes", "result_bytes"),
        *[(name, ctypes.c_void_p) for name in ("weight_gaps", "activation_gaps", "ready")],
        *_words("stall_period", "patience", "trace_start", "trace_stop"),
        *_words("aftermath", "check_latency", "fault_bit", "fault_cycle"),
    ]


class Progress(ctypes.Structure):
    """Progress of the driver; starting a stimulus clears it."""

    _fields_ = [
        *_words("status", "cycles", "results", "wrong_ends", "error_status"),
        ("counters", ctypes.c_int64 * len(COUNTERS)),
        *_words("done_after", "further_results", "broken_waits", "untaken"),
    ]


@functools.cache
def _tuser_values(config: MatrixUnitConfig) -> dict[str, int]:
    """Return the value of each field of tuser when it is 1."""
    return {name: 1 << field.offset for name, field in tuser_layout(config)}


_timing_of = functools.cache(MatrixUnitTiming.of)


class StimulusBuffers:
    """Addresses of the operand rows of a run, and the arrays for its results."""

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
        at = _tuser_values(self.config)
        weights, visits, parts, self.result_places = [], [], [], []
        products = zip(self.schedules, self.padded, self.results, strict=True)
        for number, (schedule, (a, b), z) in enumerate(products):
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
                # A visit with more rows than the accumulators restarts at row 0.
                for row in range(visit.start, visit.stop, depth):
                    data = a_at + row * a_row + k * a_item
                    count = min(depth, visit.stop - row)
                    visits.append((data, a_row, count, 0, first, tuser, at["row"]))
                    first = tuser
                if visit.last:
                    start = z_at + visit.start * z_row + n * z_item
                    parts.append((start, z_row, visit.rows, 0))
                    self.result_places.append((number, visit.start, visit.rows, n))
            visits[-1] = (*visits[-1][:3], 1, *visits[-1][4:])
            parts[-1] = (*parts[-1][:3], 1)
        self.weights = np.array(weights, ROWS)
        self.visits = np.array(visits, VISIT)
        self.parts = np.array(parts, ROWS)

    def stimulus(self, stalls: Stalls | None) -> Stimulus:
        """Return the structure for the driver; it points into this object."""
        config = self.config
        self.stalls = stalls
        timing = _timing_of(config)
        lists = {}
        if stalls is not None:
            lists = {name: array.ctypes.data for name, array in vars(stalls).items()}
        return Stimulus(
            weights=self.weights.ctypes.data,
            visits=self.visits.ctypes.data,
            results=self.parts.ctypes.data,
            weight_groups=len(self.weights),
            visit_count=len(self.visits),
            result_groups=len(self.parts),
            weight_bytes=config.columns * config.weight.dtype.itemsize,
            activation_bytes=config.rows * config.activation.dtype.itemsize,
            result_bytes=config.columns * config.accumulator.dtype.itemsize,
            stall_period=0 if stalls is None else LIST_LENGTH,
            patience=1000 + timing.latency + config.rows,
            check_latency=timing.check,
            fault_cycle=NEVER,
            **lists,
        )

    def products(self) -> list[np.ndarray]:
        """Return the products without the columns that pad the tiles."""
        return [z[:, : s.n] for s, z in zip(self.schedules, self.results, strict=True)]

    def products_until(self, result_rows: int) -> list[np.ma.MaskedArray]:
        """Return `products` after the given number of result rows; missing elements are masked."""
        products = [np.ma.array(z, mask=True) for z in self.products()]
        for number, start, rows, n in self.result_places:
            come = min(rows, result_rows)
            products[number].mask[start : start + come, n : n + self.config.columns] = False
            result_rows -= come
        return products


def load(path: Path) -> ctypes.CDLL:
    """Load a built library and declare the types of its functions."""
    library = ctypes.CDLL(str(path))
    pointer = ctypes.c_void_p
    for name, arguments, result in (
        ("weft_open", (pointer,), ctypes.c_int),
        ("weft_close", (pointer,), None),
        ("weft_reset", (pointer,), None),
        ("weft_start", (pointer, pointer, pointer), None),
        ("weft_run", (pointer, pointer, ctypes.c_int64), None),
        ("weft_open_trace", (pointer, ctypes.c_char_p), ctypes.c_int),
        ("weft_close_trace", (pointer,), ctypes.c_int),
    ):
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result
    return library
