"""Matrix products and programs on a real or simulated board."""

from .board_core import BoardCore, BoardResult
from .board_matrix_unit import BoardMatrixUnit
from .connection import BoardError
from .simulated_board import SimulatedBoard

__all__ = ["BoardCore", "BoardError", "BoardMatrixUnit", "BoardResult", "SimulatedBoard"]
