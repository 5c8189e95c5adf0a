"""DataPathTiming: cycles from one event to the next in the data path of a core."""

from dataclasses import dataclass

from weft.buffer.image_walk import ImageWalk
from weft.buffer.unified_buffer import UnifiedBuffer
from weft.core.core_config import CoreConfig
from weft.core.matrix_feeder import MatrixFeeder
from weft.core.weights_unit import WeightsUnit
from weft.matrix.admission import Admission
from weft.matrix.timing import MatrixUnitTiming
from weft.matrix.weight_fifo import WeightFifo
from weft.primitives.stream_queue import StreamQueue


@dataclass(frozen=True, kw_only=True)
class DataPathTiming:
    """Cycles from one event to another, and places, in the data path of a core.

    Parameters
    ----------
    lanes : int
        N: rows of a tile, and cycles to load it.
    tiles : int
        T: places of the weight FIFO.
    result_rows : int
        D: places of the result buffer.
    write : int
        From the step of a row of a tile to its write into the FIFO.
    weight : int
        From the write of the last row of a tile to its first row on `weights`.
    walk : int
        From the start of a MATMUL to the request of its first row.
    row : int
        From the request of a row to the row on `activations`.
    gate : int
        From the transfer of a row on `activations` to its admission.
    rows_ahead : int
        Rows that can be requested and not admitted, but for one.
    result : int
        From the admission of a row to its result on `results`.
    credit : int
        From the transfer of a result to the admission of the row that gets its place.
    """

    lanes: int
    tiles: int
    result_rows: int
    write: int
    weight: int
    walk: int
    row: int
    gate: int
    rows_ahead: int
    result: int
    credit: int

    @classmethod
    def of(cls, config: CoreConfig) -> "DataPathTiming":
        """Return the timing of a core."""
        unit = MatrixUnitTiming.of(config.matrix)
        # Rows that would be held back for their sums are no part of this model.
        assert unit.spacing == 1
        gate = Admission.latency - Admission.issue_latency
        return cls(
            lanes=config.lanes,
            tiles=config.queues.tiles,
            result_rows=max(config.queues.result_rows, unit.result_depth),
            write=WeightsUnit.write_latency,
            weight=WeightFifo.latency,
            walk=ImageWalk.latency,
            row=UnifiedBuffer.latency + StreamQueue.latency,
            gate=gate,
            # In the queue, on `activations`, and at the gate.
            rows_ahead=MatrixFeeder.places + 2,
            result=unit.latency - gate,
            credit=Admission.credit_latency,
        )
