"""SmallMultiplier: all products of narrow weights, drawn ones of wide weights, in their cycle."""

import itertools

import cocotb

from bench import TIMEOUT, arguments, compare, on_simulators, operand, play, randomness, start
from weft.config import MatrixUnitConfig
from weft.small_multiplier import SmallMultiplier

WEIGHTS = ["int8", "int1", "uint1", "int2", "uint2", "int3", "int4", "uint4", "int5", "uint5"]
WEIGHTS += ["int7", "uint8", "int9", "int16", "uint16"]
CONFIGS = {
    f"{weight}-{stages}": MatrixUnitConfig(weight=weight, multiplier_stages=stages)
    for weight, stages in itertools.product(WEIGHTS, range(4))
    if stages != 1 or weight in ("int8", "int1", "uint5")
}
# Formats of at most so many bits are multiplied in full.
NARROW = 5


@on_simulators("config", CONFIGS)
def test_small_multiplier(simulate, config):
    simulate([multiplies], SmallMultiplier, config)


@cocotb.test(**TIMEOUT)
async def multiplies(dut):
    """A pair a cycle, each product in exactly its cycle."""
    (config,), source = arguments(), randomness()
    number = config.weight
    if number.width <= NARROW:
        values = range(number.minimum, number.maximum + 1)
        pairs = list(itertools.product(values, repeat=2))
        source.shuffle(pairs)
    else:
        pairs = [(operand(source, number), operand(source, number)) for _ in range(1000)]
    latency = SmallMultiplier.latency_of(config)
    mask = (1 << number.width) - 1
    stimuli = [{"first": first & mask, "second": second & mask} for first, second in pairs]

    await start(dut)
    trace = await play(dut, stimuli + [{}] * latency, ["product"])
    mask = (1 << SmallMultiplier.product_shape_of(config).width) - 1
    expected = [first * second & mask for first, second in pairs]
    compare("product", trace["product"][latency:], expected, range(latency, len(pairs) + latency))
