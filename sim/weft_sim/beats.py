"""Convert transfers of a matrix unit to numbers on its ports, and back."""

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib.data import StructLayout

from weft.core.axi_matrix_unit import tuser_layout, weight_tuser_layout
from weft.matrix.config import MatrixUnitConfig
from weft_model.schedule import Transfers


def beats(transfers: Transfers, config: MatrixUnitConfig) -> tuple[list, list]:
    """Return weight and activation transfers as numbers for the ports.

    In the order of the ports: tdata, tuser if there is such a port, tlast.
    """
    rows = transfers.weights
    if config.weight_port.zero_points:
        rows = np.concatenate([rows, transfers.weight_zero_points], axis=1)
    tuser = fields_to_numbers(
        weight_tuser_layout(config), {"signed": transfers.weight_signed}, len(rows)
    )
    users = [tuser.tolist()] if weight_tuser_layout(config).size else []
    weights = zip(lanes_to_numbers(rows), *users, transfers.tile_end.tolist(), strict=True)
    tuser = fields_to_numbers(tuser_layout(config), vars(transfers), len(transfers.activations))
    activations = zip(
        lanes_to_numbers(transfers.activations), tuser.tolist(), transfers.end.tolist(), strict=True
    )
    return list(weights), list(activations)


def fields_to_numbers(
    layout: StructLayout, values: dict[str, np.ndarray], count: int
) -> np.ndarray:
    """Pack fields of a port into numbers, (count,); negative values in two's complement."""
    packed = np.zeros(count, np.int64)
    for name, field in layout:
        mask = (1 << Shape.cast(field.shape).width) - 1
        packed |= (values[name] & mask) << field.offset
    return packed


def lanes_to_numbers(rows: np.ndarray) -> list[int]:
    """Pack each row of lanes into one number, with lane 0 in the lowest bits."""
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def numbers_to_lanes(numbers: list[int], config: MatrixUnitConfig) -> np.ndarray:
    """Unpack result transfers, (transfers, C), from the numbers of the port."""
    dtype = config.result_format.dtype
    size = config.columns * dtype.itemsize
    raw = b"".join(number.to_bytes(size, "little") for number in numbers)
    return np.frombuffer(raw, dtype).reshape(len(numbers), config.columns)
