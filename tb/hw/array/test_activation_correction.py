"""ActivationCorrection: the products of a row are subtracted from its sum, and passed on."""

import cocotb

from benches.bits import gather_parts, in_parts
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.array.activation_correction import ActivationCorrection
from weft.matrix.config import MatrixUnitConfig

CYCLES = 600
CONFIGS = {
    f"{width} bits in {stages}": MatrixUnitConfig(accumulator_width=width, adder_stages=stages)
    for width, stages in ((20, 1), (8, 2), (19, 4))
}


@on_simulators("config", CONFIGS)
def test_activation_correction(simulate, config):
    simulate([corrects_every_sum], ActivationCorrection, arithmetic=config.arithmetic)


@cocotb.test(**TIMEOUT)
async def corrects_every_sum(dut):
    """The products of cycle t belong to the sum of cycle t + 1; both come in parts."""
    arithmetic, source = parameters().arithmetic, randomness()
    widths, modulus = arithmetic.sum_parts, 1 << arithmetic.sum_width
    sums, products = (
        [source.choice([0, 1, modulus - 1, source.randrange(modulus)]) for _ in range(CYCLES)]
        for _ in range(2)
    )
    stimuli = [{"products_in": 0, "sum": 0} for _ in range(CYCLES + len(widths) + 3)]
    for n in range(CYCLES):
        for part, bits in enumerate(in_parts(products[n], widths)):
            stimuli[n + part]["products_in"] |= bits
        for part, bits in enumerate(in_parts(sums[n], widths)):
            stimuli[n + 1 + part]["sum"] |= bits
    await start(dut)
    trace = await play(dut, stimuli, ["products_out", "corrected"])
    got = [gather_parts(trace["products_out"], n + 1, widths) for n in range(CYCLES)]
    compare("products_out", got, products)
    corrected = 1 + ActivationCorrection.latency
    got = [gather_parts(trace["corrected"], n + corrected, widths) for n in range(CYCLES)]
    compare("corrected", got, [(s - p) % modulus for s, p in zip(sums, products, strict=True)])
