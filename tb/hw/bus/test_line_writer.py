"""LineWriter: rows of bytes reach the memory at any address."""

import cocotb
import numpy as np

from benches.axi_write_memory import Pace, WriteMemory
from benches.bits import pack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.lines import Line, random_lines
from benches.runner import on_simulators
from weft.bus.line_packer import line_row_layout
from weft.bus.line_writer import LineWriter
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send

MEMORY = range(0xF_0000, 0xF_4000)


@on_simulators(
    "row_bytes,data_width", {"16 in 8": (16, 64), "8 in 128": (8, 1024), "128 in 4": (128, 32)}
)
def test_line_writer(simulate, row_bytes, data_width):
    simulate(
        [writes_lines, comes_in_time],
        LineWriter,
        row_bytes=row_bytes,
        data_width=data_width,
        address_width=32,
    )


async def write(dut, lines: list[Line], pace: Pace) -> WriteMemory:
    """Write lines, and compare the memory; return it."""
    given = parameters()
    memory = WriteMemory(
        dut=dut,
        name="port",
        base=MEMORY.start,
        bytes=np.zeros(len(MEMORY), np.uint8),
        address_width=given.address_width,
        data_width=given.data_width,
        source=randomness(),
        pace=pace,
    )
    running = cocotb.start_soon(memory.run())
    expected = memory.bytes.copy()
    for line in lines:
        expected[line.address - MEMORY.start :][: len(line.data)] = list(line.data)
    layout = line_row_layout(row_bytes=given.row_bytes, address_width=given.address_width)
    rows = [(pack(layout, **fields),) for line in lines for fields in line.rows(given.row_bytes)]
    sending = cocotb.start_soon(send(Stream.amaranth(dut, "rows"), rows))
    left = sum(line.ends for line in lines)
    while left:
        await tick(dut)
        left -= read(dut, "finished")
    await sending
    assert read(dut, "idle") and memory.idle
    assert (memory.bytes == expected).all()
    running.cancel()
    return memory


@cocotb.test(**TIMEOUT)
async def writes_lines(dut):
    source = randomness()
    await start(dut)
    for pace in (Pace(), Pace(addresses=0.2, beats=0.5), Pace(responses=0.1)):
        lines = random_lines(source, 12, most=700, memory=MEMORY)
        await write(dut, lines, pace)


@cocotb.test(**TIMEOUT)
async def comes_in_time(dut):
    """The address of a burst of one beat comes `latency` cycles after its row."""
    await start(dut)
    line = Line(address=MEMORY.start + 4, data=b"123", ends=True)
    begun = cycle_now() + 1
    memory = await write(dut, [line], Pace())
    assert memory.cycles == [begun + LineWriter.latency]
