"""SystolicArray: exact sums in exact cycles, tiles back to back, and the outputs of each edge."""

import random
import re
from dataclasses import dataclass
from types import SimpleNamespace

import cocotb
import numpy as np
import pytest

from benches.bits import gather_parts, in_parts, join, operand, split
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.array.cell import PLAIN
from weft.array.systolic_array import BLOCK_COLUMNS, BLOCK_ROWS, Block, SystolicArray
from weft.emit.verilog import make_design
from weft.matrix.config import TPU_V1, MatrixUnitConfig

TILES = 12


def array(rows, columns, **options):
    return MatrixUnitConfig(rows=rows, columns=columns, **options)


SHAPES = {
    "10x67": array(10, 67, activation="uint8", multiplier_stages=2, adder_stages=2),
    "1x1": array(1, 1, multiplier_stages=0),
    "1x5": array(1, 5, weight="uint4"),
    "5x1": array(5, 1, activation="int3", weight="int9", adder_stages=3),
    "2x2": array(2, 2, multiplier_stages=3, adder_stages=4, accumulator_width=8),
    "8x32": array(8, 32, weight="int2"),
    "9x6": array(9, 6),
    "6x9": array(6, 9, activation="int16", weight="uint16", adder_stages=4, accumulator_width=64),
    "17x2": array(17, 2, multiplier_stages=0, accumulator_width=12),
    "3x37": array(3, 37, weight="int5", multiplier_stages=2),
    "1x35": array(1, 35, activation="uint3", adder_stages=2),
    "9x34": array(9, 34, activation="int4", weight="uint4", multiplier_stages=0),
}


@on_simulators("config", SHAPES)
def test_array(simulate, config):
    coroutines = [switches_every_r_cycles, loads_and_switches_at_any_legal_time]
    simulate(coroutines, SystolicArray, **config.array.parameters)


def cuts_of(block: Block, rows: int, columns: int) -> list[str]:
    """Return the sides along which a field is cut, then those of its first smaller field."""
    fields = block.fields_of(rows=rows, columns=columns)
    if not fields:
        return []
    down, across = fields[0]
    side = "rows" if len(down) < rows else "columns"
    return [side, *cuts_of(block, len(down), len(across))]


def test_shapes_are_of_every_kind():
    """One or more rows, in one block, cut by rows, by columns, or by both."""
    kinds = set()
    for config in SHAPES.values():
        block = Block.of_array(rows=config.rows, columns=config.columns)
        kinds.add((config.rows > 1, *cuts_of(block, config.rows, config.columns)))
    assert kinds == {
        (False,),
        (True,),
        (False, "columns"),
        (True, "columns"),
        (True, "rows"),
        (True, "columns", "rows"),
    }
    shapes = [(config.rows, config.columns) for config in SHAPES.values()]
    assert (BLOCK_ROWS, BLOCK_COLUMNS) in shapes


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9, 16, 17, 100, 256])
def test_smaller_fields_make_up_the_field(rows):
    """One side is cut between blocks, the other is not cut; a block has no smaller fields."""
    for columns in (1, 2, 15, 16, 17, 32, 33, 37, 200, 256):
        block = Block.of_array(rows=rows, columns=columns)
        field = range(rows), range(columns)
        fields = block.fields_of(rows=rows, columns=columns)
        assert bool(fields) == (rows > BLOCK_ROWS or columns > BLOCK_COLUMNS)
        if fields:
            (side,) = (side for side in (0, 1) if fields[0][side] != field[side])
            assert {part[1 - side] for part in fields} == {field[1 - side]}
            assert [at for part in fields for at in part[side]] == list(field[side])
            length = (block.rows, block.columns)[side]
            assert all(len(part[side]) % length == 0 for part in fields[:-1])


def test_blocks_divide_a_side_evenly_where_they_can():
    sides = {100: 5, 256: 8, 12: 6, 20: 5, 14: 7, 17: 8, 9: 8, 8: 8, 5: 5}
    for rows, block in sides.items():
        assert Block.of_array(rows=rows, columns=1).rows == block
    assert Block.of_array(rows=1, columns=37).columns == 32
    assert Block.of_array(rows=1, columns=100).columns == 25


def test_a_large_array_is_made_of_few_modules():
    """256 x 256 cells are six arrays, a row and a cell."""
    verilog = make_design("big", SystolicArray, **TPU_V1.array.parameters).verilog
    names = re.findall(r"(?m)^module (\w+)", verilog)
    assert len(names) == len(set(names)) == 6 + 2
    block = f"systolic_array_{BLOCK_ROWS}x{BLOCK_COLUMNS}"
    assert {f"big__{part}" for part in (block, f"systolic_row_{BLOCK_COLUMNS}", "cell")} < set(
        names
    )


@dataclass
class Wave:
    """Inputs of an array before the skew.

    `activations` (cycles, R), `switches` (cycles,) and `sums` (cycles, C) by the cycle in which
    they pass row 0 of column 0; `tiles` (tiles, R, C); `pushes` (tiles, R), the cycles in which the
    rows of a tile are pushed into column 0, row R-1 first.
    """

    activations: np.ndarray
    switches: np.ndarray
    sums: np.ndarray
    tiles: np.ndarray
    pushes: np.ndarray

    @property
    def cycles(self) -> int:
        return len(self.activations)


@cocotb.test(**TIMEOUT)
async def switches_every_r_cycles(dut):
    """The push of each tile starts in the cycle of the previous switch, and has no gaps."""
    array = parameters()
    rows = array.rows
    pushes = np.arange(TILES * rows).reshape(TILES, rows)
    await check_wave(dut, random_wave(randomness(), array, pushes, waits=[0] * TILES))


@cocotb.test(**TIMEOUT)
async def loads_and_switches_at_any_legal_time(dut):
    """There are gaps between pushes, tiles that wait, and tiles that stay in use."""
    array = parameters()
    rows = array.rows
    source = randomness()
    pushes, waits, cycle = [], [], 0
    for _ in range(TILES):
        pushes.append([])
        cycle += source.choice([0, 0, 1, 5])
        for _ in range(rows):
            cycle += source.choice([0, 0, 0, 1, 3])
            pushes[-1].append(cycle)
            cycle += 1
        waits.append(source.choice([0, 0, 1, 4]))
        cycle += waits[-1]
    await check_wave(dut, random_wave(source, array, np.array(pushes), waits))


def random_wave(source: random.Random, array: SimpleNamespace, pushes, waits) -> Wave:
    """Return a random wave with the given pushes; `waits` are the cycles from push to switch."""
    rows, columns = array.rows, array.columns
    cycles = int(pushes[-1, -1]) + waits[-1] + 10
    switches = np.zeros(cycles, int)
    switches[pushes[:, -1] + 1 + np.array(waits)] = 1
    weight = array.arithmetic.weight
    half = 1 << (array.arithmetic.sum_width - 1)

    def numbers(shape, draw):
        return np.array([draw() for _ in range(np.prod(shape))], object).reshape(shape)

    return Wave(
        activations=numbers((cycles, rows), lambda: operand(source, array.arithmetic.activation)),
        switches=switches,
        sums=numbers(
            (cycles, columns), lambda: source.choice([0, half - 1, -half, source.randrange(half)])
        ),
        tiles=numbers((len(pushes), rows, columns), lambda: operand(source, weight)),
        pushes=pushes,
    )


async def check_wave(dut, wave: Wave) -> None:
    """Drive a wave and check all four edges in their exact cycles."""
    array = parameters()
    rows, columns = array.rows, array.columns
    end = wave.cycles + rows + columns + PLAIN.latency_of(array.arithmetic, rows=array.rows) + 2
    await start(dut)
    names = ("sums_out", "activations_out", "switches_out", "loads_out", "weights_out")
    trace = await play(dut, skewed(wave, array, end), names)

    first = int(np.flatnonzero(wave.switches)[0])
    check_sums(trace["sums_out"], wave, array, range(first, wave.cycles))

    width = array.arithmetic.activation.width
    cycles = range(wave.cycles)
    got = [
        [split(trace["activations_out"][n + r + columns], width, rows)[r] for r in range(rows)]
        for n in cycles
    ]
    compare("activations_out", got, wave.activations % (1 << width), cycles)
    got = [[trace["switches_out"][n + r + columns] >> r & 1 for r in range(rows)] for n in cycles]
    compare("switches_out", got, np.repeat(wave.switches[:, None], rows, axis=1), cycles)
    loads = [thermometer(wave, cycle) for cycle in cycles]
    compare("loads_out", trace["loads_out"][columns : columns + len(loads)], loads)
    check_weights(trace["weights_out"], wave, array)


def check_sums(sums_out: list[int], wave: Wave, array: SimpleNamespace, cycles) -> None:
    """Check that the sum of wave n in column c is complete in cycle n + latency + c."""
    in_use = wave.tiles[np.cumsum(wave.switches) - 1]
    width, parts = array.arithmetic.sum_width, array.arithmetic.sum_parts
    latency = PLAIN.latency_of(array.arithmetic, rows=array.rows)
    lanes = list(zip(*(split(word, width, array.columns) for word in sums_out), strict=True))
    got, expected = [], []
    for n in cycles:
        sums = wave.activations[n] @ in_use[n] + wave.sums[n]
        expected.append(sums % (1 << width))
        got.append(
            [
                gather_parts(lanes[column], n + latency + column - (len(parts) - 1), parts)
                for column in range(array.columns)
            ]
        )
    compare("sums_out", got, expected, [n + latency for n in cycles])


def check_weights(weights_out: list[int], wave: Wave, array: SimpleNamespace) -> None:
    """Check that the south edge shows row R-1 of a tile from its last push to that of the next."""
    width, columns = array.arithmetic.weight.width, array.columns
    starts = [int(last) + 1 for last in wave.pushes[:, -1]]
    cycles = range(starts[0], wave.cycles)
    got = [[split(weights_out[n + c], width, columns)[c] for c in range(columns)] for n in cycles]
    tiles = [sum(start <= n for start in starts) - 1 for n in cycles]
    expected = [wave.tiles[tile][-1] % (1 << width) for tile in tiles]
    compare("weights_out", got, expected, cycles)


def thermometer(wave: Wave, cycle: int) -> int:
    """Return the shift enables in a cycle: rows 0 to k with push k of a tile."""
    pushed = np.argwhere(wave.pushes == cycle)
    return (2 << int(pushed[0][1])) - 1 if len(pushed) else 0


def skewed(wave: Wave, array: SimpleNamespace, end: int) -> list[dict[str, int]]:
    """Return the ports by cycle: row r is r cycles late, column c is c cycles late."""
    rows, columns = array.rows, array.columns
    activations = np.zeros((end, rows), object)
    switches = np.zeros((end, rows), int)
    for row in range(rows):
        activations[row : row + wave.cycles, row] = wave.activations[:, row]
        switches[row : row + wave.cycles, row] = wave.switches
    weights = np.zeros((end, columns), object)
    for tile, cycles in enumerate(wave.pushes):
        for push, cycle in enumerate(cycles):
            for column in range(columns):
                weights[cycle + column, column] = wave.tiles[tile, rows - 1 - push, column]
    sums = np.zeros((end, columns), object)
    for n in range(wave.cycles):
        for column in range(columns):
            for part, bits in enumerate(
                in_parts(int(wave.sums[n, column]), array.arithmetic.sum_parts)
            ):
                # A sum meets the product of row 0 after the operand and multiplier registers.
                sums[n + 1 + array.arithmetic.multiplier_stages + column + part, column] |= bits
    return [
        {
            "activations_in": join(activations[n], array.arithmetic.activation.width),
            "switches_in": join(switches[n], 1),
            "loads_in": thermometer(wave, n),
            "weights_in": join(weights[n], array.arithmetic.weight.width),
            "sums_in": join(sums[n], array.arithmetic.sum_width),
        }
        for n in range(end)
    ]
