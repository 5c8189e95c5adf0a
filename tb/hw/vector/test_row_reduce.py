"""RowReduce: the chunks of a row for each window, in the exact cycle."""

import cocotb
import numpy as np

from benches.bits import join, pack, split_signed
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from benches.vector_lanes import numbers, play_beats
from weft.vector.row_reduce import RowReduce, row_reduce_layout
from weft_model.core.vector import wrapped

WINDOWS = 100
SIZES = {"4 chunks": (2, 4), "1 chunk": (3, 1), "2 chunks": (1, 2), "3 chunks": (1, 3)}


@on_simulators("lanes, chunks", SIZES)
def test_row_reduce(simulate, lanes, chunks):
    simulate([reduces_rows, forgets_rows_at_reset], RowReduce, lanes=lanes, chunks=chunks)


@cocotb.test(**TIMEOUT)
async def reduces_rows(dut):
    """Windows of random lengths; the chunks of each row come in random order, with gaps."""
    source = np.random.default_rng(randomness().getrandbits(32))
    lanes, chunks = parameters().lanes, parameters().chunks
    layout = row_reduce_layout(lanes=lanes, chunks=chunks)
    await start(dut)
    for maximum in (1, 0, 1, 0):
        dut.maximum.value = maximum
        gaps = [0] if maximum else [0, 0, 1, 2]
        cycles, due = [], {}
        for _ in range(WINDOWS):
            rows = int(source.integers(1, 6))
            values = numbers(source, (rows, chunks, lanes))
            wanted = values.max(axis=0) if maximum else wrapped(values.sum(axis=0))
            for row in range(rows):
                for chunk in source.permutation(chunks).tolist():
                    cycles += [None] * int(source.choice(gaps))
                    fields = {"first_row": row == 0, "last_row": row == rows - 1, "chunk": chunk}
                    cycles.append(pack(layout, **fields, values=join(values[row, chunk], 32)))
                    if row == rows - 1:
                        due[len(cycles) - 1 + RowReduce.latency] = wanted[chunk].tolist()
        got = await play_beats(dut, source, cycles, latency=RowReduce.latency)
        compare("cycles", list(got), list(due))
        results = [split_signed(bits, 32, lanes) for bits in got.values()]
        compare("results", results, list(due.values()))


@cocotb.test(**TIMEOUT)
async def forgets_rows_at_reset(dut):
    """A chunk that is on its way gives no result."""
    await start(dut)
    lanes, chunks = parameters().lanes, parameters().chunks
    layout = row_reduce_layout(lanes=lanes, chunks=chunks)
    dut.beats__payload.value = pack(layout, first_row=1, last_row=1)
    dut.beats__valid.value = 1
    await tick(dut)
    dut.beats__valid.value = 0
    dut.rst.value = 1
    for _ in range(5):
        await tick(dut)
        dut.rst.value = 0
        assert not read(dut, "results__valid")
