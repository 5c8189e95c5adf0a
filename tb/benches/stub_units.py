"""Units that take, start and finish the instructions of a sequencer after random times."""

import random
from collections import deque
from dataclasses import dataclass, field

from benches.coroutines import read


@dataclass
class StubUnit:
    """One unit, between two cycles; it records what it takes, and when it starts and finishes.

    Parameters
    ----------
    port : str
        Name of the port of the sequencer.
    source : random.Random
    depth : int
        Instructions that it executes at the same time.
    longest : int
        Most cycles that an instruction takes.
    """

    port: str
    source: random.Random
    depth: int
    longest: int
    taken: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    finishes: list[int] = field(default_factory=list)
    _ends: deque[int] = field(default_factory=deque)
    _takes: bool = False
    _wants: bool = False
    _started: bool = False

    def drive(self, dut, cycle: int) -> None:
        """Drive the inputs of a cycle from what the sequencer has offered in the one before."""
        executing = len(self.starts) - len(self.finishes)
        prepared = len(self.taken) - len(self.starts)
        finishes = bool(self._ends) and cycle >= self._ends[0]
        if finishes:
            self._ends.popleft()
            self.finishes.append(cycle)
        self._takes = prepared < 2 and self.source.random() < 0.7
        starts = self._wants and prepared > 0 and executing < self.depth
        starts = starts and self.source.random() < 0.8
        if starts:
            self.starts.append(cycle)
            self._ends.append(cycle + self.source.randint(1, self.longest))
        getattr(dut, f"{self.port}__instructions__ready").value = int(self._takes)
        getattr(dut, f"{self.port}__starts").value = int(starts)
        getattr(dut, f"{self.port}__finishes").value = int(finishes)
        self._started = starts

    def idle(self, dut) -> None:
        """Drive all inputs low."""
        for name in ("instructions__ready", "starts", "finishes"):
            getattr(dut, f"{self.port}__{name}").value = 0

    def observe(self, dut) -> None:
        """Read what the sequencer offers in this cycle; call it after the edge."""
        if read(dut, f"{self.port}__instructions__valid") and self._takes:
            self.taken.append(read(dut, f"{self.port}__instructions__payload"))
        permitted = read(dut, f"{self.port}__may_start")
        assert permitted or not self._started, f"{self.port}: a permission was withdrawn"
        # A permission stays until the start, so it also holds in the next cycle.
        self._wants = bool(permitted and not self._started)
