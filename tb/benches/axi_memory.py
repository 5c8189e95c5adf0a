"""A memory behind AXI4 read channels, which judges the requests that it gets."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from benches.bits import pack, unpack
from benches.coroutines import read, tick
from weft.bus.axi4 import (
    BOUNDARY_BYTES,
    Burst,
    Response,
    offset_bits,
    read_address_layout,
    read_data_layout,
)
from weft_sim.cocotb_driver import cycle_now
from weft_sim.stalls import random_bools

MOST_BEATS = 16


class Request(NamedTuple):
    """A burst, and the cycle of its transfer."""

    cycle: int
    address: int
    beats: int
    number: int


class Beat(NamedTuple):
    """A beat that is owed, and the first cycle in which it may come."""

    due: int
    address: int
    last: bool


@dataclass
class AxiMemory:
    """Bytes from the address `base` on, read through the port `port` of a component.

    Beats of an ID come in order. With `source`, those of different IDs are mixed at random, also
    within bursts; otherwise all come in the order of their requests.

    Parameters
    ----------
    dut
    port : str
    image : ndarray of uint8
    data_width, address_width, id_width : int
    base : int
    latency : int
        Cycles from a request to its first beat.
    jitter : int
        Most cycles that are added to the latency of a request, with `source`.
    accepts, gives : iterator, optional
        In which cycles a request is taken, and a beat may come; by default in all.
    source : random.Random, optional
    errors : set of int
        Addresses of beats that answer with an error.
    """

    dut: object
    port: str
    image: np.ndarray
    data_width: int
    address_width: int = 40
    id_width: int = 0
    base: int = 0
    latency: int = 1
    jitter: int = 0
    accepts: Iterator[bool] | None = None
    gives: Iterator[bool] | None = None
    source: random.Random | None = None
    errors: set[int] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)
    beats: list[tuple[int, int]] = field(default_factory=list)
    owed: dict[int, deque[Beat]] = field(default_factory=dict)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is owed."""
        return not any(self.owed.values())

    async def serve(self) -> None:
        """Serve the port for ever; to be called right after an edge."""
        ar, r = f"{self.port}__ar", f"{self.port}__r"
        layout = read_address_layout(address_width=self.address_width, id_width=self.id_width)
        waiting = None
        while True:
            accepts = True if self.accepts is None else next(self.accepts)
            getattr(self.dut, f"{ar}__ready").value = int(accepts)
            self._answer(r)
            await tick(self.dut)
            if not read(self.dut, f"{ar}__valid"):
                assert waiting is None, "ARVALID fell before the transfer"
                continue
            payload = read(self.dut, f"{ar}__payload")
            assert waiting in (None, payload), "a request changed before its transfer"
            waiting = None if accepts else payload
            if accepts:
                self._take(unpack(layout, payload))

    def _take(self, fields: dict[str, int]) -> None:
        """Check a request, and owe its beats."""
        size, address, beats = self.data_width // 8, fields["addr"], fields["len"] + 1
        assert fields["size"] == offset_bits(self.data_width), "a beat is not of full width"
        assert fields["burst"] == Burst.INCR.value, "the burst is not INCR"
        assert address % size == 0, f"the address {address:#x} is not that of a beat"
        assert beats <= MOST_BEATS, f"the burst has {beats} beats"
        last = address + size * beats - 1
        assert address // BOUNDARY_BYTES == last // BOUNDARY_BYTES, "the burst crosses 4 KiB"
        number = fields.get("id", 0) if self.id_width else 0
        now = cycle_now()
        self.requests.append(Request(now, address, beats, number))
        due = now + self.latency
        if self.source is not None:
            due += self.source.randint(0, self.jitter)
        queue = self.owed.setdefault(number, deque())
        for beat in range(beats):
            queue.append(Beat(due, address + beat * size, beat == beats - 1))

    def _answer(self, r: str) -> None:
        """Drive the beat of the coming cycle, or none."""
        coming = cycle_now() + 1
        gives = True if self.gives is None else next(self.gives)
        ready = [number for number, beats in self.owed.items() if beats and beats[0].due <= coming]
        getattr(self.dut, f"{r}__valid").value = int(gives and bool(ready))
        if not gives or not ready:
            return
        if self.source is None:
            number = min(ready, key=lambda number: self.owed[number][0].due)
        else:
            number = self.source.choice(ready)
        beat = self.owed[number].popleft()
        wrong = beat.address in self.errors
        getattr(self.dut, f"{r}__payload").value = pack(
            read_data_layout(data_width=self.data_width, id_width=self.id_width),
            id=number,
            data=self._word(beat.address),
            resp=(Response.SLVERR if wrong else Response.OKAY).value,
            last=beat.last,
        )
        self.beats.append((coming, beat.address))

    def _word(self, address: int) -> int:
        """Return the bytes of a beat; outside of the image they are unknown, and so random."""
        size = self.data_width // 8
        start = address - self.base
        inside = self.image[max(0, start) : max(0, start + size)]
        before = max(0, -start)
        rest = random.Random(address).randbytes(size)
        word = rest[:before] + inside.tobytes() if before < size else rest
        return int.from_bytes((word + rest)[:size], "little")


def random_memory(dut, port: str, image: np.ndarray, source: random.Random, **sizes) -> AxiMemory:
    """Return a memory with random latencies and gaps."""
    return AxiMemory(
        dut,
        port,
        image,
        latency=source.choice([1, 3, 20]),
        jitter=source.choice([0, 5, 40]),
        accepts=random_bools(source, source.choice([1.0, 0.7, 0.2])),
        gives=random_bools(source, source.choice([1.0, 0.8, 0.3])),
        source=source,
        **sizes,
    )
