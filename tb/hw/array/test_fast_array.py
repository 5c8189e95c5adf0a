"""FastArray: exact inner products in exact cycles, and proofs for narrow formats."""

import re

import cocotb
import pytest
from cocotb.triggers import FallingEdge, Timer

from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, read, start
from benches.inner_product_proofs import prove_inner_product
from benches.paired_arrays import (
    Wave,
    compare_sums,
    gathered,
    skewed,
    wave_with_gaps,
    wave_without_gaps,
)
from benches.runner import on_simulators
from weft.array.activation_correction import ActivationCorrection
from weft.array.fast_array import FastArray
from weft.array.pairs_check import PairsCheck
from weft.blocks.chain import FLAT_LINKS
from weft.emit.verilog import make_design
from weft.hierarchy import cut, numbers_below
from weft.matrix.config import TPU_V1, MatrixUnitConfig

# Outputs that repeat an input.
PASSED = {
    "activations_out": "activations_in",
    "switches_out": "switches_in",
    "loads_out": "loads_in",
}


def array(rows, columns, **options):
    return MatrixUnitConfig(rows=rows, columns=columns, inner_product="fast", **options)


def simulate_array(simulate, coroutines, config, **options):
    """Run coroutines on the array of a unit, a CheckedFastArray if it has checksums."""
    array = config.array
    simulate(coroutines, array.component, **array.parameters, **options)


SHAPES = {
    "18x18": array(18, 18, activation="uint8", multiplier_stages=2, adder_stages=2),
    "2x1": array(2, 1, multiplier_stages=0),
    "2x5": array(2, 5, weight="uint4"),
    "6x1": array(6, 1, activation="int3", weight="int9", adder_stages=3),
    "2x2": array(2, 2, multiplier_stages=3, adder_stages=4, accumulator_width=8),
    "8x16": array(8, 16, weight="int2"),
    "10x6": array(10, 6),
    "6x9": array(6, 9, activation="int16", weight="uint16", adder_stages=4, accumulator_width=64),
    "34x3": array(34, 3, multiplier_stages=0, accumulator_width=12),
    "4x17": array(4, 17, weight="int5", multiplier_stages=2),
    "2x35": array(2, 35, activation="uint3", adder_stages=2),
    "6x4 checksum": array(6, 4, weight="uint5", adder_stages=2, checksum=True),
    "4x3 checksum": array(4, 3, activation="uint4", checksum=True),
}


@on_simulators("config", SHAPES)
def test_fast_array(simulate, config):
    coroutines = [switches_every_r_cycles, loads_and_switches_at_any_legal_time]
    simulate_array(simulate, coroutines, config)


@on_simulators("config", {name: SHAPES[name] for name in ("6x1", "2x1")})
def test_shows_products(simulate, config):
    """The checksum column uses an array with this output."""
    coroutines = [switches_every_r_cycles, loads_and_switches_at_any_legal_time]
    simulate_array(simulate, coroutines, config, shows_products=True)


@on_simulators(
    "config", {n: SHAPES[n] for n in ("6x4 checksum", "4x3 checksum", "10x6")}, verilator=0
)
def test_flips(simulate, config):
    """This runs on Icarus only, because a build of Verilator gives access to the ports alone."""
    simulate_array(simulate, [shows_what_the_south_edge_holds], config)


def test_a_large_array_is_made_of_few_modules():
    """With 256 x 256 cells, each kind of chain and the field of cells have one module per size."""
    config = MatrixUnitConfig(rows=TPU_V1.rows, columns=TPU_V1.columns, inner_product="fast")
    verilog = make_design("big", FastArray, **config.array.parameters).verilog
    names = re.findall(r"(?m)^module (\w+)", verilog)
    assert len(names) == len(set(names)) < 40
    assert "big__chain_activation_products_4" in names


@cocotb.test(**TIMEOUT)
async def switches_every_r_cycles(dut):
    """The push of each tile starts in the cycle of the previous switch, and has no gaps."""
    await check_wave(dut, wave_without_gaps(randomness(), parameters()))


@cocotb.test(**TIMEOUT)
async def loads_and_switches_at_any_legal_time(dut):
    """There are gaps between pushes, tiles that wait, and tiles that stay in use."""
    await check_wave(dut, wave_with_gaps(randomness(), parameters()))


@cocotb.test(**TIMEOUT)
async def shows_what_the_south_edge_holds(dut):
    """A flipped bit in an output register changes that bit of the outputs, and no other."""
    array = parameters()
    arithmetic = array.arithmetic
    await start(dut)
    registers = []
    for column in range(array.columns):
        low = column * arithmetic.sum_width
        for part, width in enumerate(arithmetic.sum_parts):
            name = f"sum_{part}" if len(arithmetic.sum_parts) > 1 else "corrected"
            registers.append((column, name, width, "sums_out", low))
            low += width
    if hasattr(dut, "products_out"):
        last = array.columns - 1
        registers.append((last, "products_out", arithmetic.sum_width, "products_out", 0))
    outputs = sorted({output for *_, output, _ in registers})
    for column, name, width, output, low in registers:
        register = getattr(link(dut.south, column, array.columns), name)
        for bit in range(width):
            await FallingEdge(dut.clk)
            expected = {shown: read(dut, shown) for shown in outputs}
            expected[output] ^= 1 << low + bit
            register.value = int(register.value) ^ 1 << bit
            await Timer(1, "ns")
            got = {shown: read(dut, shown) for shown in outputs}
            assert got == expected, f"{name}[{bit}] of column {column}"


def link(chain, number: int, links: int):
    """Return the handle of a link of a chain, which may be in a shorter chain."""
    if links <= FLAT_LINKS:
        return getattr(chain, f"link_{number}")
    part = next(part for part in cut(links) if number in part)
    shorter = getattr(chain, f"links_{numbers_below(links)[part.start]}")
    return link(shorter, number - part.start, len(part))


async def check_wave(dut, wave: Wave) -> None:
    """Check that the sum of wave n in column c is complete in cycle n + latency + c."""
    array = parameters()
    arithmetic = array.arithmetic
    columns, latency = array.columns, FastArray.latency_of(arithmetic, rows=array.rows)
    end = wave.cycles + array.rows + columns + latency + 2
    await start(dut)
    outputs = ["sums_out"]
    outputs += ["products_out"] if hasattr(dut, "products_out") else []
    outputs += [*PASSED, "wrong_pairs"] if hasattr(dut, "wrong_pairs") else []
    stimuli = skewed(wave, array, end)
    trace = await play(dut, stimuli, outputs)

    compare_sums(trace["sums_out"], wave, array, latency)
    width, cycles = arithmetic.sum_width, wave.compared
    if "products_out" in outputs:
        late = latency - ActivationCorrection.latency - 1 + columns
        got = [gathered(trace["products_out"], n + late, arithmetic.sum_parts) for n in cycles]
        pairs = wave.activations[:, 0::2] * wave.activations[:, 1::2]
        expected = [sum(pairs[n]) % (1 << width) for n in cycles]
        compare("products_out", got, expected, [n + late for n in cycles])
    if "wrong_pairs" in outputs:
        for name, came in PASSED.items():
            expected = [stimulus[came] for stimulus in stimuli[: end - columns]]
            compare(name, trace[name][columns:], expected)
        first = cycles[0] + columns + array.rows // 2 + PairsCheck.latency
        assert not any(trace["wrong_pairs"][first:]), "a false alarm; test_corruption has flips"


PROVEN = {
    "int3-int3": array(2, 2, activation="int3", weight="int3"),
    "uint2-int3": array(2, 2, activation="uint2", weight="int3", multiplier_stages=0),
    "int3-uint2": array(2, 2, activation="int3", weight="uint2", multiplier_stages=2),
    "uint2-uint2": array(2, 2, activation="uint2", weight="uint2", multiplier_stages=3),
    "int1-uint1": array(2, 2, activation="int1", weight="uint1", accumulator_width=8),
}


@pytest.mark.parametrize("config", PROVEN.values(), ids=PROVEN)
def test_is_the_inner_product_for_all_operands(config, tmp_path):
    prove_inner_product(config, tmp_path)
