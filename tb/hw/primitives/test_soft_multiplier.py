"""SoftMultiplier: all products of narrow numbers and random products of wide numbers."""

import itertools

import cocotb
from amaranth.hdl import Module, Shape, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benches.bits import operand
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_icarus, on_simulators
from weft.formats import IntegerFormat
from weft.hierarchy import instantiate
from weft.primitives.soft_multiplier import SoftMultiplier

FORMATS = ["int8", "int1", "uint1", "int2", "uint2", "int3", "int4", "uint4", "int5", "uint5"]
FORMATS += ["int7", "uint8", "int9", "int16", "uint16"]
SAME = [(name, name) for name in FORMATS]
MIXED = [("int8", "uint8"), ("uint5", "int3"), ("int1", "uint9"), ("uint16", "int2")]
PAIRS = {
    f"{first}-{second}": (IntegerFormat.parse(first), IntegerFormat.parse(second))
    for first, second in SAME + MIXED
}
STAGES = range(5)
# Most bits of a pair of formats for which all products are checked.
NARROW = 10


class SoftMultipliers(wiring.Component):
    """A SoftMultiplier for each of STAGES, all with the same operands."""

    def __init__(self, *, first: Shape, second: Shape):
        self.multiplier = {"first": first, "second": second}
        width, is_signed = first.width + second.width, first.signed or second.signed
        product = Shape(width, signed=is_signed)
        super().__init__(
            {
                "first": In(first),
                "second": In(second),
                **{f"product_{stages}": Out(product) for stages in STAGES},
            }
        )

    def elaborate(self, platform):
        m = Module()
        for stages in STAGES:
            name = f"multiplier_{stages}"
            one = instantiate(m, name, platform, SoftMultiplier, **self.multiplier, stages=stages)
            m.d.comb += [
                one.first.eq(self.first),
                one.second.eq(self.second),
                getattr(self, f"product_{stages}").eq(one.product),
            ]
        return m


@on_simulators("first, second", PAIRS)
def test_soft_multiplier(simulate, first, second):
    simulate([multiplies], SoftMultipliers, first=first.shape, second=second.shape)


@on_icarus
def test_a_soft_multiplier_alone(simulate):
    """Without registers it has no clock."""
    simulate([multiplies], SoftMultiplier, first=signed(4), second=unsigned(3), stages=0)


@cocotb.test(**TIMEOUT)
async def multiplies(dut):
    """One pair per cycle, each product in the exact cycle; of one SoftMultiplier or several."""
    multiplier, source = parameters(), randomness()
    one = hasattr(multiplier, "stages")
    latencies = {"product": multiplier.stages} if one else {f"product_{n}": n for n in STAGES}
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
    trace = await play(dut, stimuli + [{}] * max(latencies.values()), list(latencies))
    mask = (1 << (first.width + second.width)) - 1
    expected = [a * b & mask for a, b in pairs]
    for name, latency in latencies.items():
        cycles = range(latency, len(pairs) + latency)
        compare(name, [trace[name][cycle] for cycle in cycles], expected, cycles)
