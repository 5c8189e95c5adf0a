"""Cases of the soak of cores: programs one after the other on one core, as text and back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from weft.core.core_config import (
    TINY,
    BufferConfig,
    BusConfig,
    CoreConfig,
    QueueConfig,
    VectorConfig,
    core_of,
)

RUNS = 20


def _core(lanes: int, *, vector: int, bus: int, slots: int, tiles: int, results: int) -> CoreConfig:
    config = core_of(lanes=lanes, buffer=BufferConfig(rows=64, banks=2), accumulators=16)
    return replace(
        config,
        vector=VectorConfig(lanes=vector, parameter_rows=4, tables=2, row_scalars=16),
        queues=QueueConfig(slots=slots, tiles=tiles, result_rows=results),
        bus=BusConfig(data_width=bus),
    )


CORES = {
    "tiny": TINY,
    "scarce": _core(4, vector=2, bus=64, slots=1, tiles=1, results=4),
    "parallel": _core(4, vector=4, bus=32, slots=2, tiles=2, results=6),
    "wide": _core(8, vector=2, bus=64, slots=3, tiles=2, results=8),
    "wider": _core(8, vector=4, bus=128, slots=8, tiles=3, results=16),
}
_TEXT = re.compile(r"(\w+) (\d+)(?: (\d+(?:,\d+)*))?")


@dataclass(frozen=True)
class Case:
    """Programs on one core, each after the one before.

    Parameters
    ----------
    core : str
        One of CORES.
    seed : int
    runs : tuple of int
        Which of the RUNS runs that the seed stands for.
    """

    core: str
    seed: int
    runs: tuple[int, ...] = tuple(range(RUNS))

    def to_text(self) -> str:
        listed = "" if len(self.runs) == RUNS else " " + ",".join(map(str, self.runs))
        return f"{self.core} {self.seed}{listed}"

    @classmethod
    def from_text(cls, text: str) -> "Case":
        """Read a text written by `to_text`.

        Raises
        ------
        ValueError
            If it is any other text.
        """
        found = _TEXT.fullmatch(text)
        if found is None or found[1] not in CORES:
            raise ValueError(f"this is not a case that a soak of cores printed: {text}")
        if found[3] is None:
            return cls(found[1], int(found[2]))
        return cls(found[1], int(found[2]), tuple(map(int, found[3].split(","))))


def cases(seed: int) -> Iterator[Case]:
    """Yield the cases of a soak, without an end."""
    source = np.random.default_rng(seed)
    while True:
        for core in CORES:
            yield Case(core, int(source.integers(0, 1 << 32)))
