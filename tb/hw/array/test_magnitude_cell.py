"""MagnitudeCell: exact signed products of magnitudes, and NaN that stays in the sum."""

import random

import cocotb
import pytest

from benches.bits import gather_parts, in_parts
from benches.cells import ROW_CONTROL, held_weights, random_control, sum_latency
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_icarus, on_simulators
from weft.array.magnitude_cell import MagnitudeCell, SoftMagnitudeCell
from weft.emit.verilog import make_design
from weft.matrix.config import MatrixUnitConfig
from weft.sign_magnitude import SignMagnitude

CYCLES = 1500
NAN = None


def cell(activation, weight, multiplier_stages, adder_stages, rows=16):
    return MatrixUnitConfig(
        rows=rows,
        activation=f"float{activation}",  # type: ignore[arg-type]
        weight=f"float{weight}",  # type: ignore[arg-type]
        multiplier_stages=multiplier_stages,
        adder_stages=adder_stages,
    )


CONFIGS = {
    "e4m3-e4m3": cell("8_e4m3fn", "8_e4m3fn", 1, 1),
    "e4m3-e2m1": cell("8_e4m3fn", "4_e2m1fn", 0, 3),
    "e3m2-e4m3": cell("6_e3m2fn", "8_e4m3fn", 3, 2, rows=256),
    "e4m3-e2m3": cell("8_e4m3fn", "6_e2m3fn", 2, 4, rows=1),
}


@on_simulators("config", CONFIGS)
def test_magnitude_cell(simulate, config):
    simulate([passes_on_and_multiplies], MagnitudeCell, arithmetic=config.arithmetic)


@on_simulators("config", CONFIGS)
def test_soft_magnitude_cell(simulate, config):
    simulate([passes_on_and_multiplies], SoftMagnitudeCell, arithmetic=config.arithmetic)


ECP5 = {f"{stages} stages": cell("8_e4m3fn", "8_e4m3fn", stages, 1) for stages in range(5)}


@on_icarus
@pytest.mark.parametrize("config", ECP5.values(), ids=ECP5)
def test_magnitude_cell_of_ecp5(simulate, config):
    """With a hard multiplier, outputs are the same in every bit and cycle."""
    simulate([passes_on_and_multiplies], MagnitudeCell, arithmetic=config.arithmetic, family="ecp5")


@pytest.mark.parametrize("component, blocks", [(MagnitudeCell, 1), (SoftMagnitudeCell, 0)])
def test_one_hard_multiplier_is_used(component, blocks):
    arithmetic = CONFIGS["e4m3-e4m3"].arithmetic
    design = make_design("top", component, family="ecp5", arithmetic=arithmetic)
    assert design.verilog.count("MULT18X18D #") == blocks


def draw(source: random.Random, number: SignMagnitude) -> int | None:
    """Return a random operand: an extreme, any number, or sometimes NaN."""
    if source.random() < 0.1:
        return NAN
    if source.random() < 0.3:
        return source.choice([number.maximum, number.minimum, 0, 1, -1])
    return source.randint(number.minimum, number.maximum)


def bits_of(number: SignMagnitude, value: int | None) -> int:
    width = number.magnitude_width
    if value is NAN:
        return 2 << width
    return abs(value) | (value < 0) << width


@cocotb.test(**TIMEOUT)
async def passes_on_and_multiplies(dut):
    """Checks every output in every cycle; loads and switches come in any cycle, also together."""
    arithmetic, source = parameters().arithmetic, randomness()
    first, second = arithmetic.activation, arithmetic.weight
    inputs = [
        {
            "activation_in": draw(source, first),
            "weight_in": draw(source, second),
            **random_control(source),
            "sum": source.choice([0, -1, source.getrandbits(arithmetic.sum_width)]),
            "flag": source.random() < 0.1,
        }
        for _ in range(CYCLES)
    ]
    # The registers of a cell are not reset: fill both weights first.
    for cycle, name in enumerate(("load", "switch")):
        inputs[cycle] |= {name: 1, ROW_CONTROL[name]: 1}
    await start(dut)
    names = ("activation_out", "weight_out", "sum_out")
    trace = await play(dut, to_ports(inputs, arithmetic), names)

    expected = [bits_of(first, cycle["activation_in"]) for cycle in inputs[:-1]]
    compare("activation_out", trace["activation_out"][1:], expected, range(1, CYCLES))
    shadows, weights = held_weights(inputs)
    expected = [bits_of(second, value) for value in shadows[3:]]
    compare("weight_out", trace["weight_out"][3:], expected, range(3, CYCLES))

    latency = sum_latency(arithmetic)
    cycles = range(3, CYCLES - latency - len(arithmetic.sum_parts))
    modulus = 1 << arithmetic.sum_width
    sums, flags = [], []
    for n in cycles:
        operands = inputs[n]["activation_in"], weights[n]
        product = 0 if NAN in operands else operands[0] * operands[1]
        sums.append((product + inputs[n]["sum"]) % modulus)
        flags.append(int(NAN in operands or inputs[n]["flag"]))
    totals = [bits >> 1 for bits in trace["sum_out"]]
    got = [gather_parts(totals, n + latency, arithmetic.sum_parts) for n in cycles]
    compare("sum_out", got, sums, [n + latency for n in cycles])
    compare("flag", [trace["sum_out"][n + latency] & 1 for n in cycles], flags)


def to_ports(inputs, arithmetic) -> list[dict[str, int]]:
    """Return the values of the ports by cycle: part p of a sum comes p cycles after part 0."""
    ports = [
        {
            "activation_in": bits_of(arithmetic.activation, cycle["activation_in"]),
            "weight_in": bits_of(arithmetic.weight, cycle["weight_in"]),
            **{name: int(cycle[name]) for names in ROW_CONTROL.items() for name in names},
            "sum_in": 0,
        }
        for cycle in inputs
    ]
    for n, cycle in enumerate(inputs):
        first = n + sum_latency(arithmetic) - 1
        for part, bits in enumerate(in_parts(cycle["sum"], arithmetic.sum_parts)):
            if first + part < len(ports):
                ports[first + part]["sum_in"] |= bits << 1
        if first < len(ports):
            ports[first]["sum_in"] |= int(cycle["flag"])
    return ports
