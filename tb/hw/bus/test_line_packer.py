"""LinePacker: every byte of a row is in the beat of its address."""

import cocotb

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, start, tick
from benches.lines import Line, random_lines
from benches.runner import on_simulators
from weft.bus.line_packer import LinePacker, beat_layout, line_row_layout
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps


@on_simulators(
    "row_bytes,beat_bytes",
    {"12 in 8": (12, 8), "16 in 4": (16, 4), "4 in 16": (4, 16), "8 in 8": (8, 8)},
)
def test_line_packer(simulate, row_bytes, beat_bytes):
    simulate(
        [packs_a_piece_per_cycle, packs_under_stalls],
        LinePacker,
        row_bytes=row_bytes,
        beat_bytes=beat_bytes,
        address_width=20,
    )


async def pack_lines(dut, lines: list[Line], gaps=None, ready=None) -> tuple[int, list[int]]:
    """Pack lines, and compare their beats; return the first cycle, and the cycle of each beat."""
    given = parameters()
    layout = beat_layout(beat_bytes=given.beat_bytes, address_width=given.address_width)
    expected = [beat for line in lines for beat in line.beats(given.beat_bytes)]
    got, cycles = [], []

    def seen(payload):
        got.append(unpack(layout, payload[0]))
        cycles.append(cycle_now())
        return len(got) == len(expected)

    beats = Stream.amaranth(dut, "beats")
    taking = cocotb.start_soon(throttle(beats, ready or iter(lambda: 1, 0)))
    watching = cocotb.start_soon(watch(beats, seen))
    row = line_row_layout(row_bytes=given.row_bytes, address_width=given.address_width)
    await tick(dut)
    begun = cycle_now() + 1
    rows = [(pack(row, **fields),) for line in lines for fields in line.rows(given.row_bytes)]
    await send(Stream.amaranth(dut, "rows"), rows, gaps)
    await watching
    taking.cancel()
    for number, (one, other) in enumerate(zip(got, expected, strict=True)):
        assert one == other, f"beat {number}: got {one}, expected {other}"
    return begun, cycles


@cocotb.test(**TIMEOUT)
async def packs_a_piece_per_cycle(dut):
    """The first beat comes after `latency` cycles, and a line pauses only to complete its end."""
    await start(dut)
    given = parameters()
    piece = LinePacker(**vars(given)).piece_bytes
    begun, cycles = await pack_lines(dut, [Line(address=0, data=b"\1", ends=True)])
    assert cycles == [begun + LinePacker.latency]
    for address in (0, given.beat_bytes - 1):
        lines = [Line(address=address, data=bytes(range(192)), ends=True)] * 2
        begun, cycles = await pack_lines(dut, lines)
        # Whether the last piece ends in the next beat.
        rest = (address % piece) > 0 and (address + 192) % given.beat_bytes < piece
        assert cycles[-1] == begun + LinePacker.latency - 1 + 2 * (192 // piece + rest)


@cocotb.test(**TIMEOUT)
async def packs_under_stalls(dut):
    source = randomness()
    await start(dut)
    for late, taken in ((0.0, 1.0), (0.4, 1.0), (0.0, 0.3), (0.3, 0.6)):
        lines = random_lines(source, 60, most=50)
        await pack_lines(dut, lines, random_gaps(source, late, 4), random_bools(source, taken))
