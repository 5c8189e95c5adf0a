"""SoftMultiplier: all products of narrow numbers and random products of wide numbers."""

import itertools

import cocotb

from benches.bits import operand
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.formats import IntegerFormat
from weft.primitives.soft_multiplier import SoftMultiplier

FORMATS = ["int8", "int1", "uint1", "int2", "uint2", "int3", "int4", "uint4", "int5", "uint5"]
FORMATS += ["int7", "uint8", "int9", "int16", "uint16"]
SAME = [(name, name) for name in FORMATS]
MIXED = [("int8", "uint8"), ("uint5", "int3"), ("int1", "uint9"), ("uint16", "int2")]
SIZES = {
    f"{first}-{second}-{stages}": (IntegerFormat.parse(first), IntegerFormat.parse(second), stages)
    for (first, second), stages in itertools.product(SAME + MIXED, range(5))
    if stages in (0, 2, 4) or first in ("int8", "int1", "uint5")
}
# Most bits of a pair of formats for which all products are checked.
NARROW = 10


@on_simulators("first, second, stages", SIZES)
def test_soft_multiplier(simulate, first, second, stages):
    simulate([multiplies], SoftMultiplier, first=first.shape, second=second.shape, stages=stages)


@cocotb.test(**TIMEOUT)
async def multiplies(dut):
    """One pair per cycle, each product in the exact cycle."""
    multiplier, source = parameters(), randomness()
    latency = multiplier.stages
    first, second = (
        IntegerFormat(shape.width, signed=shape.signed)
        for shape in (multiplier.first, multiplier.second)
    )
    if first.width + second.width <= NARROW:
        pairs = list(
            itertools.product(
                range(first.minimum, first.maximum + 1), range(second.minimum, second.maximum + 1)
            )
        )
        source.shuffle(pairs)
    else:
        pairs = [(operand(source, first), operand(source, second)) for _ in range(1000)]
    stimuli = [
        {"first": a % (1 << first.width), "second": b % (1 << second.width)} for a, b in pairs
    ]

    await start(dut)
    trace = await play(dut, stimuli + [{}] * latency, ["product"])
    mask = (1 << (first.width + second.width)) - 1
    expected = [a * b & mask for a, b in pairs]
    compare("product", trace["product"][latency:], expected, range(latency, len(pairs) + latency))
