"""The two streams of a core, as the cycles in which tiles and result rows enter and leave them."""

from dataclasses import dataclass, field

import numpy as np

from .cycles import BEFORE, Cycles
from .data_path_timing import DataPathTiming


@dataclass(eq=False)
class TileStream:
    """Tiles on their way from WEIGHTS through the FIFO to the array.

    A tile is on `weights` when it has been written and the tile before it has been switched to, and
    is complete in the shadow registers N cycles later. Its last row but one leaves the memory of
    the FIFO a cycle before the last one moves to `weights`; then its place is free.

        on_weights(k) = max(write(k) + 2, switch(k - 1))
        complete(k)   = on_weights(k) + N
        room(k)       = on_weights(k - T) + N - 1

    Parameters
    ----------
    timing : DataPathTiming

    Members
    -------
    written : list of int
        The cycle in which the last row of each tile is written into the FIFO.
    switches : list of int
        The cycle in which the row that switches to each tile is admitted.
    """

    timing: DataPathTiming
    written: list[int] = field(default_factory=list)
    switches: list[int] = field(default_factory=list)

    @property
    def rooms(self) -> int:
        """Number of tiles whose `room` is known."""
        return min(len(self.written), len(self.switches) + 1) + self.timing.tiles

    def _on_weights(self, tile: int) -> int:
        written = self.written[tile] + self.timing.weight
        return max(written, self.switches[tile - 1]) if tile else written

    def complete(self, tile: int) -> int:
        """Return the first cycle in which a row can switch to a tile; both are known by then."""
        return self._on_weights(tile) + self.timing.lanes

    def room(self, tile: int) -> int:
        """Return the first cycle in which a place can be reserved for a tile."""
        earlier = tile - self.timing.tiles
        return self._on_weights(earlier) + self.timing.lanes - 1 if earlier >= 0 else BEFORE


@dataclass(eq=False)
class ResultStream:
    """Result rows on their way from the array to whoever takes them.

        ready(r) = max(admission(r) + result, taken(r - 1) + 1)
        room(r)  = taken(r - D - 1) + 2

    There are D places and one more on `results`. D is so large that a row whose place is not held
    by a row that waits for others always has room.

    Parameters
    ----------
    timing : DataPathTiming

    Members
    -------
    admitted : Cycles
        Of each row that has a result.
    taken : Cycles
        Of each result row: its transfer on `results`.
    """

    timing: DataPathTiming
    admitted: Cycles = field(default_factory=Cycles)
    taken: Cycles = field(default_factory=Cycles)

    @property
    def rooms(self) -> int:
        """Number of rows whose room is known."""
        return len(self.taken) + self.timing.result_rows + 1

    @property
    def full(self) -> bool:
        """Whether the next row waits until one is taken, as far as is known."""
        return len(self.admitted) >= self.rooms

    def room(self, start: int, stop: int) -> np.ndarray:
        """Return the first cycles in which rows could be admitted, without those that always can.

        These are the first ones of a program.
        """
        earlier = self.timing.result_rows + 1
        rows = self.taken[max(0, start - earlier) : max(0, stop - earlier)]
        return rows + self.timing.credit

    @property
    def waiting(self) -> np.ndarray:
        """The first cycles in which the rows that have not been taken could be on `results`."""
        return self.admitted[len(self.taken) :] + self.timing.result
