"""AxiLite: every access reaches the registers once, and gets their answer."""

import random

import cocotb

from benches.axi_lite import LiteManager
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.bus.axi4 import Response
from weft.bus.axi_lite import AxiLite
from weft_sim.cocotb_driver import cycle_now


@on_simulators("address_width", {"8": 8})
def test_axi_lite(simulate, address_width):
    simulate(
        [answers_in_time, reads_and_writes_at_the_same_time, answers_each_of_a_stream],
        AxiLite,
        address_width=address_width,
    )


class Words:
    """Words behind the component; those from 48 on are refused."""

    def __init__(self, dut):
        self.dut = dut
        self.words = [0] * 64
        self.writes: list[tuple[int, int, int]] = []
        self.reads: list[int] = []
        self.cycles: list[int] = []
        cocotb.start_soon(self._answer())

    async def _answer(self) -> None:
        dut = self.dut
        while True:
            await tick(dut)
            number, place = read(dut, "words__write_number"), read(dut, "words__read_number")
            value, strobes = read(dut, "words__write_data"), read(dut, "words__strobes")
            dut.words__write_refused.value = int(number >= 48)
            dut.words__read_refused.value = int(place >= 48)
            dut.words__read_data.value = self.words[place]
            if read(dut, "words__write"):
                self.writes.append((number, value, strobes))
                self.cycles.append(cycle_now())
                if number < 48:
                    mask = sum(0xFF << 8 * byte for byte in range(4) if strobes >> byte & 1)
                    self.words[number] = self.words[number] & ~mask | value & mask
            if read(dut, "words__read"):
                self.reads.append(place)
                self.cycles.append(cycle_now())


def response_of(address: int) -> Response:
    legal = address % 4 == 0 and address // 4 < 48
    return Response.OKAY if legal else Response.SLVERR


def random_address(source: random.Random) -> int:
    return source.choice([4 * source.randrange(48), source.randrange(256)])


@cocotb.test(**TIMEOUT)
async def answers_in_time(dut):
    """A write and a read reach the registers after 1 cycle, and are answered after 3."""
    await start(dut)
    words = Words(dut)
    manager = LiteManager(dut, "port", address_width=parameters().address_width)
    await tick(dut)
    for access in (manager.write(8, 77), manager.read(8)):
        begun = cycle_now() + 1
        await access
        assert words.cycles[-1] == begun + 1
        assert cycle_now() == begun + AxiLite.latency
    assert words.writes == [(2, 77, 15)]
    assert words.reads == [2]


@cocotb.test(**TIMEOUT)
async def reads_and_writes_at_the_same_time(dut):
    """Addresses, data and responses come and go in any order."""
    source = randomness()
    await start(dut)
    words, writes, reads = Words(dut), [], []
    manager = LiteManager(dut, "port", address_width=parameters().address_width, source=source)

    async def write() -> None:
        for _ in range(300):
            address, value = random_address(source), source.getrandbits(32)
            strobes = source.choice([15, source.randrange(16)])
            assert await manager.write(address, value, strobes) == response_of(address)
            if address % 4 == 0:
                writes.append((address // 4, value, strobes))

    writing = cocotb.start_soon(write())
    while not writing.done():
        address = random_address(source)
        _, response = await manager.read(address)
        assert response == response_of(address)
        if address % 4 == 0:
            reads.append(address // 4)
    assert words.writes == writes
    assert words.reads == reads
    for number in range(48):
        assert await manager.read(4 * number) == (words.words[number], Response.OKAY)


@cocotb.test(**TIMEOUT)
async def answers_each_of_a_stream(dut):
    """A manager that offers accesses all the time gets one response for each, and takes it late."""
    source = randomness()
    await start(dut)
    words = Words(dut)
    counts = dict.fromkeys(("aw", "w", "b", "ar", "r"), 0)

    async def pass_cycle(likely: float) -> None:
        driven = {channel: int(source.random() < likely) for channel in ("b", "r")}
        for channel, ready in driven.items():
            getattr(dut, f"port__{channel}__ready").value = ready
        await tick(dut)
        for channel in counts:
            theirs = "valid" if channel in driven else "ready"
            mine = driven.get(channel, offers)
            counts[channel] += mine and read(dut, f"port__{channel}__{theirs}")

    offers = 1
    for name in ("aw", "w", "ar"):
        getattr(dut, f"port__{name}__valid").value = 1
    for likely in (1.0, 0.3):
        before = dict(counts)
        for _ in range(200):
            await pass_cycle(likely)
        if likely == 1.0:
            assert counts["b"] - before["b"] >= 60 and counts["r"] - before["r"] >= 60
    offers = 0
    for name in ("aw", "w", "ar"):
        getattr(dut, f"port__{name}__valid").value = 0
    for _ in range(20):
        await pass_cycle(1.0)
    assert counts["ar"] == counts["r"] == len(words.reads)
    # The address or the data of one more write can have been taken.
    assert counts["b"] == min(counts["aw"], counts["w"]) == len(words.writes)
