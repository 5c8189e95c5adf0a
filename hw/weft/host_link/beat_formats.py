"""The bytes of a beat on each stream of a matrix unit: one table each for hardware and driver.

As in AxiMatrixUnit, a lane is as wide as the numpy dtype of its format, so the bytes of a numpy row
are the lanes of a beat. The other fields of the port follow, in whole bytes.
"""

import numpy as np

from ..matrix.config import MatrixUnitConfig

# Bits of the byte `flags` of an activation beat, lowest first.
FLAGS = ("switch", "first", "last", "end")

# Stream numbers in requests.
WEIGHTS, ACTIVATIONS = range(2)
(RESULTS,) = range(1)


def weight_beat(config: MatrixUnitConfig) -> np.dtype:
    """Return the dtype of a weight row, its flag `last`, which ends the tile, and its other fields.

    In some units: `signed`, and `zero_points` of the lanes.
    """
    port = config.weight_port
    lanes = port.lane.dtype, (config.columns,)
    fields = [("lanes", *lanes), ("last", "u1")]
    fields += [("signed", "u1")] * port.signed_at_run_time
    fields += [("zero_points", *lanes)] * port.zero_points
    return np.dtype(fields)


def activation_beat(config: MatrixUnitConfig) -> np.dtype:
    """Return the dtype of an activation row, its flags, its accumulator row and its other fields.

    In some units: `shift`, `signed`, and the `zero_point` of the lanes.
    """
    port = config.activation_port
    row = "u1" if config.row_width <= 8 else "<u2"
    fields = [("lanes", port.lane.dtype, (config.rows,)), ("flags", "u1"), ("row", row)]
    fields += [("shift", "u1")] * bool(config.shift_bits)
    fields += [("signed", "u1")] * port.signed_at_run_time
    fields += [("zero_point", port.lane.dtype)] * port.zero_points
    return np.dtype(fields)


def result_beat(config: MatrixUnitConfig) -> np.dtype:
    """Return the dtype of a result row and its flag `end`, which ends the job."""
    return np.dtype([("lanes", config.result_format.dtype, (config.columns,)), ("end", "u1")])


def beat_sizes(config: MatrixUnitConfig) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the bytes of a beat of each input stream and of each output stream."""
    inputs = weight_beat(config).itemsize, activation_beat(config).itemsize
    return inputs, (result_beat(config).itemsize,)
