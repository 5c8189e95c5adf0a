"""The lanes of operands: numbers in pieces, padded to whole tiles, as they cross the ports."""

from dataclasses import dataclass

import numpy as np

from weft.formats import NumberFormat
from weft.operand_port import OperandPort

from .quantized import CheckedOperand


@dataclass(frozen=True, eq=False)
class PortLanes:
    """Both operands of a product in lanes, in the dtypes of the lanes, C contiguous.

    With P pieces per activation and Q per weight, and K and N padded to whole tiles:

    Parameters
    ----------
    activations : (M P, K)
        Piece p of row m of A is row m P + p.
    zero_points : (M P,)
        Those of the activations, int64.
    weights : (Q K, N)
        Piece q of row k of B is row q K + k.
    weight_zero_points : (Q, N)
    """

    activations: np.ndarray
    zero_points: np.ndarray
    weights: np.ndarray
    weight_zero_points: np.ndarray

    @classmethod
    def of(
        cls,
        ports: tuple[OperandPort, OperandPort],
        operands: tuple[CheckedOperand, CheckedOperand],
        *,
        k: int,
        n: int,
    ) -> "PortLanes":
        """Return the lanes of A and B, padded to `k` and `n`.

        Operands that already have this form are not copied. Padding of A equals the zero point of
        its row, so it adds nothing to the sums.
        """
        (port, weight_port), (a, b) = ports, operands
        zero_points = split(port, a.format, a.zero_point)
        rows = split(port, a.format, a.values)
        rows = _padded(rows, (a.shape[0], k), zero_points)
        weights = _padded(split(weight_port, b.format, b.values), (k, n))
        weight_zero_points = split(weight_port, b.format, b.zero_point)
        return cls(
            activations=rows.swapaxes(0, 1).reshape(-1, k),
            zero_points=zero_points.swapaxes(0, 1).ravel().astype(np.int64),
            weights=weights.reshape(-1, n),
            weight_zero_points=_padded(weight_zero_points, (1, n)).reshape(-1, n),
        )


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
