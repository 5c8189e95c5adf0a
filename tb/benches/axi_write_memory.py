"""A memory behind the write channels of AXI4, which checks the rules of the bus."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benches.bits import split, unpack
from benches.coroutines import read, tick
from weft.bus.axi4 import BOUNDARY_BYTES, Burst, Response
from weft.bus.axi4_write import write_address_layout, write_data_layout
from weft_sim.cocotb_driver import cycle_now


@dataclass(kw_only=True)
class Pace:
    """How often a memory accepts an address and a beat, and answers a burst."""

    addresses: float = 1.0
    beats: float = 1.0
    responses: float = 1.0


@dataclass(kw_only=True)
class WriteMemory:
    """A memory of bytes from `base` on, on the port `name` of a component.

    `bursts` has the address and the number of beats of each burst, and `beats` the data and the
    strobes of each beat; `cycles` and `beat_cycles` have the cycles in which the memory took them.
    The bursts of the numbers `bad` are answered with an error. All are answered in order.
    """

    dut: object
    name: str
    base: int
    bytes: np.ndarray
    address_width: int
    data_width: int
    source: random.Random
    pace: Pace = field(default_factory=Pace)
    bad: set[int] = field(default_factory=set)
    bursts: list[tuple[int, int]] = field(default_factory=list)
    beats: list[tuple[int, int]] = field(default_factory=list)
    answered: int = 0
    cycles: list[int] = field(default_factory=list)
    beat_cycles: list[int] = field(default_factory=list)

    async def run(self) -> None:
        """Take bursts and answer them for ever."""
        held: dict[str, int | None] = {"aw": None, "w": None}
        answers: deque[int] = deque()
        late = 0
        while True:
            ready = {
                "aw": int(self.source.random() < self.pace.addresses),
                "w": int(self.source.random() < self.pace.beats),
            }
            for channel, value in ready.items():
                self._port(f"{channel}__ready").value = value
            # A response is held until it is taken, and it is always taken at once.
            responds = bool(answers) and self.source.random() < self.pace.responses
            self._port("b__valid").value = int(responds)
            if responds:
                number = answers.popleft()
                response = Response.SLVERR if number in self.bad else Response.OKAY
                self._port("b__payload").value = response.value
            await tick(self.dut)
            self.answered += responds
            for channel, take in (("aw", self._take_address), ("w", self._take_beat)):
                valid = read(self.dut, f"{self.name}__{channel}__valid")
                if not valid:
                    assert held[channel] is None, f"{channel}: valid fell before the transfer"
                    continue
                payload = read(self.dut, f"{self.name}__{channel}__payload")
                before = held[channel]
                assert before in (None, payload), f"{channel}: the payload changed"
                held[channel] = None if ready[channel] else payload
                if ready[channel]:
                    take(payload)
            # All beats of a burst are in hand when its address is offered.
            owed = sum(beats for _, beats in self.bursts) - len(self.beats)
            late = late + 1 if owed > 0 and not read(self.dut, f"{self.name}__w__valid") else 0
            assert late <= 2, "a beat of a burst that was announced is missing"
            answers.extend(self._write())

    def _port(self, signal: str):
        return getattr(self.dut, f"{self.name}__{signal}")

    def _take_address(self, payload: int) -> None:
        fields = unpack(write_address_layout(address_width=self.address_width), payload)
        size, beats = self.data_width // 8, fields["len"] + 1
        assert 1 << fields["size"] == size
        assert fields["burst"] == Burst.INCR.value
        assert fields["addr"] % size == 0
        first, last = fields["addr"], fields["addr"] + beats * size - 1
        assert first // BOUNDARY_BYTES == last // BOUNDARY_BYTES, "a burst crosses 4 KiB"
        self.bursts.append((fields["addr"], beats))
        self.cycles.append(cycle_now())

    def _take_beat(self, payload: int) -> None:
        fields = unpack(write_data_layout(data_width=self.data_width), payload)
        self.lasts.append(bool(fields["last"]))
        self.beats.append((fields["data"], fields["strb"]))
        self.beat_cycles.append(cycle_now())

    def __post_init__(self):
        self.lasts: list[bool] = []
        # Bursts and beats that have been written.
        self.written, self.used = 0, 0

    def _write(self) -> Iterator[int]:
        """Write the bursts whose address and beats are all here; yield their numbers."""
        size = self.data_width // 8
        while self.written < len(self.bursts):
            address, count = self.bursts[self.written]
            if len(self.beats) < self.used + count:
                return
            lasts = self.lasts[self.used : self.used + count]
            assert lasts == [False] * (count - 1) + [True], f"last is wrong: {lasts}"
            for beat in range(count):
                word, strobes = self.beats[self.used + beat]
                for byte, value in enumerate(split(word, 8, size)):
                    if strobes >> byte & 1:
                        at = address + beat * size + byte - self.base
                        assert 0 <= at < len(self.bytes), f"byte {at} is not in the memory"
                        self.bytes[at] = value
            self.used += count
            self.written += 1
            yield self.written - 1

    @property
    def idle(self) -> bool:
        """Whether all bursts are answered, and all beats belong to one."""
        return self.answered == len(self.bursts) and self.used == len(self.beats)
