"""WeightProducts: differences of neighbours, and the negated sum of the products of each tile."""

import random

import cocotb
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from benches.bits import gather_parts, join, operand, split
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.array.arithmetic import Arithmetic
from weft.array.pairs import difference_shape
from weft.array.weight_products import SHARING, WeightProducts, WeightProductsControl
from weft.hierarchy import instantiate
from weft.matrix.config import MatrixUnitConfig

TILES = 40
CONFIGS = {
    "2 rows": MatrixUnitConfig(rows=2, weight="int4", multiplier_stages=0),
    "6 rows": MatrixUnitConfig(rows=6, weight="uint8", adder_stages=2),
    "4 rows that wrap": MatrixUnitConfig(
        rows=4, weight="int16", activation="int2", accumulator_width=8, multiplier_stages=3
    ),
}


class TwoColumns(wiring.Component):
    """WeightProducts with the control of a fast array."""

    def __init__(self, *, arithmetic: Arithmetic, rows: int):
        self.arithmetic = arithmetic
        self.rows = rows
        members = WeightProducts.members_of(arithmetic)
        outside = ("weight", "neighbour_in", "neighbour_out", "difference", "sum")
        super().__init__(
            {"loads": In(2), "switch": In(1), **{name: members[name] for name in outside}}
        )

    def elaborate(self, platform):
        m = Module()
        control = instantiate(
            m, "control", platform, WeightProductsControl, arithmetic=self.arithmetic
        )
        products = instantiate(m, "products", platform, WeightProducts, arithmetic=self.arithmetic)
        m.d.comb += [
            control.loads.eq(self.loads),
            control.switch.eq(self.switch),
            products.control_in.eq(control.control),
            products.weight.eq(self.weight),
            products.neighbour_in.eq(self.neighbour_in),
            self.neighbour_out.eq(products.neighbour_out),
            self.difference.eq(products.difference),
            self.sum.eq(products.sum),
        ]
        return m


@on_simulators("config", CONFIGS)
def test_weight_products(simulate, config):
    simulate([adds_up_each_tile], TwoColumns, arithmetic=config.arithmetic, rows=config.rows)


def draw_loads(source: random.Random, rows: int) -> tuple[list[list[int]], list[int]]:
    """Return random cycles for the loads of each tile, last row first, and for its switch."""
    loads, switches, cycle = [], [], 2
    for _ in range(TILES):
        loads.append([])
        for _ in range(rows):
            cycle += source.choice([0, 0, 1, 4])
            loads[-1].append(cycle)
            cycle += 1
        cycle += source.choice([0, 0, 3])
        switches.append(cycle)
    return loads, switches


@cocotb.test(**TIMEOUT)
async def adds_up_each_tile(dut):
    """Tiles come back to back and with gaps; weights between the loads are noise."""
    given, source = parameters(), randomness()
    arithmetic, rows = given.arithmetic, given.rows
    loads, switches = draw_loads(source, rows)
    latency = WeightProducts.product_latency_of(arithmetic)
    end = switches[-1] + latency + len(arithmetic.sum_parts) + 10
    weights = [[operand(source, arithmetic.weight) for _ in range(SHARING + 1)] for _ in range(end)]
    stimuli = [
        {
            # The neighbour of the west column, and both columns, the east one a cycle late.
            "neighbour_in": join(row[:1], arithmetic.weight.width),
            "weight": join(row[1:], arithmetic.weight.width),
            "loads": 0,
            "switch": 0,
        }
        for row in weights
    ]
    for tile, switch in zip(loads, switches, strict=True):
        for number, cycle in enumerate(tile):
            stimuli[cycle]["loads"] = 0b01 if number == 0 else 0b11
        stimuli[switch]["switch"] = 1
    await start(dut)
    trace = await play(dut, stimuli, ["difference", "neighbour_out", "sum"])

    width = difference_shape(arithmetic).width
    got = [split(bits, width, SHARING) for bits in trace["difference"][1:]]
    east = [row[1] for row in weights]
    expected = [
        [(row[1] - row[0]) % (1 << width), (row[2] - east[n]) % (1 << width)]
        for n, row in enumerate(weights[1:])
    ]
    compare("difference", got, expected)
    mask = (1 << arithmetic.weight.width) - 1
    compare("neighbour_out", trace["neighbour_out"][1:], [row[-1] & mask for row in weights[:-1]])

    lanes = list(
        zip(*(split(bits, arithmetic.sum_width, SHARING) for bits in trace["sum"]), strict=True)
    )
    for column in range(SHARING):
        got, expected = [], []
        for tile, switch in zip(loads, switches, strict=True):
            values = [weights[cycle + column][1 + column] for cycle in tile]
            pairs = zip(values[0::2], values[1::2], strict=True)
            expected.append(-sum(a * b for a, b in pairs) % (1 << arithmetic.sum_width))
            shown = switch + latency + 1 + column
            got.append(gather_parts(lanes[column], shown, arithmetic.sum_parts))
        compare(f"sum of column {column}", got, expected, switches)
