"""LineRows: the rows of lines come from the buffer with their places in the memory."""

import random

import cocotb
import numpy as np

from benches.bits import pack, unpack
from benches.buffer_port import answer
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.bus.line_packer import line_row_layout
from weft.bus.region_check import line_layout
from weft.core.line_rows import LineRows
from weft.isa.kind import ROW_BITS
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

ROWS = 100


@on_simulators("width", {"16 bytes": 128, "4 bytes": 32})
def test_line_rows(simulate, width):
    simulate(
        [reads_a_row_per_cycle, reads_under_stalls, stops_behind_the_buffer],
        LineRows,
        width=width,
        rows=ROWS,
        address_width=32,
    )


def draw(source: random.Random, size: int) -> list[dict[str, int]]:
    """Return the lines of an instruction."""
    lines = source.randint(1, 3)
    count, row = source.randint(1, 5 * size), source.randint(0, ROWS - 15)
    return [
        {
            "address": source.randint(0, 1 << 31),
            "bytes": count,
            "tag": row << 1 | (line == lines - 1),
        }
        for line in range(lines)
    ]


async def read_lines(dut, instructions, gaps, taken, granted) -> tuple[int, list[int]]:
    """Read the rows of instructions, and compare them; return when they began, and their cycles."""
    given, source = parameters(), randomness()
    size = given.width // 8
    memory = np.frombuffer(source.randbytes(ROWS * size), np.uint8).reshape(ROWS, size)
    layout = line_row_layout(row_bytes=size, address_width=given.address_width)
    expected = []
    for lines in instructions:
        row = lines[0]["tag"] >> 1
        for line in lines:
            for first in range(0, line["bytes"], size):
                last = first + size >= line["bytes"]
                expected.append(
                    {
                        "data": int.from_bytes(memory[row].tobytes(), "little"),
                        "address": line["address"] + first,
                        "bytes": min(size, line["bytes"] - first),
                        "ends_line": last,
                        "ends": last and line["tag"] & 1,
                    }
                )
                row += 1
    got, cycles = [], []

    def seen(payload):
        got.append(unpack(layout, payload[0]))
        cycles.append(cycle_now())
        return len(got) == len(expected)

    rows = Stream.amaranth(dut, "rows")
    tasks = [
        cocotb.start_soon(answer(dut, "buffer", memory, granted, [])),
        cocotb.start_soon(throttle(rows, taken)),
    ]
    watching = cocotb.start_soon(watch(rows, seen))
    await tick(dut)
    begun = cycle_now() + 1
    line_fields = line_layout(address_width=given.address_width, tag_width=1 + ROW_BITS)
    beats = [(pack(line_fields, **line),) for lines in instructions for line in lines]
    await send(Stream.amaranth(dut, "lines"), beats, gaps)
    await watching
    for task in tasks:
        task.cancel()
    assert got == expected
    assert not read(dut, "outside")
    return begun, cycles


@cocotb.test(**TIMEOUT)
async def reads_a_row_per_cycle(dut):
    source = randomness()
    await start(dut)
    always = random_bools(source, 1.0)
    instructions = [draw(source, parameters().width // 8) for _ in range(20)]
    begun, cycles = await read_lines(dut, instructions, None, always, always)
    first = begun + LineRows.latency
    assert cycles == list(range(first, first + len(cycles)))


@cocotb.test(**TIMEOUT)
async def reads_under_stalls(dut):
    source = randomness()
    await start(dut)
    for late, taken, granted in ((0.3, 1.0, 1.0), (0.0, 0.2, 1.0), (0.1, 0.6, 0.3)):
        instructions = [draw(source, parameters().width // 8) for _ in range(30)]
        await read_lines(
            dut,
            instructions,
            random_gaps(source, late, 9),
            random_bools(source, taken),
            random_bools(source, granted),
        )


@cocotb.test(**TIMEOUT)
async def stops_behind_the_buffer(dut):
    """The rows in front of the end of the buffer are read, and no others."""
    source = randomness()
    await start(dut)
    given, asked = parameters(), []
    memory = np.zeros((ROWS, given.width // 8), np.uint8)
    reading = cocotb.start_soon(answer(dut, "buffer", memory, random_bools(source, 1.0), asked))
    dut.rows__ready.value = 1
    line = line_layout(address_width=given.address_width, tag_width=1 + ROW_BITS)
    fields = {"address": 0, "bytes": given.width, "tag": ROWS - 3 << 1 | 1}
    await send(Stream.amaranth(dut, "lines"), [(pack(line, **fields),)])
    for _ in range(30):
        await tick(dut)
    assert asked == [ROWS - 3, ROWS - 2, ROWS - 1]
    assert read(dut, "outside")
    reading.cancel()
