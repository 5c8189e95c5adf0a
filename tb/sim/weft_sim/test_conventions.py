"""Conventions: when reads and writes of a bench take effect at an edge, on each simulator."""

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from benches.coroutines import TIMEOUT, start
from weft.blocks.delay_line import DelayLine

WIDTH = 8


@pytest.mark.quick
def test_conventions(simulate):
    simulate([reads_what_a_flip_flop_samples], DelayLine, width=WIDTH, cycles=1)


@cocotb.test(**TIMEOUT)
async def reads_what_a_flip_flop_samples(dut):
    """A read after an edge gives the value before it; a write takes effect after the edge."""
    await start(dut)
    edge = RisingEdge(dut.clk)
    dut.i.value = 1
    assert dut.i.value == 0, "a write took effect at once"
    for number in range(2, 200):
        await edge
        assert dut.i.value == number - 1, "the input is not what was written after the last edge"
        assert dut.o.value == max(0, number - 2), (
            "the register already has the value after this edge"
        )
        dut.i.value = number
