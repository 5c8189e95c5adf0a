"""Multipliers: exact products in exact cycles, in portable and in hard multipliers."""

import cocotb
import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_icarus
from weft.emit.verilog import make_design
from weft.hierarchy import instantiate
from weft.primitives import multiplier

CYCLES = 300
STAGES = range(5)


class Multiply(wiring.Component):
    """`multiply` with a register at each operand."""

    def __init__(self, *, width: int, product_width: int, stages: int):
        self.width, self.product_width, self.stages = width, product_width, stages
        super().__init__(
            {
                "first": In(signed(width)),
                "second": In(signed(width)),
                "product": Out(signed(product_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        registers = instantiate(m, "registers", platform, Registers, width=self.width)
        m.d.comb += [
            registers.first.eq(self.first),
            registers.second.eq(self.second),
            self.product.eq(
                multiplier.multiply(
                    m,
                    platform,
                    registers.first_out,
                    registers.second_out,
                    shape=signed(self.product_width),
                    stages=self.stages,
                )
            ),
        ]
        return m


class Registers(wiring.Component):
    """A register for each operand."""

    def __init__(self, *, width: int):
        self.width = width
        super().__init__(
            {
                **{name: In(signed(width)) for name in ("first", "second")},
                **{name: Out(signed(width)) for name in ("first_out", "second_out")},
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.first_out.eq(self.first), self.second_out.eq(self.second)]
        return m


class Multipliers(wiring.Component):
    """A Multiply for each of STAGES, all with the same operands."""

    def __init__(self, *, width: int, product_width: int):
        self.width, self.product_width = width, product_width
        super().__init__(
            {
                "first": In(signed(width)),
                "second": In(signed(width)),
                **{f"product_{stages}": Out(signed(product_width)) for stages in STAGES},
            }
        )

    def elaborate(self, platform):
        m = Module()
        sizes = {"width": self.width, "product_width": self.product_width}
        for stages in STAGES:
            name = f"multiply_{stages}"
            one = instantiate(m, name, platform, Multiply, **sizes, stages=stages)
            m.d.comb += [
                one.first.eq(self.first),
                one.second.eq(self.second),
                getattr(self, f"product_{stages}").eq(one.product),
            ]
        return m


@on_icarus
@pytest.mark.parametrize("family", [None, "ecp5"])
@pytest.mark.parametrize("width, product_width", [(2, 4), (9, 18), (18, 36), (18, 20), (19, 38)])
def test_products(simulate, family, width, product_width):
    sizes = {"width": width, "product_width": product_width}
    simulate([multiplies_exactly], Multipliers, family=family, **sizes)


@pytest.mark.parametrize("width, blocks", [(9, 1), (18, 1), (19, 0)])
def test_a_block_is_used_where_it_fits(width, blocks):
    sizes = {"width": width, "product_width": 2 * width, "stages": 1}
    design = make_design("top", Multiply, family="ecp5", **sizes)
    assert design.verilog.count("MULT18X18D #") == blocks
    assert "MULT18X18D" not in make_design("top", Multiply, **sizes).verilog


@cocotb.test(**TIMEOUT)
async def multiplies_exactly(dut):
    """Each product of extreme and random numbers is `stages` cycles behind the registers."""
    made, source = parameters(), randomness()
    await start(dut)
    low, high = -(1 << made.width - 1), (1 << made.width - 1) - 1

    def number():
        return source.choice([low, high, 0, -1, 1, source.randint(low, high)])

    pairs = [(number(), number()) for _ in range(CYCLES)]
    operands = [{"first": first, "second": second} for first, second in pairs]
    latencies = {f"product_{stages}": 1 + stages for stages in STAGES}
    trace = await play(dut, operands + [{}] * max(latencies.values()), list(latencies))
    modulus = 1 << made.product_width
    expected = [first * second % modulus for first, second in pairs]
    for name, latency in latencies.items():
        cycles = range(latency, latency + CYCLES)
        compare(name, [trace[name][cycle] % modulus for cycle in cycles], expected, cycles)
