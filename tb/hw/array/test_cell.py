"""Cell: exact products, the shadow weight, and the cycle in which each takes effect."""

import random

import cocotb
import pytest

from benches.bits import gather_parts, in_parts, operand
from benches.cells import (
    ROW_CONTROL,
    Cells,
    held_weights,
    prefixes,
    random_control,
    sum_latency,
)
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_icarus, on_simulators
from weft.array.arithmetic import Arithmetic
from weft.array.cell import Cell, SoftCell
from weft.emit.verilog import make_design
from weft.matrix.config import MatrixUnitConfig

CYCLES = 1500
OUTPUTS = ("activation_out", "weight_out", "sum_out")


def cell(activation, weight, multiplier_stages, adder_stages, rows=16, accumulator_width=32):
    return MatrixUnitConfig(
        rows=rows,
        activation=activation,
        weight=weight,
        multiplier_stages=multiplier_stages,
        adder_stages=adder_stages,
        accumulator_width=accumulator_width,
    )


CONFIGS = {
    "int8-int8": cell("int8", "int8", 1, 1),
    "uint8-int8": cell("uint8", "int8", 0, 1),
    "int8-uint8": cell("int8", "uint8", 2, 1),
    "uint8-uint8": cell("uint8", "uint8", 3, 1),
    "int1-int1": cell("int1", "int1", 0, 4, rows=1),
    "uint1-uint1": cell("uint1", "uint1", 1, 2, rows=3),
    "int1-uint16": cell("int1", "uint16", 2, 3),
    "uint16-int1": cell("uint16", "int1", 3, 4),
    "int16-int16": cell("int16", "int16", 1, 4, rows=256, accumulator_width=64),
    "uint16-uint16": cell("uint16", "uint16", 1, 2, rows=256, accumulator_width=64),
    "int16-uint3": cell("int16", "uint3", 4, 2),
    "uint5-int12": cell("uint5", "int12", 0, 3, rows=7),
    "int4-int4": cell("int4", "int4", 2, 4, rows=5),
    "int2-uint7": cell("int2", "uint7", 1, 1),
    "uint6-int9": cell("uint6", "int9", 2, 2, rows=31),
    "int10-uint11": cell("int10", "uint11", 0, 4, rows=100),
    "uint13-int14": cell("uint13", "int14", 3, 3, rows=2),
    "int15-uint2": cell("int15", "uint2", 0, 1, rows=1),
    "wrapping-int8": cell("int8", "int8", 1, 3, rows=200, accumulator_width=8),
    "wrapping-uint16": cell("uint16", "uint16", 0, 2, rows=200, accumulator_width=20),
}


@on_simulators("config", CONFIGS)
def test_cells(simulate, config):
    kinds = {"plain": Cell, "soft": SoftCell}
    simulate([passes_on_and_multiplies], Cells, **kinds, arithmetic=config.arithmetic)


ECP5 = {
    "int16-int16": CONFIGS["int16-int16"],
    "uint16-uint16": CONFIGS["uint16-uint16"],
    **{f"int8-int8-{stages}": cell("int8", "int8", stages, 1) for stages in range(5)},
    **{f"int16-uint16-{stages}": cell("int16", "uint16", stages, 2) for stages in range(4)},
}


@on_icarus
@pytest.mark.parametrize("config", ECP5.values(), ids=ECP5)
def test_cell_of_ecp5(simulate, config):
    """With a hard multiplier, outputs are the same in every bit and cycle."""
    simulate([passes_on_and_multiplies], Cell, arithmetic=config.arithmetic, family="ecp5")


@pytest.mark.large
@on_icarus
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_cell_of_ecp5(simulate, config):
    simulate([passes_on_and_multiplies], Cell, arithmetic=config.arithmetic, family="ecp5")


@pytest.mark.parametrize(
    "component, family, blocks", [(Cell, "ecp5", 1), (Cell, None, 0), (SoftCell, "ecp5", 0)]
)
def test_hard_multipliers_are_used_where_available(component, family, blocks):
    arithmetic = MatrixUnitConfig().arithmetic
    design = make_design("top", component, family=family, arithmetic=arithmetic)
    assert design.verilog.count("MULT18X18D #") == blocks


@cocotb.test(**TIMEOUT)
async def passes_on_and_multiplies(dut):
    """Checks every output in every cycle; loads and switches come in any cycle, also together."""
    arithmetic = parameters().arithmetic
    source = randomness()
    inputs = [random_inputs(source, arithmetic) for _ in range(CYCLES)]
    # The registers of a cell are not reset: fill both weights first.
    for cycle, name in enumerate(("load", "switch")):
        inputs[cycle] |= {name: 1, ROW_CONTROL[name]: 1}

    await start(dut)
    names = [f"{prefix}{name}" for prefix in prefixes() for name in OUTPUTS]
    trace = await play(dut, to_ports(inputs, arithmetic), names)
    for prefix in prefixes():
        check({name: trace[f"{prefix}{name}"] for name in OUTPUTS}, inputs, arithmetic, prefix)


def check(trace, inputs, arithmetic: Arithmetic, prefix: str):
    """Compare the outputs of a cell with the inputs; `prefix` is for messages."""
    width = arithmetic.activation.width
    expected = [cycle["activation_in"] % (1 << width) for cycle in inputs[:-1]]
    got = trace["activation_out"][1:]
    compare(f"{prefix}activation_out", got, expected, range(1, CYCLES))

    shadows, weights = held_weights(inputs)
    expected = [value % (1 << arithmetic.weight.width) for value in shadows[1:]]
    compare(f"{prefix}weight_out", trace["weight_out"][1:], expected, range(1, CYCLES))

    latency = sum_latency(arithmetic)
    cycles = range(1, CYCLES - latency - len(arithmetic.sum_parts))
    modulus = 1 << arithmetic.sum_width
    expected = [
        (inputs[n]["activation_in"] * weights[n] + inputs[n]["sum"]) % modulus for n in cycles
    ]
    got = [gather_parts(trace["sum_out"], n + latency, arithmetic.sum_parts) for n in cycles]
    compare(f"{prefix}sum_out", got, expected, [n + latency for n in cycles])


def random_inputs(source: random.Random, arithmetic: Arithmetic) -> dict[str, int]:
    """Return the inputs of one cycle; `sum` is the partial sum for the activation of this cycle."""
    return {
        "activation_in": operand(source, arithmetic.activation),
        "weight_in": operand(source, arithmetic.weight),
        **random_control(source),
        "sum": source.choice([0, -1, source.getrandbits(arithmetic.sum_width)]),
    }


def to_ports(inputs, arithmetic: Arithmetic) -> list[dict[str, int]]:
    """Return the values of the ports by cycle: part p of a sum comes p cycles after part 0."""
    ports = [
        {
            "activation_in": cycle["activation_in"] % (1 << arithmetic.activation.width),
            "weight_in": cycle["weight_in"] % (1 << arithmetic.weight.width),
            **{name: int(cycle[name]) for names in ROW_CONTROL.items() for name in names},
            "sum_in": 0,
        }
        for cycle in inputs
    ]
    for n, cycle in enumerate(inputs):
        for part, bits in enumerate(in_parts(cycle["sum"], arithmetic.sum_parts)):
            at = n + sum_latency(arithmetic) - 1 + part
            if at < len(ports):
                ports[at]["sum_in"] |= bits
    return ports
