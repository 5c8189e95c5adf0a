"""Turn a matrix product into beats for a board, in an order that cannot deadlock."""

import numpy as np

from weft.host_link.beat_formats import (
    ACTIVATIONS,
    FLAGS,
    WEIGHTS,
    activation_beat,
    weight_beat,
)
from weft_model.schedule import Schedule


class Segment:
    """Consecutive beats of one stream.

    Parameters
    ----------
    stream : int
    beats : structured ndarray, (beats,)
    gives_result : ndarray of bool, (beats,)
        Which of them produce a result.

    Members
    -------
    finished : whether all beats were taken
    """

    def __init__(self, stream: int, beats: np.ndarray, gives_result: np.ndarray):
        self.stream = stream
        self.size = beats.itemsize
        self._bytes = beats.tobytes()
        self._results = np.concatenate([[0], np.cumsum(gives_result)])
        self._taken = 0

    @property
    def finished(self) -> bool:
        return self._taken * self.size == len(self._bytes)

    def offer(self, most_bytes: int, most_results: int) -> bytes:
        """Return the next beats: as many as fit the bytes and the number of results."""
        allowed = self._results[self._taken] + most_results
        stop = int(np.searchsorted(self._results, allowed, side="right")) - 1
        stop = min(stop, self._taken + most_bytes // self.size)
        return self._bytes[self._taken * self.size : stop * self.size]

    def take(self, taken_bytes: int) -> tuple[int, int]:
        """Advance past the bytes taken; return the numbers of their beats and of their results."""
        beats = taken_bytes // self.size
        before = self._taken
        self._taken += beats
        return beats, int(self._results[self._taken] - self._results[before])


def segments(schedule: Schedule, a: object, b: object) -> list[Segment]:
    """Return the segments: each tile, then the rows that use it.

    Cannot deadlock, because a tile can always be loaded while another one is in use.
    """
    config = schedule.config
    transfers = schedule.transfers(a, b)
    weights = np.zeros(len(transfers.weights), weight_beat(config))
    weights["lanes"] = transfers.weights
    weights["last"] = transfers.tile_end
    _fill(weights, signed=transfers.weight_signed, zero_points=transfers.weight_zero_points)
    activations = np.zeros(len(transfers.activations), activation_beat(config))
    activations["lanes"] = transfers.activations
    activations["flags"] = sum(getattr(transfers, name) << bit for bit, name in enumerate(FLAGS))
    activations["row"] = transfers.row
    others = {name: getattr(transfers, name) for name in ("shift", "signed", "zero_point")}
    _fill(activations, **others)

    switches = np.flatnonzero(transfers.switch)
    stays = np.split(activations, switches[1:])
    lasts = np.split(transfers.last.astype(bool), switches[1:])
    work = []
    for tile, (rows, last) in enumerate(zip(stays, lasts, strict=True)):
        loaded = weights[tile * config.rows : (tile + 1) * config.rows]
        work.append(Segment(WEIGHTS, loaded, np.zeros(len(loaded), bool)))
        work.append(Segment(ACTIVATIONS, rows, last))
    return work


def _fill(beats: np.ndarray, **values: np.ndarray) -> None:
    """Set those fields that the beats of this unit have."""
    for name in set(values) & set(beats.dtype.names or ()):
        beats[name] = values[name].astype(beats.dtype[name].base)
