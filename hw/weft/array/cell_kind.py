"""CellKind: the components of which an array, each of its rows and its blocks are built."""

from dataclasses import dataclass

from amaranth import Shape
from amaranth.lib import wiring
from amaranth.lib.data import Layout


@dataclass(frozen=True, kw_only=True)
class CellKind:
    """The components of one kind of cell; each takes `arithmetic` and has the ports of a Cell.

    Parameters
    ----------
    hard : type
        Cell that multiplies with the hard multipliers of the platform.
    soft : type
        Cell that multiplies with adders only.
    sharing : type, optional
        Cell with its multiplier outside, to be shared; None if this kind has no such cell.
    tile_rows : int
        Rows of a tile whose products one cell adds up.
    """

    hard: type[wiring.Component]
    soft: type[wiring.Component]
    sharing: type[wiring.Component] | None = None
    tile_rows: int

    def shape_of(self, member: str, arithmetic) -> Shape | Layout:
        """Return the shape of a port, such as "weight_in"."""
        return self.hard.members_of(arithmetic)[member].shape

    def latency_of(self, arithmetic, *, rows: int) -> int:
        """Return the cycles from an activation to the last part of the sum of `rows` cells."""
        operand_register = 1
        parts = len(arithmetic.sum_parts)
        height = rows * arithmetic.row_latency
        return operand_register + arithmetic.multiplier_stages + height + parts - 1
