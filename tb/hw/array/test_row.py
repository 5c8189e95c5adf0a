"""SystolicRow: control and activations move east; each column is a cycle behind the previous."""

import random
from dataclasses import dataclass

import cocotb
import numpy as np
import pytest

from benches.bits import gather_parts, in_parts, operand, split
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_icarus, on_simulators
from weft.array.arithmetic import Arithmetic
from weft.array.cell import PLAIN
from weft.array.row import SystolicRow
from weft.emit.verilog import make_design
from weft.hierarchy import numbers_below
from weft.matrix.config import MatrixUnitConfig
from weft.primitives.ice40 import Ice40MultiplierPair

CYCLES = 600


def row(columns, **options):
    return MatrixUnitConfig(**options), columns


ROWS = {
    "5": row(5, multiplier_stages=2, adder_stages=2),
    "1": row(1),
    "1-uint16": row(1, activation="uint16", weight="int1", multiplier_stages=0),
    "2": row(2, activation="int1", weight="uint1", adder_stages=4, rows=1),
    "3-wrapping": row(3, activation="uint8", multiplier_stages=0, accumulator_width=8, rows=200),
    "7": row(7, activation="int16", weight="int16", adder_stages=4, accumulator_width=64, rows=256),
    "10": row(10, activation="uint5", weight="int12", multiplier_stages=3, adder_stages=3),
    "16": row(16),
    "17": row(17, weight="uint4", multiplier_stages=0, adder_stages=2),
}


@on_simulators("config, columns", ROWS)
def test_row(simulate, config, columns):
    coroutines = [passes_on_and_multiplies, passes_over_a_row_at_rest]
    simulate(coroutines, SystolicRow, cell=PLAIN, arithmetic=config.arithmetic, columns=columns)


ICE40 = {
    "1-uint16": ROWS["1-uint16"],
    "4-uint8-uint8": row(4, activation="uint8", weight="uint8", multiplier_stages=3),
    "5-uint8-int8": row(5, activation="uint8", weight="int8"),
    "2-int8-uint8": row(2, activation="int8", weight="uint8"),
    "3-int5-uint3": row(3, activation="int5", weight="uint3", multiplier_stages=2),
    "3-int1-uint8": row(3, activation="int1", weight="uint8"),
    "4-uint9": row(4, activation="uint9"),
}


def simulate_on_ice40(simulate, config, columns):
    coroutines = [passes_on_and_multiplies, passes_over_a_row_at_rest]
    parameters = {"cell": PLAIN, "arithmetic": config.arithmetic, "columns": columns}
    simulate(coroutines, SystolicRow, family="ice40", **parameters)


@on_icarus
@pytest.mark.parametrize("config, columns", ICE40.values(), ids=ICE40)
def test_row_of_ice40(simulate, config, columns):
    """With hard multipliers that two cells share, outputs are the same in every bit and cycle."""
    simulate_on_ice40(simulate, config, columns)


@pytest.mark.large
@on_icarus
@pytest.mark.parametrize("config, columns", ROWS.values(), ids=ROWS)
def test_every_row_of_ice40(simulate, config, columns):
    simulate_on_ice40(simulate, config, columns)


PAIRS = {
    "odd": (3, 5, 0, {}),
    "even": (2, 4, 0, {}),
    "too wide": (0, 4, 0, {"weight": "int9"}),
    "without a register": (0, 4, 0, {"multiplier_stages": 0}),
    "soft": (1, 5, 3, {}),
}


@pytest.mark.parametrize("pairs, columns, soft_columns, options", PAIRS.values(), ids=PAIRS)
def test_cells_share_multipliers_where_they_fit(pairs, columns, soft_columns, options):
    design = make_design(
        "top",
        SystolicRow,
        family="ice40",
        cell=PLAIN,
        arithmetic=MatrixUnitConfig(**options).arithmetic,
        columns=columns,
        soft_columns=soft_columns,
    )
    found = design.hierarchy.find(Ice40MultiplierPair.__name__)
    assert len(list(found)) == pairs


@dataclass
class Wave:
    """Inputs of a row, by the cycle in which they reach column 0.

    `loads`, `switches` and `activations` (cycles,); `weights` and `sums` (cycles, C), where the
    entries of column c come c cycles later. `sums` are the sums for the products of the cycle.
    """

    loads: list[int]
    switches: list[int]
    activations: list[int]
    weights: np.ndarray
    sums: np.ndarray

    @property
    def cycles(self) -> int:
        return len(self.activations)


@cocotb.test(**TIMEOUT)
async def passes_on_and_multiplies(dut):
    """Checks every output in every cycle; loads and switches come in any cycle, also together."""
    arithmetic, columns = parameters().arithmetic, parameters().columns
    source = randomness()
    loads, switches = ([int(source.random() < 0.4) for _ in range(CYCLES)] for _ in range(2))
    await check_wave(dut, random_wave(source, arithmetic, columns, loads, switches))


@cocotb.test(**TIMEOUT)
async def passes_over_a_row_at_rest(dut):
    """Only one load or switch is in the row at a time; each reaches the last column."""
    arithmetic, columns = parameters().arithmetic, parameters().columns
    source = randomness()
    loads, switches = [0] * CYCLES, [0] * CYCLES
    cycle = 2
    while cycle < CYCLES:
        source.choice((loads, switches))[cycle] = 1
        cycle += columns + source.choice([0, 1, 2, 5])
    await check_wave(dut, random_wave(source, arithmetic, columns, loads, switches))


def random_wave(
    source: random.Random, arithmetic: Arithmetic, columns: int, loads, switches
) -> Wave:
    """Return a wave of random numbers with the given control."""
    # The registers of a cell are not reset: fill both weights first.
    loads[0] = switches[1] = 1

    def numbers(draw) -> np.ndarray:
        drawn = [draw() for _ in range(CYCLES * columns)]
        return np.array(drawn, object).reshape(CYCLES, columns)

    return Wave(
        loads=loads,
        switches=switches,
        activations=[operand(source, arithmetic.activation) for _ in range(CYCLES)],
        weights=numbers(lambda: operand(source, arithmetic.weight)),
        sums=numbers(lambda: source.choice([0, -1, source.getrandbits(arithmetic.sum_width)])),
    )


async def check_wave(dut, wave: Wave) -> None:
    """Drive a wave and check every output in its exact cycle."""
    arithmetic, columns = parameters().arithmetic, parameters().columns
    numbers = numbers_below(columns)
    latency = sum_latency(arithmetic)
    end = wave.cycles + columns + latency + len(arithmetic.sum_parts)
    names = ["activation_out", "switch_out", "load_out"]
    names += ["weights_out", *(f"sum_out_{number}" for number in numbers)]
    await start(dut)
    trace = await play(dut, to_ports(wave, arithmetic, columns, end), names)

    late = slice(columns, columns + wave.cycles)
    activations = [value % (1 << arithmetic.activation.width) for value in wave.activations]
    cycles = range(late.start, late.stop)
    for name, expected in (
        ("activation_out", activations),
        ("switch_out", wave.switches),
        ("load_out", wave.loads),
    ):
        compare(name, trace[name][late], expected, cycles)

    shadows, weights = held_weights(wave)
    cycles = range(1, wave.cycles)
    width = arithmetic.weight.width
    passed = [split(bits, width, columns) for bits in trace["weights_out"]]
    got = [[passed[n + column][column] for column in range(columns)] for n in cycles]
    compare("weights_out", got, [shadows[n] % (1 << width) for n in cycles], cycles)

    got = [
        [
            gather_parts(trace[f"sum_out_{number}"], n + latency + column, arithmetic.sum_parts)
            for column, number in enumerate(numbers)
        ]
        for n in cycles
    ]
    expected = [
        (wave.activations[n] * weights[n] + wave.sums[n]) % (1 << arithmetic.sum_width)
        for n in cycles
    ]
    compare("sum_out", got, expected, [n + latency for n in cycles])


def sum_latency(arithmetic: Arithmetic) -> int:
    """Return the cycles from an activation in column 0 to the first part of its sum."""
    operand_register = sum_register = 1
    return operand_register + arithmetic.multiplier_stages + sum_register


def held_weights(wave: Wave) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the shadow weights in each cycle, and the weights for the activation of each cycle."""
    shadow = weight = np.zeros(wave.weights.shape[1], object)
    shadows, weights = [], []
    for load, switch, entering in zip(wave.loads, wave.switches, wave.weights, strict=True):
        shadows.append(shadow)
        if switch:
            weight = shadow
        weights.append(weight)
        if load:
            shadow = entering
    return shadows, weights


def to_ports(wave: Wave, arithmetic: Arithmetic, columns: int, end: int) -> list[dict[str, int]]:
    """Return the ports by cycle: column c is c cycles late, part p of a sum another p cycles."""
    numbers = numbers_below(columns)
    nothing = dict.fromkeys(["activation_in", "switch_in", "load_in", "weights_in"], 0)
    nothing |= {f"sum_in_{number}": 0 for number in numbers}
    ports = [dict(nothing) for _ in range(end)]
    for n in range(wave.cycles):
        ports[n]["activation_in"] = wave.activations[n] % (1 << arithmetic.activation.width)
        ports[n]["switch_in"], ports[n]["load_in"] = wave.switches[n], wave.loads[n]
        for column, number in enumerate(numbers):
            width = arithmetic.weight.width
            weight = wave.weights[n, column] % (1 << width)
            ports[n + column]["weights_in"] |= weight << (column * width)
            for part, bits in enumerate(in_parts(wave.sums[n, column], arithmetic.sum_parts)):
                at = n + sum_latency(arithmetic) - 1 + column + part
                ports[at][f"sum_in_{number}"] |= bits
    return ports
