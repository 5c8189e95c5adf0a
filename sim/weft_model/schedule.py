"""Schedules: a matrix product of any shape as transfers to the unit, row by row."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np

from weft.checks import check, checked_integer
from weft.matrix.config import MatrixUnitConfig, check_config

from .pieces import PortLanes, signs_of
from .quantized import checked_operands


@dataclass(frozen=True)
class Visit:
    """Rows `start` to `stop` - 1 of A are multiplied by the weight tile (`k_tile`, `n_tile`).

    The tile has the piece `weight_piece` of each weight. Each row passes once for each piece of its
    activations, least significant first.

    `switch`: the tile is not yet in use and has to be loaded. `first`: the sums of these rows begin
    here. `last`: they end here.
    """

    k_tile: int
    weight_piece: int
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

    `weights`, (transfers, C), with `tile_end`, `weight_signed` and `weight_zero_points`,
    (transfers, C); `activations`, (transfers, R), with the fields of their control. Lanes have the
    dtypes of the lanes of the ports. Fields that are not given are zero.
    """

    weights: np.ndarray
    tile_end: np.ndarray
    activations: np.ndarray
    switch: np.ndarray
    first: np.ndarray
    last: np.ndarray
    end: np.ndarray
    row: np.ndarray
    shift: Any = 0
    signed: Any = 0
    zero_point: Any = 0
    weight_signed: Any = 0
    weight_zero_points: Any = 0

    def __post_init__(self):
        rows, transfers = len(self.activations), len(self.weights)
        for name, shape in (
            ("shift", rows),
            ("signed", rows),
            ("zero_point", rows),
            ("weight_signed", transfers),
            ("weight_zero_points", self.weights.shape),
        ):
            full = np.broadcast_to(np.asarray(getattr(self, name)), shape)
            object.__setattr__(self, name, full)

    @property
    def results(self) -> int:
        """Number of result rows that these transfers produce."""
        return int(np.count_nonzero(self.last))

    def without_weight_row(self, number: int) -> "Transfers":
        """Return the same transfers without one of the weight rows."""
        names = ("weights", "tile_end", "weight_signed", "weight_zero_points")
        kept = {name: np.delete(getattr(self, name), number, axis=0) for name in names}
        return Transfers(**{**vars(self), **kept})

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
    the tile in use, which saves one load per batch. Only if the order of a sum matters (see
    `MatrixUnitConfig.chained`), every batch walks along ascending K. A product with K <= R needs no
    accumulators, so all rows pass in one visit. All batches have the same size, give or take one
    row, because a batch of fewer than R rows waits for the next tile to load.

    Operands whose format is wider than the cells pass in pieces. Each piece of a tile of weights is
    a tile of its own, and each piece of a row of A is a transfer of its own; the accumulators add
    up their products.

    Parameters
    ----------
    config : MatrixUnitConfig
    m, k, n : int
    activation, weight : IntegerFormat, str or numpy dtype, optional
        Formats of A and B; by default the first ones of the unit.

    Raises
    ------
    TypeError, ValueError
        Unless `config` is a MatrixUnitConfig, the sizes are integers of at least 1, and the formats
        are formats of the unit.
    """

    config: MatrixUnitConfig
    m: int
    k: int
    n: int
    activation: Any = None
    weight: Any = None

    def __post_init__(self):
        check_config(self.config)
        for name in ("activation", "weight"):
            formats, given = getattr(self.config, name), getattr(self, name)
            number = formats.default if given is None else formats.named(given)
            object.__setattr__(self, name, number)
        for field in ("m", "k", "n"):
            size = checked_integer(field.upper(), getattr(self, field), low=1)
            object.__setattr__(self, field, size)

    @classmethod
    def of(cls, config: MatrixUnitConfig, a: object, b: object) -> "Schedule":
        """Return the schedule of A . B; raises as `quantized.checked_operands` does."""
        first, second = checked_operands(config, a, b)
        m, k = first.shape
        return cls(config, m, k, second.shape[1], first.format, second.format)

    @property
    def activation_pieces(self) -> int:
        """Transfers per row of A and tile of weights."""
        return self.config.activation_port.pieces_of(self.activation)

    @property
    def weight_pieces(self) -> int:
        """Tiles of weights per tile of B."""
        return self.config.weight_port.pieces_of(self.weight)

    @property
    def k_tiles(self) -> int:
        return -(-self.k // self.config.rows)

    @property
    def n_tiles(self) -> int:
        return -(-self.n // self.config.columns)

    @property
    def batch_count(self) -> int:
        tiles = self.k_tiles * self.weight_pieces
        return 1 if tiles == 1 else -(-self.m // self.config.accumulator_depth)

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
            order = list(product(range(self.k_tiles), range(self.weight_pieces)))
            for start, stop in self.batches:
                for tile in order:
                    k_tile, piece = tile
                    yield Visit(
                        k_tile,
                        piece,
                        n_tile,
                        start,
                        stop,
                        switch=(tile, n_tile) != resident,
                        first=tile == order[0],
                        last=tile == order[-1],
                    )
                    resident = (tile, n_tile)
                if not self.config.chained:
                    order.reverse()

    def stays(self) -> list[int]:
        """Return the number of transfers that use each loaded tile, in order."""
        stays: list[int] = []
        for visit in self.visits():
            if visit.switch:
                stays.append(0)
            stays[-1] += visit.rows * self.activation_pieces
        return stays

    def lanes(self, a: object, b: object) -> PortLanes:
        """Return the lanes that cross the ports; raises as `quantized.checked_operands` does.

        Operands that already have this form are not copied.

        Raises
        ------
        ValueError
            Also if the sizes or formats are not those of this schedule.
        """
        config = self.config
        first, second = checked_operands(config, a, b)
        found = (*first.shape, second.shape[1], first.format, second.format)
        planned = (self.m, self.k, self.n, self.activation, self.weight)
        check(
            found[:3] == planned[:3],
            f"M, K, N of the operands must be {planned[:3]} as scheduled, not {found[:3]}",
        )
        check(
            found[3:] == planned[3:],
            f"the operands must be {planned[3]} and {planned[4]} as scheduled, "
            f"not {found[3]} and {found[4]}",
        )
        return PortLanes(
            (config.activation_port, config.weight_port),
            (first, second),
            k=self.k_tiles * config.rows,
            n=self.n_tiles * config.columns,
        )

    def transfers(self, a: object, b: object) -> Transfers:
        """Return the transfers that compute A . B; raises as `lanes` does."""
        lanes = self.lanes(a, b)
        visits = list(self.visits())
        weights = [self._tile(lanes, visit) for visit in visits if visit.switch]
        rows = [self._rows(lanes, visit) for visit in visits]
        joined = {
            name: np.concatenate([part[name] for part in parts])
            for parts in (weights, rows)
            for name in parts[0]
        }
        joined["end"][-1] = 1
        return Transfers(**joined)

    def _tile(self, lanes: PortLanes, visit: Visit) -> dict[str, np.ndarray]:
        """Return the weight transfers of a tile, by the fields of Transfers."""
        height, columns, piece = self.config.rows, self.config.columns, visit.weight_piece
        top = (piece * self.k_tiles + visit.k_tile) * height
        n = slice(visit.n_tile * columns, (visit.n_tile + 1) * columns)
        signed = signs_of(self.config.weight_port, self.weight)[piece]
        return {
            "weights": lanes.weights[top : top + height, n][::-1],
            "tile_end": (np.arange(height) == height - 1).astype(np.int64),
            "weight_signed": np.full(height, signed),
            "weight_zero_points": np.tile(lanes.weight_zero_points[piece, n], (height, 1)),
        }

    def _rows(self, lanes: PortLanes, visit: Visit) -> dict[str, np.ndarray]:
        """Return the activation transfers of a visit, by the fields of Transfers."""
        config, count = self.config, self.activation_pieces
        rows = slice(visit.start * count, visit.stop * count)
        k = slice(visit.k_tile * config.rows, (visit.k_tile + 1) * config.rows)
        number = np.arange(visit.rows * count)
        row, piece = np.divmod(number, count)
        return {
            "activations": lanes.activations[rows, k],
            "switch": (visit.switch & (number == 0)).astype(np.int64),
            "first": (visit.first & (piece == 0)).astype(np.int64),
            "last": (visit.last & (piece == count - 1)).astype(np.int64),
            "end": np.zeros(len(number), np.int64),
            "row": row % config.accumulator_depth,
            "shift": piece + visit.weight_piece,
            "signed": np.array(signs_of(config.activation_port, self.activation))[piece],
            "zero_point": lanes.zero_points[rows],
        }

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
