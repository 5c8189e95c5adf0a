"""The C++ driver of a matrix unit in Python: its structures, its stimulus and its functions."""

import ctypes
import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from amaranth.lib.data import StructLayout

from weft.core.axi_matrix_unit import tuser_layout, weight_tuser_layout
from weft.formats import NumberFormat
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import counter_layout
from weft.matrix.timing import MatrixUnitTiming
from weft.operand_port import MAX_PIECES
from weft_model.pieces import PortLanes, signs_of
from weft_model.quantized import checked_operands
from weft_model.schedule import Schedule, Visit

from .beats import fields_to_numbers
from .stalls import LIST_LENGTH, Stalls

# Structures of native_driver.cpp.
ROWS = np.dtype([(name, "<i8") for name in ("data", "stride", "count", "end")])
TILE = np.dtype([*ROWS.descr, ("tuser", "<i8"), ("zero_points", "<i8")])
VISIT = np.dtype(
    [
        *ROWS.descr,
        ("pieces", "<i8"),
        ("piece_tuser", "<i8", (MAX_PIECES,)),
        *[(name, "<i8") for name in ("tuser_step", "zero_points", "first_tuser")],
    ]
)
COUNTERS = tuple(name for name, _ in counter_layout())
WORKING, DONE, HUNG = range(3)
NEVER = -1


def words(*names: str) -> list[tuple[str, type]]:
    """Return 64-bit fields of a structure."""
    return [(name, ctypes.c_int64) for name in names]


class Stimulus(ctypes.Structure):
    """Stimulus of the driver; see `StimulusBuffers.stimulus`."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("weights", "visits", "results")],
        *words("weight_groups", "visit_count", "result_groups"),
        *words("weight_bytes", "activation_bytes", "result_bytes"),
        *[(name, ctypes.c_void_p) for name in ("weight_gaps", "activation_gaps", "ready")],
        *words("stall_period", "patience", "trace_start", "trace_stop"),
        *words("aftermath", "check_latency", "fault_bit", "fault_cycle"),
    ]


class Progress(ctypes.Structure):
    """Progress of the driver; starting a stimulus clears it."""

    _fields_ = [
        *words("status", "cycles", "results", "wrong_ends", "error_status"),
        ("counters", ctypes.c_int64 * len(COUNTERS)),
        *words("done_after", "further_results", "broken_waits", "untaken"),
    ]


class _PortFields:
    """Values of the fields of the ports of a unit, computed once for each kind of transfer.

    `at`: the value of each field of tuser when it is 1; 0 for fields that the unit lacks.
    """

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        self.timing = MatrixUnitTiming.of(config)
        self.at: dict[str, int] = dict.fromkeys(("shift", "signed"), 0)
        self.at |= {name: 1 << field.offset for name, field in tuser_layout(config)}
        self.weight_tusers = functools.cache(self._weight_tusers)
        self.activation_tusers = functools.cache(self._activation_tusers)

    def _weight_tusers(self, number: NumberFormat) -> list[int]:
        """Return tuser of the tiles of each piece of the weights."""
        signs = np.array(signs_of(self.config.weight_port, number))
        layout = weight_tuser_layout(self.config)
        return fields_to_numbers(layout, {"signed": signs}, len(signs)).tolist()

    def _activation_tusers(
        self, number: NumberFormat, weight_piece: int, first: bool, last: bool
    ) -> list[int]:
        """Return tuser of each piece of a row, but for its zero point and its accumulator row."""
        signs = signs_of(self.config.activation_port, number)
        tusers = [0] * MAX_PIECES
        for piece, signed in enumerate(signs):
            flags = {
                "first": first and piece == 0,
                "last": last and piece == len(signs) - 1,
                "signed": signed,
                "shift": piece + weight_piece,
            }
            tusers[piece] = sum(value * self.at[name] for name, value in flags.items())
        return tusers


_fields_of = functools.cache(_PortFields)


class StimulusBuffers:
    """Addresses of the operand rows of a run, and the arrays for its results."""

    def __init__(self, config: MatrixUnitConfig, operands: list[tuple]):
        self.config = config
        self.fields = _fields_of(config)
        checked = [checked_operands(config, a, b) for a, b in operands]
        self.schedules = [Schedule.of(config, a, b) for a, b in checked]
        self.lanes = [s.lanes(a, b) for s, (a, b) in zip(self.schedules, checked, strict=True)]
        self.results = [
            np.empty((s.m, s.n_tiles * config.columns), config.result_format.dtype)
            for s in self.schedules
        ]
        self._list_rows()
        self.result_rows = sum(s.m * s.n_tiles for s in self.schedules)

    def _list_rows(self) -> None:
        tiles, visits, parts, self.result_places = [], [], [], []
        # The driver reads their arrays later.
        self.activations = []
        products = zip(self.schedules, self.lanes, self.results, strict=True)
        for number, (schedule, lanes, z) in enumerate(products):
            rows_of = _Activations(self.fields, schedule, lanes)
            self.activations.append(rows_of)
            tile_of = _Weights(self.fields, schedule, lanes)
            z_at, z_item, z_row = z.ctypes.data, z.itemsize, z.strides[0]
            for visit in schedule.visits():
                n = visit.n_tile * self.config.columns
                if visit.switch:
                    tiles.append(tile_of.tile(visit))
                visits += rows_of.visits(visit)
                if visit.last:
                    start = z_at + visit.start * z_row + n * z_item
                    parts.append((start, z_row, visit.rows, 0))
                    self.result_places.append((number, visit.start, visit.rows, n))
            visits[-1] = (*visits[-1][:3], 1, *visits[-1][4:])
            parts[-1] = (*parts[-1][:3], 1)
        self.weights = np.array(tiles, TILE)
        self.visits = np.array(visits, VISIT)
        self.parts = np.array(parts, ROWS)

    def stimulus(self, stalls: Stalls | None) -> Stimulus:
        """Return the structure for the driver; it points into this object."""
        config = self.config
        self.stalls = stalls
        timing = self.fields.timing
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
            weight_bytes=config.columns * config.weight_port.lane.dtype.itemsize,
            activation_bytes=config.rows * config.activation_port.lane.dtype.itemsize,
            result_bytes=config.columns * config.result_format.dtype.itemsize,
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


class _Weights:
    """The tiles of a product for the driver."""

    def __init__(self, fields: _PortFields, schedule: Schedule, lanes: PortLanes):
        config = fields.config
        self.height, self.columns = config.rows, config.columns
        self.piece_rows = schedule.k_tiles * config.rows
        self.lanes = lanes.weights
        self.zero_points = lanes.weight_zero_points if config.weight_port.zero_points else None
        self.tusers = fields.weight_tusers(schedule.weight)

    def tile(self, visit: Visit) -> tuple[int, ...]:
        """Return a Tile; its rows go from the last to the first."""
        row = visit.weight_piece * self.piece_rows + (visit.k_tile + 1) * self.height - 1
        column = visit.n_tile * self.columns
        zero_points = 0
        if self.zero_points is not None:
            zero_points = _address(self.zero_points, visit.weight_piece, column)
        stride = -self.lanes.strides[0]
        rows = _address(self.lanes, row, column), stride, self.height, 1
        return *rows, self.tusers[visit.weight_piece], zero_points


class _Activations:
    """The activation rows of a product for the driver."""

    def __init__(self, fields: _PortFields, schedule: Schedule, lanes: PortLanes):
        config = fields.config
        self.height, self.depth = config.rows, config.accumulator_depth
        self.pieces = schedule.activation_pieces
        self.lanes = lanes.activations
        self.fields, self.number, self.at = fields, schedule.activation, fields.at
        self.zero_points: np.ndarray | None = None
        if config.activation_port.zero_points:
            field = {"zero_point": lanes.zero_points}
            layout = StructLayout({"zero_point": config.activation_port.lane.shape})
            packed = fields_to_numbers(layout, field, len(self.lanes))
            self.zero_points = packed * self.at["zero_point"]

    def visits(self, visit: Visit) -> Iterator[tuple]:
        """Yield a Visit for each pass through the accumulator rows, which restarts at row 0."""
        column = visit.k_tile * self.height
        first = visit.switch * self.at["switch"]
        tusers = self.fields.activation_tusers(
            self.number, visit.weight_piece, visit.first, visit.last
        )
        for row in range(visit.start, visit.stop, self.depth):
            count = min(self.depth, visit.stop - row) * self.pieces
            top = row * self.pieces
            zero_points = 0 if self.zero_points is None else _address(self.zero_points, top)
            rows = _address(self.lanes, top, column), self.lanes.strides[0], count, 0
            yield *rows, self.pieces, tusers, self.at["row"], zero_points, first
            first = 0


def _address(array: np.ndarray, *place: int) -> int:
    """Return the address of an element."""
    offset = sum(i * stride for i, stride in zip(place, array.strides, strict=False))
    return array.ctypes.data + offset


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
