"""HalfProduct and WideProduct: exact products in the exact cycle, on ECP5 in hard multipliers."""

import random

import cocotb
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benches.bits import to_signed
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_icarus, on_simulators
from weft.hierarchy import instantiate
from weft.vector.wide_product import MULTIPLIER_STAGES, HalfProduct, WideProduct

ROWS = 3000


class RegisteredProduct(wiring.Component):
    """WideProduct with registers at its operands."""

    latency = 1 + WideProduct.latency

    def __init__(self, *, width: int):
        self.width = width
        super().__init__(
            {
                "first": In(signed(width + 1)),
                "second": In(signed(width)),
                "nudge": In(signed(2)),
                "product": Out(signed(2 * width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        product = instantiate(m, "product", platform, WideProduct, width=self.width)
        m.d.sync += [product.first.eq(self.first), product.second.eq(self.second)]
        m.d.comb += [product.nudge.eq(self.nudge), self.product.eq(product.product)]
        return m


@on_simulators("width", {"32 bits": 32, "4 bits": 4})
def test_wide_product(simulate, width):
    simulate([multiplies_and_nudges], RegisteredProduct, width=width)


@on_icarus
def test_wide_product_on_ecp5(simulate):
    simulate([multiplies_and_nudges], RegisteredProduct, family="ecp5", width=32)


@on_simulators("width", {"17 bits": 17})
def test_half_product(simulate, width):
    simulate([multiplies_halves], HalfProduct, width=width)


def draw(source: random.Random, width: int) -> int:
    most = (1 << (width - 1)) - 1
    return source.choice([most, -most - 1, 0, -1, source.randint(-most - 1, most)])


@cocotb.test(**TIMEOUT)
async def multiplies_and_nudges(dut):
    """New operands in every cycle, and a nudge when their halves have been multiplied."""
    width, source = parameters().width, randomness()
    # With the largest nudge, larger products would not fit.
    most = 1 << (width - 1)
    rows = []
    for _ in range(ROWS):
        first, nudge = draw(source, width), source.choice([-1, 0, 1])
        second = draw(source, width)
        if source.random() < 0.1 and second > -most:
            first = most
        rows.append((first, second, nudge))
    await start(dut)
    late, wait = RegisteredProduct.latency, 1 + MULTIPLIER_STAGES
    ahead = [0] * wait + [nudge for *_, nudge in rows]
    padded = rows + rows[:1] * late
    stimuli = [
        {
            "first": first & ((2 << width) - 1),
            "second": second & ((1 << width) - 1),
            "nudge": nudge & 3,
        }
        for (first, second, _), nudge in zip(padded, ahead + [0] * late, strict=False)
    ]
    trace = await play(dut, stimuli, ["product"])
    got = [to_signed(bits, 2 * width) for bits in trace["product"][late:]]
    expected = [a * b + nudge * (1 << (width - 2)) for a, b, nudge in rows]
    compare("product", got, expected)


@cocotb.test(**TIMEOUT)
async def multiplies_halves(dut):
    width, source = parameters().width, randomness()
    rows = [(draw(source, width), draw(source, width)) for _ in range(ROWS)]
    await start(dut)
    mask = (1 << width) - 1
    # The operands are registered, so they are new right after an edge.
    stimuli = [{"first": a & mask, "second": b & mask} for a, b in [*rows, *rows[:1] * 2]]
    trace = await play(dut, stimuli, ["product"])
    got = [to_signed(bits, 2 * width) for bits in trace["product"][MULTIPLIER_STAGES:]]
    compare("product", got, [a * b for a, b in rows])
