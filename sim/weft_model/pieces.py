"""The lanes of operands: numbers in pieces, padded to whole tiles, as they cross the ports."""

import functools
from dataclasses import dataclass

import numpy as np

from weft.formats import NumberFormat
from weft.operand_port import OperandPort

from .quantized import CheckedOperand


@dataclass(frozen=True, eq=False)
class PortLanes:
    """Both operands of a product in lanes, in the dtypes of the lanes, C contiguous.

    With P pieces per activation and Q per weight, and K and N padded to whole tiles. Padding of A
    equals the zero point of its row, so it adds nothing to the sums.

    Parameters
    ----------
    ports : pair of OperandPort
    operands : pair of CheckedOperand
    k, n : int
        K and N with padding.

    Members
    -------
    activations : (M P, K)
        Piece p of row m of A is row m P + p. Not a copy if A already has this form.
    zero_points : (M P,)
        Those of the activations, int64.
    weights : (Q K, N)
        Piece q of row k of B is row q K + k. Not a copy if B already has this form.
    weight_zero_points : (Q, N)
    """

    ports: tuple[OperandPort, OperandPort]
    operands: tuple[CheckedOperand, CheckedOperand]
    k: int
    n: int

    @functools.cached_property
    def activations(self) -> np.ndarray:
        port, a = self.ports[0], self.operands[0]
        padding = split(port, a.format, a.zero_point) if port.zero_points else None
        rows = _padded(split(port, a.format, a.values), (a.shape[0], self.k), padding)
        return rows.swapaxes(0, 1).reshape(-1, self.k)

    @functools.cached_property
    def zero_points(self) -> np.ndarray:
        pieces = split(self.ports[0], self.operands[0].format, self.operands[0].zero_point)
        return pieces.swapaxes(0, 1).ravel().astype(np.int64)

    @functools.cached_property
    def weights(self) -> np.ndarray:
        b = self.operands[1]
        pieces = split(self.ports[1], b.format, b.values)
        return _padded(pieces, (self.k, self.n)).reshape(-1, self.n)

    @functools.cached_property
    def weight_zero_points(self) -> np.ndarray:
        pieces = split(self.ports[1], self.operands[1].format, self.operands[1].zero_point)
        return _padded(pieces, (1, self.n)).reshape(-1, self.n)


def split(port: OperandPort, number: NumberFormat, values: np.ndarray) -> np.ndarray:
    """Return the pieces of numbers of a format, (pieces, *shape), in the dtype of the lanes.

    Parameters
    ----------
    values : ndarray of numbers of the format, any shape
    """
    if port.float_format is not None and values.dtype == port.float_format.dtype:
        return values.view(port.lane.dtype)[np.newaxis]
    lane, count = port.lane, port.pieces_of(number)
    if count == 1:
        # The bits are the same for a signed number and an unsigned lane.
        return values.astype(lane.dtype, copy=False)[np.newaxis]
    wide = values.astype(np.int64)
    pieces = np.empty((count, *values.shape), lane.dtype)
    for place in range(count):
        piece = wide >> place * lane.width
        if place < count - 1:
            piece &= (1 << lane.width) - 1
        pieces[place] = piece.astype(lane.dtype)
    return pieces


def signs_of(port: OperandPort, number: NumberFormat) -> list[int]:
    """Return the field `signed` of each piece of a number of a format; 0 if there is none."""
    last = port.signed_at_run_time and getattr(number, "signed", False)
    return [*[0] * (port.pieces_of(number) - 1), int(last)]


def _padded(
    pieces: np.ndarray, shape: tuple[int, int], padding: np.ndarray | None = None
) -> np.ndarray:
    """Pad each matrix of pieces to a shape, at its end, with zeros or with one number per row."""
    if pieces.shape[1:] == shape:
        return np.ascontiguousarray(pieces)
    padded = np.zeros((len(pieces), *shape), pieces.dtype)
    if padding is not None and padding.any():
        padded[:] = padding
    padded[:, : pieces.shape[1], : pieces.shape[2]] = pieces
    return padded
