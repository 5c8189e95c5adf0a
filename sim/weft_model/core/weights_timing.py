"""When WEIGHTS instructions start, write their tiles and finish: exact cycles."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from weft.checks import check
from weft.isa.instruction import Instruction
from weft.sequencer.unit_queue import UnitQueue

from .bank_timing import NO_BANK, BankPort, bank_runs
from .cycles import BEFORE, NEVER
from .stream_timing import TileStream
from .walks import tile_count, tile_heights, tile_offsets

# In place of the number of a bank.
MANY_BANKS = -2
# From a finish to the first read of an instruction that it permits, at the least.
EFFECT = UnitQueue.wait_latency + 1


@dataclass(kw_only=True)
class WeightsWork:
    """What a WEIGHTS instruction reads from the buffer.

    Parameters
    ----------
    instruction : Instruction
    lanes : int
        N.
    bank_rows : int
        Rows of a bank of the buffer.
    """

    instruction: Instruction
    lanes: int
    bank_rows: int

    def __post_init__(self):
        self.tiles = tile_count(self.instruction)
        self._offsets = offsets = tile_offsets(self.instruction)
        self._pitch = self.instruction["row_pitch"]
        heights = tile_heights(self.instruction, self.lanes)
        if self.instruction["diagonal"]:
            heights = np.ones_like(heights)
        first = offsets // self.bank_rows
        last = (offsets + (heights - 1) * self._pitch) // self.bank_rows
        banks = np.where(first == last, first, MANY_BANKS)
        self._reads = list(zip(banks.tolist(), heights.tolist(), strict=True))

    def reads(self, tile: int) -> tuple[int, int]:
        """Return the one bank that a tile is read from, or MANY_BANKS, and the number of rows."""
        return self._reads[tile]

    def banks(self, tile: int) -> list[tuple[int, int]]:
        """Return the banks of the steps of a tile, as runs with their lengths."""
        bank, height = self.reads(tile)
        runs = [(bank, height)]
        if bank == MANY_BANKS:
            rows = self._offsets[tile] + np.arange(height) * self._pitch
            runs = bank_runs(rows // self.bank_rows)
        if height < self.lanes:
            runs.append((NO_BANK, self.lanes - height))
        return runs


class WeightsTimes:
    """The cycles of WEIGHTS instructions.

    A tile takes a step per row, the first of them when it has a place in the FIFO. An instruction
    starts with the last step of the one before it at the earliest:

        start(n)  = max(available(n), last step of n - 1)
        step(j)   = max(step(j - 1) + 1, start + 1, room of the tile), or later
        finish(n) = last step of n + 5

    It is later if the step reads a row whose bank a port of higher priority reads in that cycle.

    Parameters
    ----------
    stream : TileStream
    port : BankPort
    bank_rows : int
        Rows of a bank of the buffer.

    Members
    -------
    starts, finishes : list of int
    """

    def __init__(self, stream: TileStream, port: BankPort, *, bank_rows: int):
        self.stream, self.port, self.bank_rows = stream, port, bank_rows
        self.starts: list[int] = []
        self.finishes: list[int] = []
        self._given: list[tuple[Instruction, int]] = []
        self._work: WeightsWork | None = None
        # The first cycle in which the next step could be, the tiles of the running instruction that
        # have begun, and the steps that are left of the last one.
        self._next = BEFORE
        self._begun = 0
        self._runs: deque[tuple[int, int]] = deque()

    def give(self, instruction: Instruction, available: int) -> None:
        """Add the next instruction, which can start from the cycle `available` on.

        Raises
        ------
        ValueError
            If its tiles do not come directly from the buffer.
        """
        check(
            bool(instruction["from_buffer"]) and not instruction["transpose"],
            "the cycle model has only WEIGHTS from the buffer, without transpose",
        )
        self._given.append((instruction, available))

    @property
    def waits_for_bank(self) -> int | None:
        """The first cycle in which it may read, if only unknown reads of others delay it."""
        return self._next if self._runs else None

    def advance(self) -> bool:
        """Do what is known, up to the end of a tile; return whether that was anything."""
        before = len(self.starts), len(self.stream.written), self._next
        if len(self.starts) == len(self.finishes) < len(self._given):
            self._start()
        if self._work is not None:
            self._write(self._work)
        return before != (len(self.starts), len(self.stream.written), self._next)

    def _start(self) -> None:
        # The last step of the instruction before is in the cycle before `_next`.
        instruction, available = self._given[len(self.starts)]
        lanes = self.stream.timing.lanes
        self._work = WeightsWork(instruction=instruction, lanes=lanes, bank_rows=self.bank_rows)
        start = max(available, self._next - 1)
        self.starts.append(start)
        self._next, self._begun = start + 1, 0

    def _write(self, work: WeightsWork) -> None:
        """Take the steps of a tile, if its room is known, as far as the reads of others are."""
        stream = self.stream
        tile = len(stream.written)
        if not self._runs:
            if tile >= stream.rooms:
                return
            self._next = max(self._next, stream.room(tile))
            self._runs.extend(work.banks(self._begun))
            self._begun += 1
        while self._runs:
            bank, count = self._runs.popleft()
            read, self._next = self.port.read(bank, count, self._next)
            if read < count:
                self._runs.appendleft((bank, count - read))
                return
        self._end_tile(work)

    def _end_tile(self, work: WeightsWork) -> None:
        """Write the tile whose steps have all been taken."""
        written = self._next - 1 + self.stream.timing.write
        self.stream.written.append(written)
        self.port.limit(written + EFFECT)
        self.port.reads.quiet = self._next
        if self._begun == work.tiles:
            self.finishes.append(written)
            self._work = None

    def write_apart(self, banks: int) -> bool:
        """Write the next tile if no other port can delay it; return whether it was written.

        To be called when the room of the tile is known.

        Parameters
        ----------
        banks : int
            A bit for each bank that ports of higher priority may read in the meantime.
        """
        if self._runs:
            return False
        if self._work is None:
            if len(self.starts) == len(self._given):
                return False
            self._start()
        work = self._work
        assert work is not None
        bank, height = work.reads(self._begun)
        if bank == MANY_BANKS or banks >> bank & 1:
            return False
        step = max(self._next, self.stream.room(len(self.stream.written)))
        self.port.reads.add(bank, range(step, step + height))
        self._begun += 1
        self._next = step + work.lanes
        self._end_tile(work)
        return True

    def write_alone(self) -> bool:
        """Write the next tile when all reads of others until then are known; see write_apart."""
        written, known = len(self.stream.written), self.port.known
        self.port.known = NEVER
        self.advance()
        self.port.limit(known)
        return len(self.stream.written) > written
