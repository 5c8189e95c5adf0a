"""PackedCell: two exact products from one multiplication, and when weights take effect."""

import itertools

import cocotb
import numpy as np
import pytest

from benches.bits import gather_parts, in_parts, operand, pack, to_signed
from benches.cells import ROW_CONTROL, random_control, sum_latency
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_icarus, on_simulators
from weft.array.packed_cell import PackedCell, SoftPackedCell, packed_layout, spacing_of
from weft.emit.verilog import make_design
from weft.matrix.config import MatrixUnitConfig

CYCLES = 1500
NUMBERS = range(-8, 8)


def cell(activation, weight, multiplier_stages, adder_stages, rows=16):
    return MatrixUnitConfig(
        rows=rows,
        activation=activation,
        weight=weight,
        multiplier_stages=multiplier_stages,
        adder_stages=adder_stages,
    )


CONFIGS = {
    "int4-int4": cell("int4", "int4", 1, 1),
    "int4-uint4": cell("int4", "uint4", 0, 1),
    "uint4-int4": cell("uint4", "int4", 2, 2),
    "uint4-uint4": cell("uint4", "uint4", 3, 1),
    "int5-int5": cell("int5", "int5", 2, 1, rows=64),
    "int4-uint1": cell("int4", "uint1", 1, 1),
    "int1-uint2": cell("int1", "uint2", 1, 3, rows=2),
}


def products(first, second, spacing):
    """The definition: a0 w0 + a1 w1 from one product of two packed operands, and its spacing.

    Parameters
    ----------
    first, second : pairs of ndarray of int64
        (a0, a1) and (w0, w1).
    """
    (a0, a1), (w0, w1) = first, second
    product = (a1 * 2**spacing + a0) * (w0 * 2**spacing + w1)
    # The low field, a0 w1, is negative if its highest bit is set; the middle is then one too low.
    middle = (product >> spacing) % 2**spacing + (product >> spacing - 1) % 2
    half = 1 << spacing - 1
    return (middle + half) % (2 * half) - half


@pytest.mark.parametrize("name", CONFIGS)
def test_the_definition_is_exact_for_every_case(name):
    arithmetic = CONFIGS[name].arithmetic
    first, second = (
        np.arange(number.minimum, number.maximum + 1)
        for number in (arithmetic.activation, arithmetic.weight)
    )
    a0, a1, w0, w1 = np.meshgrid(first, first, second, second)
    got = products((a0, a1), (w0, w1), spacing_of(arithmetic))
    assert np.array_equal(got, a0 * w0 + a1 * w1)


def test_operands_fit_the_multiplier():
    """int4 takes 14 bits; int5, to which float4_e2m1fn is decoded, 17."""
    for number, width in ("int4", 14), ("int5", 17):
        arithmetic = cell(number, number, 1, 1).arithmetic
        assert spacing_of(arithmetic) + arithmetic.weight.width + 1 == width


@on_icarus
@pytest.mark.parametrize("family", [None, "ecp5"])
def test_every_product_of_int4(simulate, family):
    arithmetic = cell("int4", "int4", 2, 1).arithmetic
    simulate([multiplies_every_pair], PackedCell, arithmetic=arithmetic, family=family)


@on_simulators("config", CONFIGS)
def test_packed_cell(simulate, config):
    simulate([passes_on_and_multiplies], PackedCell, arithmetic=config.arithmetic)


@on_simulators("config", CONFIGS)
def test_soft_packed_cell(simulate, config):
    simulate([passes_on_and_multiplies], SoftPackedCell, arithmetic=config.arithmetic)


@pytest.mark.parametrize("component, blocks", [(PackedCell, 1), (SoftPackedCell, 0)])
def test_one_hard_multiplier_is_used(component, blocks):
    arithmetic = CONFIGS["int4-int4"].arithmetic
    design = make_design("top", component, family="ecp5", arithmetic=arithmetic)
    assert design.verilog.count("MULT18X18D #") == blocks


@cocotb.test(timeout_time=2_000_000, timeout_unit="ns")
async def multiplies_every_pair(dut):
    """All 65,536 combinations of two activations and two weights, one per cycle."""
    arithmetic = parameters().arithmetic
    pairs = list(itertools.product(NUMBERS, NUMBERS))
    latency = sum_latency(arithmetic)
    await start(dut)
    for weights in pairs:
        # While the activations of one pair of weights pass, those of the next are loaded.
        loads = [
            {"load": 1, "row_loads": 1, "weight_in": number % 32} for number in packed_pair(weights)
        ]
        await play(dut, loads, ())
        idle = {"load": 0, "row_loads": 0}
        stimuli = [
            {**idle, **switch(first == pairs[0]), "activation_in": packed_bits(first, arithmetic)}
            for first in pairs
        ]
        trace = await play(dut, stimuli + [switch(False)] * latency, ["sum_out"])
        width = arithmetic.sum_width
        got = [to_signed(total, width) for total in trace["sum_out"][latency:]]
        expected = [first[0] * weights[0] + first[1] * weights[1] for first in pairs]
        compare(f"weights {weights}: sum_out", got, expected)


def switch(on: bool) -> dict[str, int]:
    return {"switch": int(on), "row_switches": int(on)}


def packed_pair(pair) -> tuple[int, int]:
    """Return what the shadow chain gets for two weights, in its order: the lower one first."""
    upper, lower = pair
    return lower, upper - (lower < 0)


def packed_bits(pair, arithmetic) -> int:
    first, second = pair
    return pack(packed_layout(arithmetic.activation), low=first, high=second - (first < 0))


@cocotb.test(**TIMEOUT)
async def passes_on_and_multiplies(dut):
    """Checks every output in every cycle; loads and switches come in any cycle, also together."""
    arithmetic, source = parameters().arithmetic, randomness()
    first, second = arithmetic.activation, arithmetic.weight
    inputs = [
        {
            "activations": (operand(source, first), operand(source, first)),
            "weights": (operand(source, second), operand(source, second)),
            **random_control(source),
            "sum": source.choice([0, -1, source.getrandbits(arithmetic.sum_width)]),
        }
        for _ in range(CYCLES)
    ]
    # A pair of weights comes in two loads, the lower one first; a switch never divides it.
    for cycle, given in enumerate(inputs):
        if cycle % 2:
            given |= {name: inputs[cycle - 1][name] for name in ("weights", "load", "row_loads")}
            given |= {"switch": False, "row_switches": False}
    # The registers of a cell are not reset: fill all weights first.
    for cycle, name in enumerate(("load", "load", "switch")):
        inputs[cycle] |= {name: 1, ROW_CONTROL[name]: 1}
    await start(dut)
    names = ("activation_out", "weight_out", "sum_out")
    trace = await play(dut, to_ports(inputs, arithmetic), names)

    expected = [packed_bits(cycle["activations"], arithmetic) for cycle in inputs[:-1]]
    compare("activation_out", trace["activation_out"][1:], expected, range(1, CYCLES))
    shadows, weights = held_pairs(inputs)
    mask = (1 << second.width + 1) - 1
    expected = [low & mask for low, _ in shadows[2:]]
    compare("weight_out", trace["weight_out"][2:], expected, range(2, CYCLES))

    latency, modulus = sum_latency(arithmetic), 1 << arithmetic.sum_width
    cycles = range(2, CYCLES - latency - len(arithmetic.sum_parts))
    sums = []
    for n in cycles:
        (a0, a1), (w0, w1) = inputs[n]["activations"], weights[n]
        sums.append((a0 * w0 + a1 * w1 + inputs[n]["sum"]) % modulus)
    got = [gather_parts(trace["sum_out"], n + latency, arithmetic.sum_parts) for n in cycles]
    compare("sum_out", got, sums, [n + latency for n in cycles])


def held_pairs(inputs) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the shadows (lower, upper) in each cycle, and the weights for its activations."""
    shadow, pair, weight = (0, 0), (0, 0), (0, 0)
    shadows, weights = [], []
    for cycle, given in enumerate(inputs):
        shadows.append(shadow)
        if given["switch"]:
            weight = pair
        weights.append(weight)
        if given["load"]:
            shadow = shadow[1], packed_pair(given["weights"])[cycle % 2]
            pair = given["weights"]
    return shadows, weights


def to_ports(inputs, arithmetic) -> list[dict[str, int]]:
    """Return the values of the ports by cycle: part p of a sum comes p cycles after part 0."""
    mask = (1 << arithmetic.weight.width + 1) - 1
    ports = [
        {
            "activation_in": packed_bits(given["activations"], arithmetic),
            "weight_in": packed_pair(given["weights"])[cycle % 2] & mask,
            **{name: int(given[name]) for names in ROW_CONTROL.items() for name in names},
            "sum_in": 0,
        }
        for cycle, given in enumerate(inputs)
    ]
    for n, given in enumerate(inputs):
        for part, bits in enumerate(in_parts(given["sum"], arithmetic.sum_parts)):
            at = n + sum_latency(arithmetic) - 1 + part
            if at < len(ports):
                ports[at]["sum_in"] |= bits
    return ports
