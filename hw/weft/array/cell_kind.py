"""CellKind: what an array is made of, a parameter of every row and field of cells."""

from dataclasses import dataclass

from amaranth import Shape
from amaranth.lib import wiring
from amaranth.lib.data import Layout


@dataclass(frozen=True, kw_only=True)
class CellKind:
    """The components of one kind of cell; each is made with `arithmetic` and has a Cell's ports.

    Parameters
    ----------
    hard : type
        Multiplies with whatever the platform has for it.
    soft : type
        The same of adders alone.
    sharing : type, optional
        The same with its multiplier outside; None where that is not possible.
    tile_rows : int
        Rows of a tile whose products one cell adds up.
    """

    hard: type[wiring.Component]
    soft: type[wiring.Component]
    sharing: type[wiring.Component] | None = None
    tile_rows: int

    def shape_of(self, member: str, arithmetic) -> Shape | Layout:
        """Shape of a port, such as "weight_in"."""
        return self.hard.members_of(arithmetic)[member].shape

    def latency_of(self, arithmetic, *, rows: int) -> int:
        """Cycles from an activation to the sum of a column of `rows` cells, all its parts there."""
        operand_register = 1
        parts = len(arithmetic.sum_parts)
        return operand_register + arithmetic.multiplier_stages + rows + parts - 1
