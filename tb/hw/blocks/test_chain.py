"""Chain: links in a line, each with its own lanes, however long the chain is."""

import cocotb
from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benches.bits import join, split
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.blocks.chain import FLAT_LINKS, Chain, Linking
from weft.emit.verilog import make_design

CYCLES = 300
WIDTH = 12


class AddingLink(wiring.Component):
    """Adds its lane and the shared offset to the passing total, with one register per link."""

    linking = Linking(passed=("total",), shared=("offset",), link="adder")

    def __init__(self, *, width: int):
        super().__init__(self.members_of(width=width))

    @staticmethod
    def members_of(*, width: int) -> dict[str, wiring.Member]:
        shape = unsigned(width)
        return {
            "total_in": In(shape),
            "total_out": Out(shape),
            "offset": In(shape),
            "i": In(shape),
            "o": Out(shape),
        }

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.total_in + self.i)
        m.d.sync += self.total_out.eq(self.total_in + self.i + self.offset)
        return m


LENGTHS = (1, 2, FLAT_LINKS, FLAT_LINKS + 1, 21, 40)


@on_simulators("links", {str(links): links for links in LENGTHS}, verilator=2)
def test_chain(simulate, links):
    simulate([passes_through_all_links], Chain, component=AddingLink, links=links, width=WIDTH)


def test_links_and_shorter_chains_have_their_names_and_places():
    design = make_design("chain", Chain, component=AddingLink, links=21, width=WIDTH)
    found = {place: path for path, place, _ in design.hierarchy.find("AddingLink")}
    assert list(found) == [(link,) for link in range(21)]
    assert found[0,] == "adders_00.adders_00.adder_0"
    assert found[15,] == "adders_00.adders_12.adder_3"
    assert found[20,] == "adders_16.adders_4.adder_0"


def test_equal_chains_are_one_module():
    design = make_design("chain", Chain, component=AddingLink, links=64, width=WIDTH)
    lengths = [64, 16, 4]
    assert len(design.hierarchy.components) == len(lengths) + 1


@cocotb.test(**TIMEOUT)
async def passes_through_all_links(dut):
    """Checks the total at each link and after the last one, with new numbers in every cycle."""
    links, source = parameters().links, randomness()
    await start(dut)
    totals = [source.getrandbits(WIDTH) for _ in range(CYCLES)]
    lanes = [[source.getrandbits(WIDTH) for _ in range(links)] for _ in range(CYCLES)]
    offsets = [source.getrandbits(WIDTH) for _ in range(CYCLES)]
    stimuli = [
        {"total_in": total, "i": join(row, WIDTH), "offset": offset}
        for total, row, offset in zip(totals, lanes, offsets, strict=True)
    ]
    trace = await play(dut, stimuli, ["o", "total_out"])
    seen = [split(bits, WIDTH, links) for bits in trace["o"]]
    mask = (1 << WIDTH) - 1
    waves = range(CYCLES - links)
    got, expected, last, ends = [], [], [], []
    for n in waves:
        total, row = totals[n], []
        for link in range(links):
            row.append((total + lanes[n + link][link]) & mask)
            total = (row[-1] + offsets[n + link]) & mask
        expected.append(row)
        got.append([seen[n + link][link] for link in range(links)])
        last.append(trace["total_out"][n + links])
        ends.append(total)
    compare("o", got, expected, waves)
    compare("total_out", last, ends, [n + links for n in waves])
