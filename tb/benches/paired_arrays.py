"""Stimuli of an array whose cells add up a pair of rows, and what its sums must be."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from benches.bits import gather_parts, join, operand, split
from benches.coroutines import compare

TILES = 12


@dataclass
class Wave:
    """Inputs of an array before the skew.

    `activations` (cycles, R) and `switches` (cycles,) by the cycle in which they reach the first
    pair of rows; `tiles` (tiles, R, C); `pushes` (tiles, R), the cycles in which the rows of a tile
    are pushed into column 0, row R-1 first.
    """

    activations: np.ndarray
    switches: np.ndarray
    tiles: np.ndarray
    pushes: np.ndarray

    @property
    def cycles(self) -> int:
        return len(self.activations)

    @property
    def compared(self) -> range:
        """Cycles of the rows that meet a tile."""
        return range(int(np.flatnonzero(self.switches)[0]), self.cycles)


def wave_without_gaps(source: random.Random, array: SimpleNamespace) -> Wave:
    """Return a wave whose pushes have no gaps.

    The push of each tile starts in the cycle of the previous switch.
    """
    pushes = np.arange(TILES * array.rows).reshape(TILES, array.rows)
    return random_wave(source, array, pushes, waits=[0] * TILES)


def wave_with_gaps(source: random.Random, array: SimpleNamespace) -> Wave:
    """Return a wave with gaps between pushes, tiles that wait, and tiles that stay in use."""
    pushes, waits, cycle = [], [], 0
    for _ in range(TILES):
        pushes.append([])
        cycle += source.choice([0, 0, 1, 5])
        for _ in range(array.rows):
            cycle += source.choice([0, 0, 0, 1, 3])
            pushes[-1].append(cycle)
            cycle += 1
        waits.append(source.choice([0, 0, 1, 4]))
        cycle += waits[-1]
    return random_wave(source, array, np.array(pushes), waits)


def random_wave(source: random.Random, array: SimpleNamespace, pushes, waits) -> Wave:
    """Return a random wave with the given pushes; `waits` are the cycles from push to switch."""
    rows, columns = array.rows, array.columns
    cycles = int(pushes[-1, -1]) + waits[-1] + 10
    switches = np.zeros(cycles, int)
    switches[pushes[:, -1] + 1 + np.array(waits)] = 1

    def numbers(shape, number):
        drawn = [operand(source, number) for _ in range(np.prod(shape))]
        return np.array(drawn, object).reshape(shape)

    return Wave(
        activations=numbers((cycles, rows), array.arithmetic.activation),
        switches=switches,
        tiles=numbers((len(pushes), rows, columns), array.arithmetic.weight),
        pushes=pushes,
    )


def gathered(words: Sequence[int], cycle: int, parts: Sequence[int]) -> int:
    """Return the sum whose last part is in the given cycle."""
    return gather_parts(words, cycle - (len(parts) - 1), parts)


def skewed(wave: Wave, array: SimpleNamespace, end: int) -> list[dict[str, int]]:
    """Return the ports by cycle: pair j is j cycles late, column c is c cycles late."""
    rows, columns = array.rows, array.columns
    activations = np.zeros((end, rows), object)
    switches = np.zeros((end, rows // 2), int)
    for row in range(rows):
        late = row // 2
        activations[late : late + wave.cycles, row] = wave.activations[:, row]
        switches[late : late + wave.cycles, late] = wave.switches
    weights = np.zeros((end, columns), object)
    loads = [0] * end
    for tile, cycles in enumerate(wave.pushes):
        for push, cycle in enumerate(cycles):
            loads[cycle] = (2 << push) - 1
            for column in range(columns):
                weights[cycle + column, column] = wave.tiles[tile, rows - 1 - push, column]
    return [
        {
            "activations_in": join(activations[n], array.arithmetic.activation.width),
            "switches_in": join(switches[n], 1),
            "loads_in": loads[n],
            "weights_in": join(weights[n], array.arithmetic.weight.width),
        }
        for n in range(end)
    ]


def compare_sums(words: Sequence[int], wave: Wave, array: SimpleNamespace, latency: int) -> None:
    """Check that the sum of wave n in column c is complete in cycle n + latency + c.

    `words` is `sums_out` in each cycle.
    """
    arithmetic, columns = array.arithmetic, array.columns
    width = arithmetic.sum_width
    in_use = wave.tiles[np.cumsum(wave.switches) - 1]
    lanes = list(zip(*(split(word, width, columns) for word in words), strict=True))
    got = [
        [
            gathered(lanes[column], n + latency + column, arithmetic.sum_parts)
            for column in range(columns)
        ]
        for n in wave.compared
    ]
    expected = [wave.activations[n] @ in_use[n] % (1 << width) for n in wave.compared]
    compare("sums_out", got, expected, [n + latency for n in wave.compared])
