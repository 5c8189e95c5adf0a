"""Matrix products on a real or simulated board."""

from .board_matrix_unit import BoardMatrixUnit
from .connection import BoardError
from .simulated_board import SimulatedBoard

__all__ = ["BoardError", "BoardMatrixUnit", "SimulatedBoard"]
