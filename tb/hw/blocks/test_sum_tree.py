"""SumTree: exact sums of all lanes, in the exact cycle."""

import cocotb
from amaranth.hdl import signed, unsigned

from benches.bits import join, operand
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.blocks.sum_tree import SumTree
from weft.formats import IntegerFormat

ROWS = 400

# Shape of a lane, lanes, width of the sum.
TREES = {
    "5 of int4": (signed(4), 5, 7),
    "3 of uint3": (unsigned(3), 3, 5),
    "2 of uint1": (unsigned(1), 2, 3),
    "8 of int8 that wrap": (signed(8), 8, 8),
    "7 of uint5": (unsigned(5), 7, 9),
    "17 of int2": (signed(2), 17, 7),
}


@on_simulators("lane, lanes, width", TREES)
def test_sum_tree(simulate, lane, lanes, width):
    simulate([adds_all_lanes], SumTree, lane=lane, lanes=lanes, width=width)


@cocotb.test(**TIMEOUT)
async def adds_all_lanes(dut):
    """Rows of lanes are new in every cycle, with frequent extreme values."""
    tree = parameters()
    lane, lanes, width = tree.lane, tree.lanes, tree.width
    source = randomness()
    number = IntegerFormat(lane.width, signed=lane.signed)
    rows = [[operand(source, number) for _ in range(lanes)] for _ in range(ROWS)]
    rows += [[number.minimum] * lanes, [number.maximum] * lanes]
    latency = SumTree.latency_of(lanes)
    assert 1 << latency <= lanes < 2 << latency
    await start(dut)
    stimuli = [{"i": join(row, lane.width)} for row in rows + rows[:1] * latency]
    trace = await play(dut, stimuli, ["o"])
    sums = [sum(row) & ((1 << width) - 1) for row in rows]
    compare("o", trace["o"][latency:], sums)
