"""AxiMemory: bursts and a host read what was written, each beat in its cycle."""

import random
from collections import Counter, deque
from dataclasses import dataclass
from typing import NamedTuple

import cocotb
import pytest

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, reset, start, tick
from benches.runner import on_icarus, on_simulators
from weft.bus.axi4 import Burst, Response, offset_bits, read_address_layout, read_data_layout
from weft.bus.axi4_write import write_address_layout, write_data_layout, write_response_layout
from weft.bus.axi_memory import AxiMemory, host_layout
from weft.bus.word_memory import BANK_WORDS, WordMemory, check_words

MEMORIES = {
    "64 bits": (20, 64, 1, 64),
    "4 words": (32, 32, 0, 4),
    "banks": (40, 32, 2, 2 * BANK_WORDS),
}
NAMES = "address_width, data_width, id_width, words"
CYCLES = 3000


@on_simulators(NAMES, MEMORIES)
def test_axi_memory(simulate, address_width, data_width, id_width, words):
    simulate(
        [moves_a_beat_in_every_cycle, keeps_every_byte, forgets_bursts_at_reset],
        AxiMemory,
        address_width=address_width,
        data_width=data_width,
        id_width=id_width,
        words=words,
    )


@on_icarus
def test_axi_memory_of_ecp5(simulate):
    simulate(
        [keeps_every_byte],
        AxiMemory,
        family="ecp5",
        address_width=32,
        data_width=64,
        id_width=0,
        words=2 * BANK_WORDS,
    )


@pytest.mark.parametrize("words", [0, 1, 48])
def test_sizes_that_no_memory_has(words):
    with pytest.raises(ValueError, match=f"power of two from 2 on, not {words}"):
        check_words(words)


class Beat(NamedTuple):
    """A beat of a burst: its word, if it exists, and its answer."""

    number: int
    word: int | None
    response: Response
    last: bool


@dataclass
class Odds:
    """How often each channel offers something, and how often a burst is illegal."""

    read: float = 0.5
    write: float = 0.5
    beat: float = 0.7
    host: float = 0.5
    illegal: float = 0.1


class Bench:
    """A memory, a manager and a host that offer random requests, and what must come in answer."""

    def __init__(self, dut, source: random.Random, odds: Odds):
        sizes = parameters()
        self.dut, self.source, self.odds, self.sizes = dut, source, odds, sizes
        bus = {"address_width": sizes.address_width}
        self.layouts = {
            "reads__ar": read_address_layout(**bus, id_width=sizes.id_width),
            "reads__r": read_data_layout(data_width=sizes.data_width, id_width=sizes.id_width),
            "writes__aw": write_address_layout(**bus),
            "writes__w": write_data_layout(data_width=sizes.data_width),
            "writes__b": write_response_layout(),
            "host": host_layout(words=sizes.words, width=sizes.data_width),
        }
        # Bits of each word, and which of them are known: an earlier bench may have written some.
        self.memory = [(0, 0)] * sizes.words
        # Few words, so that reads meet writes.
        self.near = source.randrange(sizes.words)
        self.forget()
        self.seen: Counter[str] = Counter()

    def forget(self) -> None:
        """Offer nothing, and owe nothing."""
        self.offers: dict[str, dict[str, int] | None] = {}
        self.reading: deque[Beat] = deque()
        self.writing: deque[Beat] = deque()
        self.owed = deque([None] * WordMemory.latency)
        self.host_owed = deque([None] * WordMemory.latency)
        self.answer: Response | None = None
        for name in ("reads__ar", "writes__aw", "writes__w", "host"):
            self._offer(name, None)

    async def run(self, cycles: int) -> None:
        for _ in range(cycles):
            self._draw()
            await tick(self.dut)
            self._check()

    def _draw(self) -> None:
        """Offer something new wherever nothing waits."""
        source, odds = self.source, self.odds
        for name, chance in (("reads__ar", odds.read), ("writes__aw", odds.write)):
            if not self.offers[name] and source.random() < chance:
                self._offer(name, self._burst(name))
        sizes = self.sizes
        if not self.offers["writes__w"] and source.random() < odds.beat:
            strobes = source.choice([-1, source.getrandbits(sizes.data_width // 8)])
            fields = {"data": source.getrandbits(sizes.data_width), "strb": strobes}
            self._offer("writes__w", fields)
        if not self.offers["host"] and source.random() < odds.host:
            fields = {
                "word": (self.near + source.randrange(8)) % sizes.words,
                "write": source.getrandbits(1),
                "data": source.getrandbits(sizes.data_width),
            }
            self._offer("host", fields)

    def _burst(self, name: str) -> dict[str, int]:
        """Return the address of a burst; some leave the memory or are illegal."""
        source, sizes = self.source, self.sizes
        low = offset_bits(sizes.data_width)
        word = self.near + source.randrange(8)
        if source.random() < self.odds.illegal:
            word = source.choice([sizes.words - 2, sizes.words, source.getrandbits(16)])
        fields = {
            "addr": (word << low | source.getrandbits(low)) % (1 << sizes.address_width),
            "len": source.choice([0, 0, 1, 3, 15]),
            "size": low,
            "burst": Burst.INCR.value,
        }
        if source.random() < self.odds.illegal:
            name_of = source.choice(["size", "burst"])
            fields[name_of] = source.choice([0, Burst.WRAP.value])
        return fields | ({"id": source.getrandbits(4)} if name == "reads__ar" else {})

    def _offer(self, name: str, fields: dict[str, int] | None) -> None:
        self.offers[name] = fields
        getattr(self.dut, f"{name}__valid").value = int(fields is not None)
        if fields is not None:
            layout = self.layouts[name]
            getattr(self.dut, f"{name}__payload").value = pack(layout, **fields)
            self.offers[name] = unpack(layout, pack(layout, **fields))

    def _beats(self, fields: dict[str, int]) -> deque[Beat]:
        low = offset_bits(self.sizes.data_width)
        legal = fields["size"] == low and fields["burst"] == Burst.INCR.value
        beats = deque()
        for place in range(fields["len"] + 1):
            word = (fields["addr"] >> low) + place
            inside = word < self.sizes.words
            response = Response.OKAY if inside else Response.DECERR
            beats.append(
                Beat(
                    fields.get("id", 0),
                    word if inside and legal else None,
                    response if legal else Response.SLVERR,
                    place == fields["len"],
                )
            )
        return beats

    def _check(self) -> None:
        """Check the outputs of a cycle, and do what its transfers do."""
        host, beat = self.offers["host"], self.offers["writes__w"]
        ready = {
            "reads__ar": len(self.reading) < 2,
            "writes__aw": not self.writing or (len(self.writing) == 1 and beat is not None),
            "writes__w": bool(self.writing),
        }
        if host:
            ready["host"] = not (self.writing if host["write"] else self.reading)
            self.seen["host waits"] += not ready["host"]
        for name, expected in ready.items():
            assert read(self.dut, f"{name}__ready") == expected, name
        taken = {name: fields for name, fields in self.offers.items() if fields and ready[name]}
        write = self._written(taken)
        self._check_reads(taken, write)
        self._check_answer(taken)
        if write:
            word, value, mask = write
            before, known = self.memory[word]
            self.memory[word] = before & ~mask | value & mask, known | mask
        for name, queue in (("reads__ar", self.reading), ("writes__aw", self.writing)):
            if name in taken:
                queue.extend(self._beats(taken[name]))
                self.seen[name] += 1
        for name in taken:
            self._offer(name, None)

    def _written(self, taken) -> tuple[int, int, int] | None:
        """Return the word that is written, its bits and which of them are."""
        width = self.sizes.data_width
        if "writes__w" in taken:
            beat, word = taken["writes__w"], self.writing[0].word
            mask = sum(0xFF << 8 * lane for lane in range(width // 8) if beat["strb"] >> lane & 1)
            return None if word is None else (word, beat["data"], mask)
        if "host" in taken and taken["host"]["write"]:
            return taken["host"]["word"], taken["host"]["data"], (1 << width) - 1
        return None

    def _check_reads(self, taken, write) -> None:
        """Check the beat and the word of the host that come in this cycle."""
        beat = self.reading.popleft() if self.reading else None
        self.owed.append(beat and (beat, self._seen_word(beat.word, write)))
        host = taken.get("host")
        asked = host["word"] if host and not host["write"] else None
        self.host_owed.append(None if asked is None else self._seen_word(asked, write))
        due = self.owed.popleft()
        assert read(self.dut, "reads__r__valid") == bool(due)
        if due:
            beat, word = due
            fields = unpack(self.layouts["reads__r"], read(self.dut, "reads__r__payload"))
            assert fields["id"] == beat.number
            assert fields["last"] == beat.last
            assert fields["resp"] == beat.response.value
            self._compare(fields["data"], word, "beats")
            self.seen[beat.response.name] += 1
        due = self.host_owed.popleft()
        assert read(self.dut, "words_read__valid") == bool(due)
        if due:
            self._compare(read(self.dut, "words_read__payload"), due, "words")

    def _seen_word(self, word: int | None, write) -> tuple[int, int]:
        """Return what a read finds, and which of its bits are defined."""
        if word is None:
            return 0, 0
        value, known = self.memory[word]
        return value, known & ~(write[2] if write and write[0] == word else 0)

    def _compare(self, got: int, word: tuple[int, int], what: str) -> None:
        value, defined = word
        assert got & defined == value & defined, what
        self.seen[what] += defined > 0

    def _check_answer(self, taken) -> None:
        assert read(self.dut, "writes__b__valid") == (self.answer is not None)
        if self.answer is not None:
            assert read(self.dut, "writes__b__payload") == self.answer.value
        self.answer = None
        if "writes__w" in taken:
            beat = self.writing.popleft()
            if beat.last:
                self.answer = beat.response


@cocotb.test(**TIMEOUT)
async def keeps_every_byte(dut):
    """Every byte, answer, wait and cycle is that of the model, for any traffic."""
    await start(dut)
    source = randomness()
    bench = Bench(dut, source, Odds())
    for _ in range(6):
        bench.odds = Odds(
            read=source.choice([0.02, 0.3, 1]),
            write=source.choice([0.02, 0.3, 1]),
            beat=source.choice([0.2, 0.9, 1]),
            host=source.choice([0.1, 1]),
        )
        await bench.run(CYCLES // 6)
    for what in ("beats", "words", "host waits", "OKAY", "SLVERR", "DECERR"):
        assert bench.seen[what] > 5, f"{what}: {bench.seen}"


@cocotb.test(**TIMEOUT)
async def moves_a_beat_in_every_cycle(dut):
    """With bursts in time, both directions move a beat in every cycle."""
    await start(dut)
    bench = Bench(dut, randomness(), Odds(read=1, write=1, beat=1, host=0))
    await bench.run(20)
    for _ in range(300):
        await bench.run(1)
        assert read(dut, "reads__r__valid")
        assert read(dut, "writes__w__ready")


@cocotb.test(**TIMEOUT)
async def forgets_bursts_at_reset(dut):
    """After a reset nothing is owed, and the words are still there."""
    await start(dut)
    bench = Bench(dut, randomness(), Odds())
    for _ in range(4):
        await bench.run(150)
        bench.forget()
        await reset(dut)
    await bench.run(150)
