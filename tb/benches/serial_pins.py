"""A host at the two serial pins of a board."""

from collections import deque

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, FallingEdge, Timer

from benches.coroutines import PERIOD_NS, parameters, start
from benches.link import count, request
from weft.host_link.protocol import Command, Status
from weft_sim.board.frames import FrameDecoder, encode


class SerialPins:
    """Requests through `rx`, and their answers from `tx`."""

    def __init__(self, dut):
        self.dut = dut
        self.bit_ns = parameters().cycles_per_bit * PERIOD_NS
        self.sequence = 0
        self.answers: deque[bytes] = deque()

    async def begin(self) -> None:
        """Reset the board and greet it."""
        dut = self.dut
        dut.rx.value = 1
        await start(dut)
        dut.rx.value = 1
        cocotb.start_soon(self._listen())
        await Timer(20 * self.bit_ns, "ns")
        await self.request(Command.HELLO, 0, b"")

    async def _listen(self):
        decoder = FrameDecoder()
        while True:
            await FallingEdge(self.dut.tx)
            await Timer(self.bit_ns // 2, "ns")
            byte = 0
            for place in range(8):
                await Timer(self.bit_ns, "ns")
                byte |= int(self.dut.tx.value) << place
            self.answers.extend(decoder.feed(bytes([byte])))

    async def send(self, raw: bytes):
        for byte in raw:
            for bit in (0, *(byte >> place & 1 for place in range(8)), 1):
                self.dut.rx.value = bit
                await Timer(self.bit_ns, "ns")

    async def request(self, command: Command, target: int, payload: bytes) -> bytes:
        """Send a request, which must be accepted; return the payload of its answer."""
        self.sequence += 1
        await self.send(encode(request(self.sequence, command, target, payload)))
        while not self.answers:
            await ClockCycles(self.dut.clk, 10)
        answer = self.answers.popleft()
        assert answer[:2] == bytes([self.sequence % 256, Status.OK.value])
        return answer[2:]

    async def read_words(self, address: int, words: int) -> list[int]:
        raw = await self.request(Command.READ, address, count(4 * words))
        return np.frombuffer(raw, "<u4").tolist()

    async def write_word(self, address: int, word: int):
        answer = await self.request(Command.WRITE, address, word.to_bytes(4, "little"))
        assert answer == count(4)
