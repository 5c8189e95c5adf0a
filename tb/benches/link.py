"""A host and a core at the two ends of a HostLink, for benches of the link."""

from collections import deque

import cocotb

from benches.coroutines import parameters, randomness, read, start, tick
from weft.host_link.link_shape import LinkShape
from weft.host_link.protocol import FLAG, HEADER_BYTES, Command, Status
from weft_sim.board.frames import FrameDecoder, encode

# Fewest cycles between two received bytes that the link allows.
SPACING = 10
# Cycles within which an answer arrives, if there is one.
ANSWER_CYCLES = 4000


class Sink:
    """An input stream of the core: the beats that it took, and how many more it will take."""

    def __init__(self, dut, number: int, size: int):
        self.dut, self.name, self.size = dut, f"inputs__{number}", size
        self.beats: list[bytes] = []
        self.places = 1 << 30
        # Cycles until the sink accepts a beat; random if None.
        self.pace: int | None = None
        self._waited = 0
        self._beat = bytearray()

    def step(self, source):
        if read(self.dut, f"{self.name}__write"):
            assert self._beat or read(self.dut, f"{self.name}__room"), "a beat without `room`"
            self._beat.append(read(self.dut, f"{self.name}__byte"))
            ends = len(self._beat) == self.size
            assert read(self.dut, f"{self.name}__last") == ends, "`last` on the wrong byte"
            if ends:
                self.beats.append(bytes(self._beat))
                self.places -= 1
                self._beat.clear()
                self._room(False)
        elif not self._beat:
            shown = read(self.dut, f"{self.name}__room")
            self._waited = 0 if shown else self._waited + 1
            comes = source.random() < 0.2 if self.pace is None else self._waited >= self.pace
            self._room(self.places > 0 and (shown or comes))

    def _room(self, room):
        getattr(self.dut, f"{self.name}__room").value = int(room)


class Origin:
    """An output stream of the core: the beats that it offers in order."""

    def __init__(self, dut, number: int, size: int):
        self.dut, self.name, self.size = dut, f"outputs__{number}", size
        self.beats: deque[bytes] = deque()
        self._taken = 0

    def step(self, source):
        if read(self.dut, f"{self.name}__take"):
            assert read(self.dut, f"{self.name}__available"), "a byte that was not available"
            self._taken += 1
            ends = self._taken == self.size
            assert read(self.dut, f"{self.name}__last") == ends, "`last` on the wrong byte"
            if ends:
                self.beats.popleft()
                self._taken = 0
                self._offer(False)
                return
        if self._taken or read(self.dut, f"{self.name}__available"):
            self._offer(True)
        else:
            self._offer(bool(self.beats) and source.random() < 0.2)

    def _offer(self, there: bool):
        getattr(self.dut, f"{self.name}__available").value = int(there)
        byte = self.beats[0][self._taken] if there else 0xEE
        getattr(self.dut, f"{self.name}__byte").value = byte


class Registers:
    """The registers of the core: bytes by address, and the writes that arrived."""

    def __init__(self, dut, source, count: int):
        self.dut = dut
        self.bytes = bytearray(source.randbytes(4 * count))
        self.writes: list[tuple[int, int]] = []
        self._wait = 0

    def step(self, source):
        dut = self.dut
        address = read(dut, "registers__address")
        if read(dut, "registers__write"):
            self.writes.append((address, read(dut, "registers__write_data")))
        done = False
        if read(dut, "registers__read") and not read(dut, "registers__done"):
            done = self._wait == 0
            self._wait = source.choice([0, 0, 3]) if done else self._wait - 1
        dut.registers__done.value = int(done)
        dut.registers__read_data.value = self.bytes[address] if done else 0xEE


class LinkBench:
    """Both ends of a running link; `answers` are the frames that arrived from the link."""

    def __init__(self, dut, source, shape: LinkShape):
        self.dut, self.source = dut, source
        self.payload_bytes = shape.payload_bytes
        self.registers = Registers(dut, source, shape.registers)
        self.sinks = [Sink(dut, *numbered) for numbered in enumerate(shape.input_beats)]
        self.origins = [Origin(dut, *numbered) for numbered in enumerate(shape.output_beats)]
        self.decoder = FrameDecoder()
        self.answers: deque[bytes] = deque()
        self.task = cocotb.start_soon(self._live())

    async def _live(self):
        dut, source = self.dut, self.source
        parts = [self.registers, *self.sinks, *self.origins]
        while True:
            await tick(dut)
            if read(dut, "transmitted__valid") and dut.transmitted__ready.value:
                sent = bytes([read(dut, "transmitted__payload")])
                self.answers.extend(self.decoder.feed(sent))
                assert not self.decoder.broken, "the link sent a broken frame"
            dut.transmitted__ready.value = int(source.random() < 0.4)
            for part in parts:
                part.step(source)

    async def send(self, raw: bytes):
        """Send bytes as the serial line does."""
        dut = self.dut
        for byte in raw:
            dut.received__payload.value = byte
            dut.received__valid.value = 1
            await tick(dut)
            dut.received__valid.value = 0
            for _ in range(SPACING - 1 + self.source.choice([0, 0, 0, 4])):
                await tick(dut)

    async def answer(self, cycles: int = ANSWER_CYCLES) -> bytes | None:
        """Return the next frame from the link, or None if there is none within `cycles`."""
        for _ in range(cycles):
            if self.answers:
                return self.answers.popleft()
            await tick(self.dut)
        return None

    async def request(
        self, sequence: int, command: int | Command, target: int = 0, payload: bytes = b""
    ) -> tuple[Status, bytes]:
        """Send a request and return the status and payload of its answer, which must come."""
        await self.send(encode(request(sequence, command, target, payload)))
        answer = await self.answer()
        assert answer is not None, f"no answer to {command} {target} {payload.hex()}"
        assert answer[0] == sequence % 256, "the answer to another request"
        return Status(answer[1]), answer[2:]

    async def resynchronize(self):
        """Check that the link answers HELLO after a flag; earlier bytes may be answered first."""
        await self.send(bytes([FLAG]))
        while await self.answer(600) is not None:
            pass
        greeting = self.source.randbytes(4)
        assert await self.request(200, Command.HELLO, 0, greeting) == (Status.OK, greeting)

    async def no_answer(self):
        assert await self.answer(1500) is None, "an answer without a request"


def request(sequence: int, command: int | Command, target: int, payload: bytes) -> bytes:
    """Return the content of the frame of a request."""
    number = command.value if isinstance(command, Command) else command
    content = bytes([sequence % 256, number, target]) + payload
    assert len(content) == HEADER_BYTES + len(payload)
    return content


def count(number: int) -> bytes:
    """Return a count in the encoding of requests and responses."""
    return number.to_bytes(2, "little")


async def begin(dut, hello: bool = True) -> LinkBench:
    """Return a link after reset, and after a HELLO if `hello` is set."""
    await start(dut)
    bench = LinkBench(dut, randomness(), parameters().shape)
    if hello:
        assert await bench.request(0, Command.HELLO, 0, b"hello") == (Status.OK, b"hello")
    return bench
