"""When WEIGHTS instructions start, write their tiles and finish: exact cycles."""

from dataclasses import dataclass

from weft.isa.instruction import Instruction

from .cycles import BEFORE
from .stream_timing import TileStream
from .walks import tile_count


@dataclass(frozen=True, kw_only=True)
class WeightsWork:
    """A WEIGHTS instruction: its number of tiles, and the first cycle in which it can start."""

    tiles: int
    available: int

    @classmethod
    def of(cls, instruction: Instruction, *, available: int) -> "WeightsWork":
        return cls(tiles=tile_count(instruction), available=available)


class WeightsTimes:
    """The cycles of WEIGHTS instructions.

    A tile takes a step per row, the first of them when it has a place in the FIFO. An instruction
    starts with the last step of the one before it at the earliest:

        start(n)  = max(available(n), last step of n - 1)
        step(j)   = max(step(j - 1) + 1, start + 1, room of the tile)
        finish(n) = last step of n + 5

    Parameters
    ----------
    stream : TileStream

    Members
    -------
    starts, finishes : list of int
    """

    def __init__(self, stream: TileStream):
        self.stream = stream
        self.starts: list[int] = []
        self.finishes: list[int] = []
        self._works: list[WeightsWork] = []
        # The cycle of the last step, and the tiles of the running instruction that are left.
        self._step = BEFORE
        self._left = 0

    def give(self, work: WeightsWork) -> None:
        """Add the next instruction."""
        self._works.append(work)

    def advance(self) -> bool:
        """Do what is known; return whether that was anything."""
        before = len(self.starts), len(self.stream.written)
        while self._left or len(self.starts) < len(self._works):
            if not self._left:
                self._start()
            if not self._write():
                break
        return before != (len(self.starts), len(self.stream.written))

    def _start(self) -> None:
        work = self._works[len(self.starts)]
        start = max(work.available, self._step)
        self.starts.append(start)
        self._left = work.tiles
        self._step = start

    def _write(self) -> bool:
        """Write tiles as long as their room is known; return whether all have been written."""
        stream, timing = self.stream, self.stream.timing
        while self._left:
            tile = len(stream.written)
            if tile >= stream.rooms:
                return False
            self._step = max(self._step + 1, stream.room(tile)) + timing.lanes - 1
            stream.written.append(self._step + timing.write)
            self._left -= 1
        self.finishes.append(stream.written[-1])
        return True
