"""FastArray: exact inner products in exact cycles, and proofs for narrow formats."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import cocotb
import numpy as np
import pytest
from cocotb.triggers import FallingEdge, Timer

from benches.bits import gather_parts, join, operand, split
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, read, start
from benches.runner import on_simulators, whole_yosys
from weft.array.activation_correction import ActivationCorrection
from weft.array.fast_array import FastArray
from weft.array.pairs_check import PairsCheck
from weft.blocks.chain import FLAT_LINKS
from weft.emit.verilog import make_design
from weft.hierarchy import cut, numbers_below
from weft.matrix.config import TPU_V1, MatrixUnitConfig

TILES = 12
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


@cocotb.test(**TIMEOUT)
async def switches_every_r_cycles(dut):
    """The push of each tile starts in the cycle of the previous switch, and has no gaps."""
    array = parameters()
    pushes = np.arange(TILES * array.rows).reshape(TILES, array.rows)
    await check_wave(dut, random_wave(randomness(), array, pushes, waits=[0] * TILES))


@cocotb.test(**TIMEOUT)
async def loads_and_switches_at_any_legal_time(dut):
    """There are gaps between pushes, tiles that wait, and tiles that stay in use."""
    array = parameters()
    source = randomness()
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
    await check_wave(dut, random_wave(source, array, np.array(pushes), waits))


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

    width = arithmetic.sum_width
    in_use = wave.tiles[np.cumsum(wave.switches) - 1]
    lanes = list(zip(*(split(word, width, columns) for word in trace["sums_out"]), strict=True))
    cycles = range(int(np.flatnonzero(wave.switches)[0]), wave.cycles)
    got = [
        [
            gathered(lanes[column], n + latency + column, arithmetic.sum_parts)
            for column in range(columns)
        ]
        for n in cycles
    ]
    expected = [wave.activations[n] @ in_use[n] % (1 << width) for n in cycles]
    compare("sums_out", got, expected, [n + latency for n in cycles])
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


# Two rows and two columns; every two cycles a tile is loaded, and it stays for two rows.
PROOF = """
module proof(
  input clk, input {activation} [{a}:0] a0, a1, input {weight} [{w}:0] left, right, output good
);
  (* keep *) reg second = 0;
  always @(posedge clk) second <= ~second;

  // The tile that is being loaded, row 1 first, and the tile in use.
  reg {weight} [{w}:0] left1, right1, left0, right0, use_left0, use_left1, use_right0, use_right1;
  reg [{w}:0] late_right;
  always @(posedge clk) begin
    late_right <= right;
    if (second) begin
      left0 <= left; right0 <= right;
    end else begin
      left1 <= left; right1 <= right;
    end
  end
  wire {weight} [{w}:0] l0 = second ? use_left0 : left0, l1 = second ? use_left1 : left1;
  wire {weight} [{w}:0] r0 = second ? use_right0 : right0, r1 = second ? use_right1 : right1;
  always @(posedge clk) begin
    use_left0 <= l0; use_left1 <= l1; use_right0 <= r0; use_right1 <= r1;
  end

  // The expected sums, delayed by the latency.
  wire signed [{s}:0] x0 = a0, x1 = a1, y0 = l0, y1 = l1, z0 = r0, z1 = r1;
  wire [{s}:0] left_sum = x0 * y0 + x1 * y1, right_sum = x0 * z0 + x1 * z1;
  reg [{s}:0] expected_left [0:{latency}], expected_right [0:{latency}];
  integer i;
  always @(posedge clk) begin
    expected_left[0] <= left_sum; expected_right[0] <= right_sum;
    for (i = 1; i <= {latency}; i = i + 1) begin
      expected_left[i] <= expected_left[i - 1]; expected_right[i] <= expected_right[i - 1];
    end
  end

  wire [{s}:0] got_left, got_right;
  array array(
    .clk(clk), .activations_in({{a1, a0}}), .switches_in(~second), .loads_in({{second, 1'b1}}),
    .weights_in({{late_right, left}}), .sums_out({{got_right, got_left}})
  );
  assign good = got_left == expected_left[{latency} - 1] && got_right == expected_right[{latency}];
endmodule
"""
PROVEN = {
    "int3-int3": array(2, 2, activation="int3", weight="int3"),
    "uint2-int3": array(2, 2, activation="uint2", weight="int3", multiplier_stages=0),
    "int3-uint2": array(2, 2, activation="int3", weight="uint2", multiplier_stages=2),
    "uint2-uint2": array(2, 2, activation="uint2", weight="uint2", multiplier_stages=3),
    "int1-uint1": array(2, 2, activation="int1", weight="uint1", accumulator_width=8),
}


@pytest.mark.parametrize("config", PROVEN.values(), ids=PROVEN)
def test_is_the_inner_product_for_all_operands(config, tmp_path):
    """This holds from any state of the registers, and for all tiles and rows before and after."""
    prove(config, make_design("array", FastArray, **config.array.parameters).verilog, tmp_path)


def prove(config: MatrixUnitConfig, verilog: str, directory) -> None:
    """Unroll the load of a tile and the rows that use it, with every number symbolic."""
    latency = FastArray.latency_of(config.arithmetic, rows=config.rows)
    harness = PROOF.format(
        activation="signed" if config.arithmetic.activation.signed else "",
        weight="signed" if config.arithmetic.weight.signed else "",
        a=config.arithmetic.activation.width - 1,
        w=config.arithmetic.weight.width - 1,
        s=config.arithmetic.sum_width - 1,
        latency=latency,
    )
    path = directory / "proof.v"
    path.write_text(verilog + harness)
    # The row of cycle 2 is the first one that uses a tile loaded since the start. Its sum is on the
    # left after the latency, and on the right one cycle later.
    skipped = 2 + latency + 1
    whole_yosys(
        f"read_verilog {path}",
        "hierarchy -top proof",
        "proc; flatten; memory_map; opt_clean",
        "setattr -unset init w:* w:second %d",
        f"sat -verify -seq {skipped + 2} -prove good 1 -prove-skip {skipped} proof",
    )
