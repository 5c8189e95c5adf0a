"""LeftOver: whether tiles, sums or result rows are left in the data path of a core."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

# Rows that have gone into the matrix unit and wait for their tile or for room.
_WAITING = 2


class LeftOver(wiring.Component):
    """Count what goes into the matrix unit and what comes out.

    A program leaves nothing if every tile has been used, every sum emitted and every result row
    drained. A row can reach the matrix unit before its tile has come, so the count of tiles can be
    negative for a time.

    Latency 1 cycle from any event to `any`.

    Parameters
    ----------
    tiles : int
        Most tiles that can be in front of the array.
    sums : int
        Accumulators.
    results : int
        Places for result rows.

    Members
    -------
    tile : 1 bit in. A tile comes.
    row : 1 bit in. A row of activations goes into the matrix unit.
    switch, first, last : 1 bit in. That row uses the next tile; begins a sum; ends a sum.
    result : 1 bit in. A result row is drained.
    any : 1 bit out. Something is left.
    full : 1 bit out. As many result rows as can wait are there or on their way.
    """

    def __init__(self, *, tiles: int, sums: int, results: int):
        self.tiles = tiles
        self.sums = sums
        self.results = results
        super().__init__(
            {
                **{name: In(1) for name in ("tile", "row", "switch", "first", "last", "result")},
                "any": Out(1),
                "full": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        tiles = self._count(m, "tiles", -_WAITING, self.tiles, self.tile, self.row & self.switch)
        sums = self._count(
            m,
            "sums",
            0,
            self.sums,
            self.row & self.first & ~self.last,
            self.row & self.last & ~self.first,
        )
        most = self.results + _WAITING
        results = self._count(m, "results", 0, most, self.row & self.last, self.result)
        m.d.comb += [
            self.any.eq(tiles.any() | sums.any() | results.any()),
            self.full.eq(results >= self.results),
        ]
        return m

    def _count(self, m: Module, name: str, least: int, most: int, up: Value, down: Value) -> Signal:
        """Return how much more went up than down."""
        count = Signal(range(least, most + 1), name=name)
        m.d.sync += count.eq(count + Mux(up, 1, 0) - Mux(down, 1, 0))
        return count
