"""Boards: what they are, and the design that each is loaded with."""

from .board import BOARDS, Board, board_named
from .board_top import HOST_MODULE, TOP_MODULE, BoardTop

__all__ = ["BOARDS", "HOST_MODULE", "TOP_MODULE", "Board", "BoardTop", "board_named"]
