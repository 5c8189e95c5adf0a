"""Partial sums in parts: sums, differences and their alignment are exact."""

import cocotb
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benches.bits import gather_parts, in_parts
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.blocks.partial_sums import (
    add_in_parts,
    align_parts,
    delayed_parts,
    subtract_in_parts,
)

CYCLES = 500
WIDTHS = {"8": (8,), "1": (1,), "3+4": (3, 4), "1+1+1": (1, 1, 1), "16+16": (16, 16)}
WIDTHS |= {"7+8+8+9": (7, 8, 8, 9)}


class Sums(wiring.Component):
    """A total that comes in parts, plus and minus a number whose bits come together."""

    def __init__(self, *, widths: tuple[int, ...]):
        self.widths = widths
        shape = signed(sum(widths))
        super().__init__(
            {
                "total": In(shape),
                "number": In(shape),
                "added": Out(shape),
                "subtracted": Out(shape),
                "aligned": Out(shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        widths = self.widths
        number = list(delayed_parts(m, widths, self.number, name="number"))
        m.d.comb += [
            self.added.eq(add_in_parts(m, widths, self.total, number)),
            self.subtracted.eq(subtract_in_parts(m, widths, self.total, number)),
            self.aligned.eq(align_parts(m, platform, widths, self.total, name="align")),
        ]
        return m


@on_simulators("widths", WIDTHS, verilator=2)
def test_partial_sums(simulate, widths):
    simulate([adds_and_subtracts], Sums, widths=widths)


@cocotb.test(**TIMEOUT)
async def adds_and_subtracts(dut):
    """Numbers are new in every cycle, and a carry often passes through all parts."""
    widths, source = parameters().widths, randomness()
    width = sum(widths)
    corners = [0, 1, (1 << width) - 1, 1 << (width - 1)]
    draws = [
        [source.choice([source.getrandbits(width), *corners]) for _ in range(CYCLES)]
        for _ in range(2)
    ]
    totals, numbers = draws
    stimuli = [{"total": 0, "number": number} for number in numbers]
    for n, total in enumerate(totals):
        for part, bits in enumerate(in_parts(total, widths)):
            if n + part < CYCLES:
                stimuli[n + part]["total"] |= bits
    await start(dut)
    trace = await play(dut, stimuli, ["added", "subtracted", "aligned"])
    cycles = range(CYCLES - len(widths) - 1)
    mask = (1 << width) - 1
    pairs = [(totals[n], numbers[n]) for n in cycles]
    for name, expected in (
        ("added", [(total + number) & mask for total, number in pairs]),
        ("subtracted", [(total - number) & mask for total, number in pairs]),
    ):
        got = [gather_parts(trace[name], n + 1, widths) for n in cycles]
        compare(name, got, expected, [n + 1 for n in cycles])
    late = len(widths) - 1
    compare("aligned", [trace["aligned"][n + late] for n in cycles], [t for t, _ in pairs])
