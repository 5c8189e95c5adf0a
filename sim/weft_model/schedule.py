"""From a matrix product of any shape to what the unit is fed, row by row."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from weft.matrix.config import MatrixUnitConfig


@dataclass(frozen=True)
class Visit:
    """Rows `start`..`stop` of A pass the weight tile (`k_tile`, `n_tile`).

    `switch`: the tile is not the one in use and has to be loaded. `first`: these rows' sums begin
    here; `last`: they end here.
    """

    k_tile: int
    n_tile: int
    start: int
    stop: int
    switch: bool
    first: bool
    last: bool

    @property
    def rows(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Transfers:
    """What goes over the ports, one array entry a transfer.

    `weights` (transfers, C) with `tile_end`; `activations` (transfers, R) with the fields of
    their control; both in the dtypes of their formats.
    """

    weights: np.ndarray
    tile_end: np.ndarray
    activations: np.ndarray
    switch: np.ndarray
    first: np.ndarray
    last: np.ndarray
    end: np.ndarray
    row: np.ndarray

    @property
    def results(self) -> int:
        """Result rows that these transfers bring about."""
        return int(np.count_nonzero(self.last))

    @staticmethod
    def join(parts: "Iterable[Transfers]") -> "Transfers":
        """Several parts one after the other, with nothing between them."""
        columns = zip(*(vars(transfers).values() for transfers in parts), strict=True)
        return Transfers(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class Schedule:
    """The order of work for Z[M,N] = A[M,K] . B[K,N] on one unit.

    A tile of weights stays for as many rows as the accumulators can hold sums for. K is walked
    forth and back, so that the tile in use at the end of one batch of rows begins the next: that
    saves a load for each batch. A product with K <= R needs no accumulators, so all rows pass at
    one visit. Batches are of equal size, since one of fewer than R rows waits for the load behind
    it.
    """

    config: MatrixUnitConfig
    m: int
    k: int
    n: int

    def __post_init__(self):
        for name, size in (("M", self.m), ("K", self.k), ("N", self.n)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(f"{name} must be an integer of at least 1, not {size!r}")

    @classmethod
    def of(cls, config: MatrixUnitConfig, a: np.ndarray, b: np.ndarray) -> "Schedule":
        """The schedule of A . B, from the shapes of the operands."""
        (m, k), (_, n) = np.shape(a), np.shape(b)
        return cls(config, m, k, n)

    @property
    def k_tiles(self) -> int:
        return -(-self.k // self.config.rows)

    @property
    def n_tiles(self) -> int:
        return -(-self.n // self.config.columns)

    @property
    def batch_count(self) -> int:
        return 1 if self.k_tiles == 1 else -(-self.m // self.config.accumulator_depth)

    @property
    def batches(self) -> list[tuple[int, int]]:
        """Rows of A that are in the accumulators together, as (start, stop)."""
        count = self.batch_count
        edges = [self.m * i // count for i in range(count + 1)]
        return list(pairwise(edges))

    def visits(self) -> Iterator[Visit]:
        """The visits in order."""
        resident = None
        for n_tile in range(self.n_tiles):
            order = list(range(self.k_tiles))
            for start, stop in self.batches:
                for k_tile in order:
                    yield Visit(
                        k_tile,
                        n_tile,
                        start,
                        stop,
                        switch=(k_tile, n_tile) != resident,
                        first=k_tile == order[0],
                        last=k_tile == order[-1],
                    )
                    resident = (k_tile, n_tile)
                order.reverse()

    def stays(self) -> list[int]:
        """Rows that each loaded tile is in use for, in order."""
        stays: list[int] = []
        for visit in self.visits():
            if visit.switch:
                stays.append(0)
            stays[-1] += visit.rows
        return stays

    def padded(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The operands in whole tiles, C contiguous, in the dtypes of their formats.

        Operands that are so already are not copied.
        """
        config = self.config
        k = self.k_tiles * config.rows
        return (
            _padded(a, self.m, k, config.activation.dtype),
            _padded(b, k, self.n_tiles * config.columns, config.weight.dtype),
        )

    def transfers(self, a: np.ndarray, b: np.ndarray) -> Transfers:
        """The transfers that compute A . B; operands as `reference.check_operands` has them."""
        config = self.config
        rows, columns = config.rows, config.columns
        a, b = self.padded(a, b)
        weights, activations, controls = [], [], []
        for visit in self.visits():
            k = slice(visit.k_tile * rows, (visit.k_tile + 1) * rows)
            if visit.switch:
                n = slice(visit.n_tile * columns, (visit.n_tile + 1) * columns)
                weights.append(b[k, n][::-1])
            activations.append(a[visit.start : visit.stop, k])
            control = np.zeros((visit.rows, 4), np.int64)
            control[0, 0] = visit.switch
            control[:, 1:3] = visit.first, visit.last
            control[:, 3] = np.arange(visit.rows) % config.accumulator_depth
            controls.append(control)
        control = np.concatenate(controls)
        end = np.zeros(len(control), np.int64)
        end[-1] = 1
        tile_end = np.zeros((len(weights), rows), np.int64)
        tile_end[:, -1] = 1
        return Transfers(
            weights=np.concatenate(weights),
            tile_end=tile_end.ravel(),
            activations=np.concatenate(activations),
            switch=control[:, 0],
            first=control[:, 1],
            last=control[:, 2],
            end=end,
            row=control[:, 3],
        )

    def gather(self, results: np.ndarray) -> np.ndarray:
        """Z from the result rows, (transfers, C), in the order in which they came."""
        columns = self.config.columns
        z = np.zeros((self.m, self.n_tiles * columns), results.dtype)
        taken = 0
        for visit in self.visits():
            if visit.last:
                n = visit.n_tile * columns
                part = results[taken : taken + visit.rows]
                z[visit.start : visit.stop, n : n + columns] = part
                taken += visit.rows
        return z[:, : self.n]


def _padded(matrix: np.ndarray, rows: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """Zeros around a matrix, as the ragged edges of tiles need."""
    if matrix.shape == (rows, columns):
        return np.ascontiguousarray(matrix, dtype)
    padded = np.zeros((rows, columns), dtype)
    padded[: matrix.shape[0], : matrix.shape[1]] = matrix
    return padded
