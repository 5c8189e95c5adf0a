"""UART: every byte at any rate within 2 %, no byte from a glitch, none without a stop bit."""

import itertools

import cocotb
import pytest
from cocotb.triggers import RisingEdge, Timer

from benches.coroutines import PERIOD_NS, TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.host_link.uart import (
    UartReceiver,
    UartTransmitter,
    check_cycles_per_bit,
    cycles_per_bit_of,
)
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_gaps

CYCLES = {"4": 4, "5": 5, "16": 16, "33": 33}
# Bytes that look alike at a wrong rate, and bytes that reveal a shifted bit.
CORNERS = (0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7F, 0xFE)


@on_simulators("cycles_per_bit", CYCLES)
def test_uart_receiver(simulate, cycles_per_bit):
    coroutines = [
        receives_every_byte_at_any_rate_within_two_percent,
        ignores_glitches_shorter_than_half_a_bit,
        reports_a_low_stop_bit_and_waits_for_a_high_line,
    ]
    simulate(coroutines, UartReceiver, cycles_per_bit=cycles_per_bit)


@on_simulators("cycles_per_bit", CYCLES)
def test_uart_transmitter(simulate, cycles_per_bit):
    simulate([sends_every_bit_in_its_time], UartTransmitter, cycles_per_bit=cycles_per_bit)


def test_cycles_per_bit_of_some_clocks():
    assert cycles_per_bit_of(25_000_000, 1_000_000) == 25
    assert cycles_per_bit_of(12_000_000, 115_200) == 104
    assert cycles_per_bit_of(48_000_000, 12_000_000) == 4


def test_impossible_baud_rates_are_refused():
    with pytest.raises(ValueError, match=r"cannot give 960000 baud within 2 %: choose 1000000$"):
        cycles_per_bit_of(12_000_000, 960_000)
    with pytest.raises(ValueError, match=r"4000000 baud is too fast .* choose at most 3000000"):
        cycles_per_bit_of(12_000_000, 4_000_000)
    for baud in (49, 0, -1, 9600.0, True):
        with pytest.raises(ValueError, match=f"must be an integer of at least 50, not {baud}$"):
            cycles_per_bit_of(12_000_000, baud)
    with pytest.raises(ValueError, match="cycles_per_bit must be an integer of at least 4, not 3"):
        check_cycles_per_bit(3)


class Collector:
    """Collects the received bytes, and counts the framing errors."""

    def __init__(self, dut):
        self.dut = dut
        self.bytes: list[int] = []
        self.errors = 0
        cocotb.start_soon(self._collect())

    async def _collect(self):
        while True:
            await tick(self.dut)
            self.errors += read(self.dut, "framing_error")
            if read(self.dut, "o__valid"):
                self.bytes.append(read(self.dut, "o__payload"))


async def start_idle(dut):
    dut.rx.value = 1
    await start(dut)
    dut.rx.value = 1
    await Timer(20 * PERIOD_NS, "ns")


async def drive(dut, levels, bit_ps):
    """Drive one level per bit."""
    for level in levels:
        dut.rx.value = level
        await Timer(bit_ps, "ps")


def frame_of(byte: int, stop: int = 1) -> list[int]:
    return [0, *(byte >> place & 1 for place in range(8)), stop]


@cocotb.test(**TIMEOUT)
async def receives_every_byte_at_any_rate_within_two_percent(dut):
    """Bytes come back to back and with gaps, at any phase of the clock."""
    cycles = parameters().cycles_per_bit
    source = randomness()
    await start_idle(dut)
    for rate in (0.98, 1.0, 1.02):
        collector = Collector(dut)
        bit_ps = round(cycles * PERIOD_NS * 1000 / rate)
        sent = [*CORNERS, *(source.randrange(256) for _ in range(12))]
        for byte in sent:
            await Timer(source.choice([0, 0, source.randrange(1, 3 * bit_ps)]) + 1, "ps")
            await drive(dut, frame_of(byte), bit_ps)
        await Timer(2 * bit_ps, "ps")
        assert (collector.bytes, collector.errors) == (sent, 0), f"at {rate} of the baud rate"


@cocotb.test(**TIMEOUT)
async def ignores_glitches_shorter_than_half_a_bit(dut):
    cycles = parameters().cycles_per_bit
    await start_idle(dut)
    collector = Collector(dut)
    for length in range(1, cycles // 2):
        dut.rx.value = 0
        await Timer(length * PERIOD_NS, "ns")
        dut.rx.value = 1
        await Timer(12 * cycles * PERIOD_NS, "ns")
        await drive(dut, frame_of(0xA5), cycles * PERIOD_NS * 1000)
    await Timer(2 * cycles * PERIOD_NS, "ns")
    expected = [0xA5] * (cycles // 2 - 1)
    assert (collector.bytes, collector.errors) == (expected, 0)


@cocotb.test(**TIMEOUT)
async def reports_a_low_stop_bit_and_waits_for_a_high_line(dut):
    """A line that stays low is one error, however long; the next byte is received."""
    cycles = parameters().cycles_per_bit
    bit_ps = cycles * PERIOD_NS * 1000
    await start_idle(dut)
    collector = Collector(dut)
    for errors, low_bits in enumerate((0, 1, 30), start=1):
        await drive(dut, [*frame_of(0x3C, stop=0), *[0] * low_bits, 1, 1], bit_ps)
        await drive(dut, frame_of(0xC3), bit_ps)
        await Timer(2 * bit_ps, "ps")
        assert (collector.bytes, collector.errors) == ([0xC3] * errors, errors)


@cocotb.test(**TIMEOUT)
async def sends_every_bit_in_its_time(dut):
    """Checks the line in every cycle; between bytes it is high."""
    cycles = parameters().cycles_per_bit
    source = randomness()
    await start(dut)
    assert dut.tx.value == 1
    sent = [*CORNERS, *(source.randrange(256) for _ in range(8))]
    stream = Stream.amaranth(dut, "i")
    gaps = random_gaps(source, 0.4, 15 * cycles)
    sending = cocotb.start_soon(send(stream, [(byte,) for byte in sent], gaps))
    levels: list[int] = []
    while stream.transfers < len(sent) or len(levels) == 0 or 0 in levels[-11 * cycles :]:
        await RisingEdge(dut.clk)
        levels.append(read(dut, "tx"))
    await sending
    line = iter(levels)
    for byte in sent:
        line = itertools.dropwhile(bool, line)
        bits = [list(itertools.islice(line, cycles)) for _ in range(10)]
        assert bits == [[bit] * cycles for bit in frame_of(byte)], f"byte 0x{byte:02x}"
    assert all(line)
