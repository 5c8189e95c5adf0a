"""PackedArray: exact inner products in exact cycles, and proofs for narrow formats."""

import re

import cocotb
import pytest

from benches.coroutines import TIMEOUT, parameters, play, randomness, start
from benches.inner_product_proofs import prove_inner_product
from benches.paired_arrays import Wave, compare_sums, skewed, wave_with_gaps, wave_without_gaps
from benches.runner import on_simulators
from weft.array.packed_array import PackedArray
from weft.emit.verilog import make_design
from weft.matrix.config import MatrixUnitConfig


def array(rows, columns, activation="int4", weight="int4", **options):
    return MatrixUnitConfig(
        rows=rows,
        columns=columns,
        activation=activation,
        weight=weight,
        inner_product="packed",
        **options,
    )


SHAPES = {
    "18x18": array(18, 18, multiplier_stages=2, adder_stages=2),
    "2x1": array(2, 1, multiplier_stages=0),
    "2x5": array(2, 5, activation="uint4", weight="uint4"),
    "6x1": array(6, 1, activation="int3", weight="int6", adder_stages=3),
    "2x2": array(2, 2, multiplier_stages=3, adder_stages=4, accumulator_width=8),
    "8x16": array(8, 16, weight="int2"),
    "10x6": array(10, 6, activation="uint5", weight="uint5"),
    "34x3": array(34, 3, multiplier_stages=0, accumulator_width=9),
    "4x17": array(4, 17, activation="int5", weight="int5", soft_columns=3),
    "2x35": array(2, 35, activation="uint3", adder_stages=2),
    "4x2": array(4, 2, activation="int1", weight="uint1", multiplier_stages=4),
}


@on_simulators("config", SHAPES)
def test_packed_array(simulate, config):
    coroutines = [switches_every_r_cycles, loads_and_switches_at_any_legal_time]
    simulate(coroutines, PackedArray, **config.array.parameters)


def test_a_large_array_is_made_of_few_modules():
    """With 256 x 256 cells, only the field of cells is built of smaller modules."""
    config = array(256, 256)
    verilog = make_design("big", PackedArray, **config.array.parameters).verilog
    names = re.findall(r"(?m)^module (\w+)", verilog)
    assert len(names) == len(set(names)) < 15


@pytest.mark.parametrize("soft_columns", [0, 2])
def test_a_pair_of_rows_shares_hard_multipliers(soft_columns):
    config = array(4, 6, soft_columns=soft_columns, multiplier_stages=2)
    verilog = make_design("top", PackedArray, family="ecp5", **config.array.parameters).verilog
    cells = re.findall(r"(?m)^  \w+__packed_cell\w* cell_", verilog)
    # One row of cells is emitted, and instantiated for each pair of rows.
    assert len(cells) == config.columns - soft_columns
    assert verilog.count("MULT18X18D #") == 1


@cocotb.test(**TIMEOUT)
async def switches_every_r_cycles(dut):
    """The push of each tile starts in the cycle of the previous switch, and has no gaps."""
    await check_wave(dut, wave_without_gaps(randomness(), parameters()))


@cocotb.test(**TIMEOUT)
async def loads_and_switches_at_any_legal_time(dut):
    """There are gaps between pushes, tiles that wait, and tiles that stay in use."""
    await check_wave(dut, wave_with_gaps(randomness(), parameters()))


async def check_wave(dut, wave: Wave) -> None:
    array = parameters()
    latency = PackedArray.latency_of(array.arithmetic, rows=array.rows)
    end = wave.cycles + array.rows + array.columns + latency + 2
    await start(dut)
    trace = await play(dut, skewed(wave, array, end), ["sums_out"])
    compare_sums(trace["sums_out"], wave, array, latency)


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
