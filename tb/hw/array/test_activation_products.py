"""ActivationProducts: pairs pass to the first column, and their products are added up."""

import cocotb

from benches.bits import gather_parts, in_parts, join, operand
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.array.activation_products import ActivationProducts
from weft.array.pairs import operand_shape
from weft.matrix.config import MatrixUnitConfig

CYCLES = 600
CONFIGS = {
    "int8": MatrixUnitConfig(adder_stages=2),
    "uint8": MatrixUnitConfig(activation="uint8", multiplier_stages=0),
    "int3 that wraps": MatrixUnitConfig(
        activation="int3", weight="int16", accumulator_width=8, multiplier_stages=3
    ),
}


@on_simulators("config", CONFIGS)
def test_activation_products(simulate, config):
    simulate([adds_up_products], ActivationProducts, arithmetic=config.arithmetic)


@cocotb.test(**TIMEOUT)
async def adds_up_products(dut):
    """One pair per cycle, each product in the exact cycle, added to a sum that comes in parts."""
    arithmetic, source = parameters().arithmetic, randomness()
    widths, modulus = arithmetic.sum_parts, 1 << arithmetic.sum_width
    pairs = [[operand(source, arithmetic.activation) for _ in range(2)] for _ in range(CYCLES)]
    sums = [source.choice([0, -1, source.randrange(modulus)]) for _ in range(CYCLES)]
    adder = 1 + arithmetic.multiplier_stages
    end = CYCLES + adder + len(widths) + 1
    stimuli = [{"activations": 0, "sum_in": 0} for _ in range(end)]
    for n, (pair, total) in enumerate(zip(pairs, sums, strict=True)):
        stimuli[n]["activations"] = join(pair, arithmetic.activation.width)
        for part, bits in enumerate(in_parts(total, widths)):
            stimuli[n + adder + part]["sum_in"] |= bits
    await start(dut)
    trace = await play(dut, stimuli, ["pair", "sum_out"])
    width, late = operand_shape(arithmetic).width, ActivationProducts.latency
    expected = [join(pair, width) for pair in pairs]
    compare("pair", trace["pair"][late : late + CYCLES], expected)
    expected = [(a * b + total) % modulus for (a, b), total in zip(pairs, sums, strict=True)]
    got = [gather_parts(trace["sum_out"], n + adder + 1, widths) for n in range(CYCLES)]
    compare("sum_out", got, expected)
