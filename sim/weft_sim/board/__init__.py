"""Matrix products on a board, real or simulated."""

from .board_matrix_unit import BoardMatrixUnit
from .connection import BoardError
from .simulated_board import SimulatedBoard

__all__ = ["BoardError", "BoardMatrixUnit", "SimulatedBoard"]
