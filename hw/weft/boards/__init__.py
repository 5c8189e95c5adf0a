"""Boards: their parts and default configurations, and the top design of each."""

from .board import BOARDS, Board, board_named
from .board_top import HOST_MODULE, TOP_MODULE, BoardTop

__all__ = ["BOARDS", "HOST_MODULE", "TOP_MODULE", "Board", "BoardTop", "board_named"]
