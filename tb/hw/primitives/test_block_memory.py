"""BlockMemory: every row holds its word, in portable and in vendor memories."""

import cocotb
import pytest

from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_icarus
from weft.emit.verilog import make_design
from weft.primitives.block_memory import BlockMemory

SIZES = [(32, 512), (20, 1024), (18, 1025), (64, 2048), (9, 4096)]


@on_icarus
@pytest.mark.parametrize("family", [None, "ecp5"])
@pytest.mark.parametrize("width, depth", SIZES)
def test_block_memory(simulate, family, width, depth):
    simulate([keeps_every_row], BlockMemory, width=width, depth=depth, family=family)


@pytest.mark.parametrize("depth, blocks", [(1024, 2), (2048, 4), (4096, 0)])
def test_blocks_are_used_where_they_fit(depth, blocks):
    """The bench covers blocks, and portable memories beyond the largest block shape."""
    design = make_design("top", BlockMemory, family="ecp5", width=32, depth=depth)
    assert design.verilog.count("DP16KD #") == blocks


@cocotb.test(**TIMEOUT)
async def keeps_every_row(dut):
    """Each row holds its number, in any order of writes and reads."""
    width, depth = parameters().width, parameters().depth
    source = randomness()
    await start(dut)
    expected = {}
    for _ in range(2):
        rows = source.sample(range(depth), depth)
        new = {row: source.getrandbits(width) for row in rows}
        writes = [{"write": 1, "write_row": row, "i": new[row]} for row in rows]
        # Without `write`, nothing must be stored.
        writes += [{"write": 0, "write_row": row, "i": source.getrandbits(width)} for row in rows]
        await play(dut, writes, [])
        expected |= new
        rows = source.sample(range(depth), depth)
        reads = [{"write": 0, "read_row": row} for row in rows] + [{}] * BlockMemory.latency
        trace = await play(dut, reads, ["o"])
        compare("o", trace["o"][BlockMemory.latency :], [expected[row] for row in rows])
