"""MemoryStreams: consecutive words of a memory through a link, from any word on."""

import cocotb

from benches.bits import unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.bus.axi_memory import host_layout
from weft.bus.word_memory import BYTE, WordMemory
from weft.host_link.memory_streams import MemoryStreams

SIZES = {"64 bits": (16, 64), "32 bits": (256, 32)}


@on_simulators("words, width", SIZES)
def test_memory_streams(simulate, words, width):
    simulate([writes_and_reads_words_in_order], MemoryStreams, words=words, width=width)


class Memory:
    """The memory at the port of the streams; it takes requests at random times."""

    def __init__(self, dut, source):
        sizes = parameters()
        self.dut, self.source, self.size = dut, source, sizes.width // BYTE
        self.layout = host_layout(words=sizes.words, width=sizes.width)
        self.words = [source.getrandbits(sizes.width) for _ in range(sizes.words)]
        self.pace = 1.0

    async def serve(self):
        dut = self.dut
        owed: list[int | None] = [None] * (WordMemory.latency - 1)
        waiting = None
        while True:
            ready = self.source.random() < self.pace
            dut.memory__ready.value = int(ready)
            await tick(dut)
            owed.append(None)
            request = None
            if read(dut, "memory__valid"):
                request = unpack(self.layout, read(dut, "memory__payload"))
                # The data of a read means nothing.
                request["data"] *= request["write"]
            assert waiting in (None, request), "a request changed"
            waiting = None if ready or int(dut.seek.value) else request
            if ready and request:
                if request["write"]:
                    self.words[request["word"]] = request["data"]
                else:
                    owed[-1] = self.words[request["word"]]
            word = owed.pop(0)
            noise = self.source.getrandbits(BYTE * self.size)
            dut.word.value = noise if word is None else word

    async def seek(self, first: int):
        self.dut.seek.value, self.dut.first.value = 1, first
        await tick(self.dut)
        self.dut.seek.value = 0

    async def push(self, word: int):
        dut = self.dut
        await self._until("written__room")
        for place in range(self.size):
            dut.written__byte.value = word >> BYTE * place & 0xFF
            dut.written__last.value = int(place == self.size - 1)
            dut.written__write.value = 1
            await tick(dut)
            dut.written__write.value = 0
            for _ in range(self.source.choice([0, 0, 3])):
                await tick(dut)
        await tick(dut)

    async def pull(self) -> int:
        dut, word = self.dut, 0
        await self._until("read__available")
        for place in range(self.size):
            await tick(dut)
            word |= read(dut, "read__byte") << BYTE * place
            dut.read__take.value = 1
            dut.read__last.value = int(place == self.size - 1)
            await tick(dut)
            dut.read__take.value = 0
        await tick(dut)
        return word

    async def _until(self, name: str):
        for _ in range(1000):
            await tick(self.dut)
            if read(self.dut, name):
                return
        raise AssertionError(f"{name} never comes")


@cocotb.test(**TIMEOUT)
async def writes_and_reads_words_in_order(dut):
    """Words go to the place that was sought and the next ones, however slow the memory is."""
    source = randomness()
    await start(dut)
    memory = Memory(dut, source)
    expected = list(memory.words)
    cocotb.start_soon(memory.serve())
    places = len(expected)
    for _ in range(40):
        memory.pace = source.choice([0.1, 0.6, 1.0])
        first, count = source.randrange(places), source.randrange(1, 5)
        for _ in range(source.randrange(9)):
            await tick(dut)
        await memory.seek(first)
        if source.random() < 0.5:
            for place in range(first, first + count):
                word = source.getrandbits(parameters().width)
                expected[place % places] = word
                await memory.push(word)
            # The last word waits until the memory takes it.
            await memory._until("written__room")
        else:
            for place in range(first, first + count):
                assert await memory.pull() == expected[place % places]
    assert memory.words == expected
