"""LeftOver: it knows whether tiles, sums or result rows are left."""

import cocotb

from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.core.left_over import LeftOver

SIZES = {"small": dict(tiles=3, sums=4, results=5)}


@on_simulators("sizes", SIZES)
def test_left_over(simulate, sizes):
    simulate([counts_what_is_left], LeftOver, **sizes)


@cocotb.test(**TIMEOUT)
async def counts_what_is_left(dut):
    """Random events that the counts allow, and whether anything is left after each of them."""
    source, sizes = randomness(), parameters()
    await start(dut)
    names = ("tile", "row", "switch", "first", "last", "result")
    tiles = sums = results = 0
    seen = {True: 0, False: 0}
    for _ in range(3000):
        # Half of the time towards zero, so that nothing is left every now and then.
        drawn = {name: source.random() < 0.5 for name in names}
        drawn["tile"] &= tiles < sizes.tiles and (tiles < 0 or source.random() < 0.5)
        drawn["switch"] &= tiles > -2
        drawn["last"] &= results < sizes.results + 2 and (drawn["first"] or sums > 0)
        drawn["first"] &= drawn["last"] or (sums < sizes.sums and source.random() < 0.3)
        drawn["result"] &= results > 0
        for name in names:
            getattr(dut, name).value = int(drawn[name])
        row = drawn["row"]
        tiles += drawn["tile"] - (row and drawn["switch"])
        sums += (row and drawn["first"] and not drawn["last"]) - (
            row and drawn["last"] and not drawn["first"]
        )
        results += (row and drawn["last"]) - drawn["result"]
        await tick(dut)
        for name in names:
            getattr(dut, name).value = 0
        await tick(dut)
        left = bool(tiles or sums or results)
        seen[left] += 1
        assert read(dut, "any") == left, f"{tiles} tiles, {sums} sums, {results} results"
        assert read(dut, "full") == (results >= sizes.results)
    assert min(seen.values()) > 20, seen
