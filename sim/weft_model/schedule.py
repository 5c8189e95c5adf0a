"""Schedules: a matrix product of any shape as transfers to the unit, row by row."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from weft.checks import check, checked_integer
from weft.matrix.config import MatrixUnitConfig, check_config

from .reference import checked_operands


@dataclass(frozen=True)
class Visit:
    """Rows `start` to `stop` - 1 of A are multiplied by the weight tile (`k_tile`, `n_tile`).

    `switch`: the tile is not yet in use and has to be loaded. `first`: the sums of these rows begin
    here. `last`: they end here.
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
    """Transfers over the input streams, one array entry per transfer.

    `weights`, (transfers, C), with `tile_end`; `activations`, (transfers, R), with the fields of
    their control. Weights and activations have the dtypes of their formats.
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
        """Number of result rows that these transfers produce."""
        return int(np.count_nonzero(self.last))

    @staticmethod
    def join(parts: "Iterable[Transfers]") -> "Transfers":
        """Concatenate several transfers."""
        columns = zip(*(vars(transfers).values() for transfers in parts), strict=True)
        return Transfers(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class Schedule:
    """The order of work for Z[M,N] = A[M,K] . B[K,N] on one unit.

    A tile of weights stays for one batch of rows: at most as many as there are accumulator rows.
    Successive batches walk the tiles along K in alternating directions. The next batch begins with
    the tile in use, which saves one load per batch. A product with K <= R needs no accumulators, so
    all rows pass in one visit. All batches have the same size, give or take one row, because a
    batch of fewer than R rows waits for the next tile to load.

    Raises
    ------
    TypeError, ValueError
        Unless `config` is a MatrixUnitConfig and the sizes are integers of at least 1.
    """

    config: MatrixUnitConfig
    m: int
    k: int
    n: int

    def __post_init__(self):
        check_config(self.config)
        for field in ("m", "k", "n"):
            size = checked_integer(field.upper(), getattr(self, field), low=1)
            object.__setattr__(self, field, size)

    @classmethod
    def of(cls, config: MatrixUnitConfig, a: np.ndarray, b: np.ndarray) -> "Schedule":
        """Return the schedule of A . B; raises as `reference.checked_operands` does."""
        a, b = checked_operands(config, a, b)
        return cls(config, a.shape[0], a.shape[1], b.shape[1])

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
        """Ranges of rows of A that share the accumulators, as (start, stop)."""
        count = self.batch_count
        edges = [self.m * i // count for i in range(count + 1)]
        return list(pairwise(edges))

    def visits(self) -> Iterator[Visit]:
        """Iterate over the visits in order."""
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
        """Return the number of rows that use each loaded tile, in order."""
        stays: list[int] = []
        for visit in self.visits():
            if visit.switch:
                stays.append(0)
            stays[-1] += visit.rows
        return stays

    def padded(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the operands padded to whole tiles, C contiguous, in the dtypes of their formats.

        Operands that already have this form are not copied.

        Raises
        ------
        TypeError, ValueError
            See `reference.checked_operands`; also if the sizes are not those of this schedule.
        """
        config = self.config
        a, b = checked_operands(config, a, b)
        sizes = (*a.shape, b.shape[1])
        check(
            sizes == (self.m, self.k, self.n),
            f"M, K, N of the operands must be {(self.m, self.k, self.n)} as scheduled, not {sizes}",
        )
        k = self.k_tiles * config.rows
        return (
            _padded(a, self.m, k, config.activation.dtype),
            _padded(b, k, self.n_tiles * config.columns, config.weight.dtype),
        )

    def transfers(self, a: np.ndarray, b: np.ndarray) -> Transfers:
        """Return the transfers that compute A . B; raises as `padded` does."""
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
        """Assemble Z, (M, N), from the result rows, (transfers, C), in order of arrival.

        Raises
        ------
        ValueError
            If the result rows have another shape.
        """
        columns = self.config.columns
        expected = (self.m * self.n_tiles, columns)
        check(
            np.shape(results) == expected,
            f"results must have the shape {expected}, one row per finished sum, "
            f"not {np.shape(results)}",
        )
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
    """Pad a matrix with zeros, so that the tiles at its edges are whole."""
    if matrix.shape == (rows, columns):
        return np.ascontiguousarray(matrix, dtype)
    padded = np.zeros((rows, columns), dtype)
    padded[: matrix.shape[0], : matrix.shape[1]] = matrix
    return padded
