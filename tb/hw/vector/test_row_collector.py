"""RowCollector: rows of elements become saturated buffer rows in their places."""

import itertools

import cocotb
import numpy as np

from benches.bits import join, pack, unpack
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from benches.vector_rows import CHUNKS, FORMATS, buffer_rows_of
from weft.buffer.unified_buffer import write_layout
from weft.isa.fields import WORD_BITS
from weft.vector.row_collector import RowCollector, collected_layout

ROWS = 64


@on_simulators("row_chunks", CHUNKS)
def test_row_collector(simulate, row_chunks):
    simulate([writes_all_rows], RowCollector, row_chunks=row_chunks, buffer_rows=ROWS)


def schedule(source, sizes, number, values, places, likely: float) -> list[dict[str, int]]:
    """Return the inputs of the cycles with the chunks of rows of elements, (rows, N)."""
    layout = collected_layout(row_chunks=sizes, buffer_rows=ROWS)
    idle = {"chunks__valid": 0, "format": int(number)}
    cycles = []
    for row, (lanes, place) in enumerate(zip(values, places, strict=True)):
        for chunk, part in enumerate(lanes.reshape(sizes.chunks, sizes.chunk)):
            payload = pack(
                layout,
                lanes=join(part.tolist(), WORD_BITS),
                row=place,
                first=chunk == 0,
                last=row == len(values) - 1 and chunk == sizes.chunks - 1,
            )
            cycles.append({**idle, "chunks__valid": 1, "chunks__payload": payload})
            gap = source.choice([0, 1, 3]) if source.random() > likely else 0
            gap += sizes.rows_per_chunk(number.width) - 1
            cycles += [{**idle, "chunks__payload": source.getrandbits(40)} for _ in range(gap)]
    return cycles + [dict(idle)] * 2


@cocotb.test(**TIMEOUT)
async def writes_all_rows(dut):
    source, sizes = randomness(), parameters().row_chunks
    await start(dut)
    layout = write_layout(rows=ROWS, width=sizes.row_width)
    for number, likely in itertools.product(FORMATS[sizes.operand_width], (1.0, 0.5)):
        most = source.choice([1 << 31, 400, 70_000])
        values = np.array(
            [[source.randrange(-most, most) for _ in range(sizes.lanes)] for _ in range(15)]
        )
        places = [source.randrange(ROWS - 4) for _ in values]
        cycles = schedule(source, sizes, number, values, places, likely)
        trace = await play(dut, cycles, ["writes__valid", "writes__payload", "ends"])
        expected = []
        for lanes, place in zip(values, places, strict=True):
            rows = buffer_rows_of(sizes, number, np.clip(lanes, number.minimum, number.maximum))
            expected += [[place + part, row] for part, row in enumerate(rows)]
        written = [cycle for cycle, valid in enumerate(trace["writes__valid"]) if valid]
        seen = [unpack(layout, trace["writes__payload"][cycle]) for cycle in written]
        got = [[write["row"], write["data"]] for write in seen]
        compare(f"row and data of {number.name}", got, expected, written)
        assert [cycle for cycle, ends in enumerate(trace["ends"]) if ends] == [written[-1]]
        # The last chunk, and then its rows.
        last = max(cycle for cycle, inputs in enumerate(cycles) if inputs["chunks__valid"])
        latency = RowCollector.latency + sizes.rows_per_chunk(number.width) - 1
        assert written[-1] == last + latency
