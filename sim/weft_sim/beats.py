"""Convert transfers of a matrix unit to numbers on its ports, and back."""

import numpy as np

from weft.core.axi_matrix_unit import tuser_layout
from weft.matrix.config import MatrixUnitConfig
from weft_model.schedule import Transfers


def beats(transfers: Transfers, config: MatrixUnitConfig) -> tuple[list, list]:
    """Return weight and activation transfers as numbers for the ports."""
    fields = {name: field.offset for name, field in tuser_layout(config)}
    tuser = sum(getattr(transfers, name) << offset for name, offset in fields.items())
    weights = zip(lanes_to_numbers(transfers.weights), transfers.tile_end.tolist(), strict=True)
    activations = zip(
        lanes_to_numbers(transfers.activations), tuser.tolist(), transfers.end.tolist(), strict=True
    )
    return list(weights), list(activations)


def lanes_to_numbers(rows: np.ndarray) -> list[int]:
    """Pack each row of lanes into one number, with lane 0 in the lowest bits."""
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def numbers_to_lanes(numbers: list[int], config: MatrixUnitConfig) -> np.ndarray:
    """Unpack result transfers, (transfers, C), from the numbers of the port."""
    dtype = config.accumulator.dtype
    size = config.columns * dtype.itemsize
    raw = b"".join(number.to_bytes(size, "little") for number in numbers)
    return np.frombuffer(raw, dtype).reshape(len(numbers), config.columns)
