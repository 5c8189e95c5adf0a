"""FastCell: two products from one multiplication, and the cycle in which weights take effect."""

import random

import cocotb

from benches.bits import gather_parts, in_parts, join, operand
from benches.cells import Cells, prefixes
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.array.arithmetic import Arithmetic
from weft.array.fast_cell import FastCell, SoftFastCell
from weft.array.pairs import difference_shape, operand_shape
from weft.formats import IntegerFormat
from weft.matrix.config import MatrixUnitConfig

CYCLES = 1500
OUTPUTS = ("activation_out", "weight_out", "sum_out")
# Control of a cell, and the corresponding control of its row.
ROW_CONTROL = {"load": "row_loads", "switch": "row_switches"}


def cell(activation, weight, multiplier_stages, adder_stages, **options):
    return MatrixUnitConfig(
        activation=activation,
        weight=weight,
        multiplier_stages=multiplier_stages,
        adder_stages=adder_stages,
        inner_product="fast",
        **options,
    )


CONFIGS = {
    "int8-int8": cell("int8", "int8", 1, 1),
    "uint8-int8": cell("uint8", "int8", 0, 1),
    "int8-uint8": cell("int8", "uint8", 2, 2),
    "uint8-uint8": cell("uint8", "uint8", 3, 1),
    "int1-int1": cell("int1", "int1", 0, 4, rows=2),
    "uint1-uint1": cell("uint1", "uint1", 1, 2, rows=4),
    "int1-uint16": cell("int1", "uint16", 2, 3),
    "uint16-int1": cell("uint16", "int1", 4, 4),
    "int16-int16": cell("int16", "int16", 1, 4, rows=256, accumulator_width=64),
    "uint16-uint16": cell("uint16", "uint16", 0, 2, rows=256, accumulator_width=64),
    "uint5-int12": cell("uint5", "int12", 0, 3, rows=8),
    "wrapping-int8": cell("int8", "int8", 1, 3, rows=200, accumulator_width=8),
    "wrapping-uint16": cell("uint16", "uint16", 2, 2, rows=200, accumulator_width=20),
}


@on_simulators("config", CONFIGS)
def test_fast_cells(simulate, config):
    kinds = {"plain": FastCell, "soft": SoftFastCell}
    simulate([passes_on_and_multiplies], Cells, **kinds, arithmetic=config.arithmetic)


def test_widths_hold_every_sum_and_difference():
    """An activation plus a weight and the difference of two weights fit, without excess bits."""
    for config in CONFIGS.values():
        activation, weight = config.arithmetic.activation, config.arithmetic.weight
        low, high = activation.minimum + weight.minimum, activation.maximum + weight.maximum
        half = 1 << (operand_shape(config.arithmetic).width - 1)
        assert -half <= low and high < half
        assert low < -(half // 2) or high >= half // 2
        half = 1 << (difference_shape(config.arithmetic).width - 1)
        assert weight.maximum - weight.minimum < half


@cocotb.test(**TIMEOUT)
async def passes_on_and_multiplies(dut):
    """Checks every output in every cycle; loads and switches come in any cycle, also together."""
    arithmetic = parameters().arithmetic
    source = randomness()
    inputs = [random_inputs(source, arithmetic) for _ in range(CYCLES)]
    # The registers of a cell are not reset: fill all weights first.
    for cycle, name in enumerate(("load", "load", "switch")):
        inputs[cycle] |= {name: 1, ROW_CONTROL[name]: 1}

    await start(dut)
    names = [f"{prefix}{name}" for prefix in prefixes() for name in OUTPUTS]
    trace = await play(dut, to_ports(inputs, arithmetic), names)
    for prefix in prefixes():
        check({name: trace[f"{prefix}{name}"] for name in OUTPUTS}, inputs, arithmetic, prefix)


def check(trace, inputs, arithmetic: Arithmetic, prefix: str):
    """Compare the outputs of a cell with the inputs; `prefix` is for messages."""
    shadows, weights = held_weights(inputs)
    width = operand_shape(arithmetic).width
    cycles = range(3, CYCLES - sum_latency(arithmetic) - len(arithmetic.sum_parts))
    pairs = [
        (inputs[n]["first"] + weights[n][1], inputs[n]["second"] + weights[n][0]) for n in cycles
    ]
    got = [trace["activation_out"][n + 1] for n in cycles]
    expected = [join(pair, width) for pair in pairs]
    compare(f"{prefix}activation_out", got, expected, [n + 1 for n in cycles])

    mask = (1 << difference_shape(arithmetic).width) - 1
    got = [trace["weight_out"][n] for n in cycles]
    compare(f"{prefix}weight_out", got, [shadows[n][1] & mask for n in cycles], cycles)

    latency = sum_latency(arithmetic)
    modulus = 1 << arithmetic.sum_width
    expected = [
        (wrapped(first, width) * wrapped(second, width) + inputs[n]["sum"]) % modulus
        for n, (first, second) in zip(cycles, pairs, strict=True)
    ]
    got = [gather_parts(trace["sum_out"], n + latency, arithmetic.sum_parts) for n in cycles]
    compare(f"{prefix}sum_out", got, expected, [n + latency for n in cycles])


def wrapped(number: int, width: int) -> int:
    """Return a number modulo 2**width, as a signed number."""
    half = 1 << (width - 1)
    return (number + half) % (2 * half) - half


def random_inputs(source: random.Random, arithmetic: Arithmetic) -> dict[str, int]:
    """Return the inputs of one cycle; `sum` is the partial sum for the product of this cycle.

    The other cells of the row load and switch too, so the control of the row is high more often.
    """
    control = {}
    for name, of_row in ROW_CONTROL.items():
        control[name] = source.random() < 0.4
        control[of_row] = control[name] or source.random() < 0.5
    operands = IntegerFormat(operand_shape(arithmetic).width)
    return {
        "first": operand(source, operands),
        "second": operand(source, operands),
        "weight_in": operand(source, IntegerFormat(difference_shape(arithmetic).width)),
        **control,
        "sum": source.choice([0, -1, source.getrandbits(arithmetic.sum_width)]),
    }


def sum_latency(arithmetic: Arithmetic) -> int:
    """Return the cycles from a pair to the first part of its sum."""
    operand_register = sum_register = 1
    return operand_register + arithmetic.multiplier_stages + sum_register


def held_weights(inputs) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the shadows and the weights in use in each cycle, the upper one first."""
    shadow, weight = (0, 0), (0, 0)
    shadows, weights = [], []
    for cycle in inputs:
        shadows.append(shadow)
        weights.append(weight)
        if cycle["switch"]:
            weight = shadow
        if cycle["load"]:
            shadow = cycle["weight_in"], shadow[0]
    return shadows, weights


def to_ports(inputs, arithmetic: Arithmetic) -> list[dict[str, int]]:
    """Return the values of the ports by cycle: part p of a sum comes p cycles after part 0."""
    width = operand_shape(arithmetic).width
    ports = [
        {
            "activation_in": join((cycle["first"], cycle["second"]), width),
            "weight_in": cycle["weight_in"] % (1 << difference_shape(arithmetic).width),
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
