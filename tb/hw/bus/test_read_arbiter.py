"""ReadArbiter: each reader gets its own beats, in order, and none from before a flush."""

import random
from collections import deque

import cocotb
import numpy as np

from benches.axi_memory import AxiMemory, random_memory
from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.bus.axi4 import Burst, offset_bits, read_address_layout, read_data_layout
from weft.bus.read_arbiter import ReadArbiter, read_id_width
from weft_sim.cocotb_driver import cycle_now
from weft_sim.stalls import random_bools

ADDRESS, DATA = 40, 64
READERS = {"3 readers": ("fetch", "weights", "load"), "1 reader": ("load",)}


@on_simulators("readers", READERS)
def test_read_arbiter(simulate, readers):
    simulate(
        [
            gives_each_reader_its_beats,
            takes_turns,
            forgets_requests_at_a_flush,
            waits_while_beats_of_both_epochs_are_owed,
        ],
        ReadArbiter,
        address_width=ADDRESS,
        data_width=DATA,
        readers=readers,
        most=7,
    )


class Readers:
    """Readers that request random bursts of an image, and the beats that they are owed."""

    def __init__(self, dut, source: random.Random, asks: float = 1.0):
        self.dut, self.source = dut, source
        self.names = parameters().readers
        self.image = np.random.default_rng(source.getrandbits(32)).integers(0, 256, 8192, np.uint8)
        self.layout = read_address_layout(address_width=ADDRESS, id_width=0)
        self.beats = read_data_layout(data_width=DATA, id_width=0)
        self.id_width = read_id_width(len(self.names))
        self.asks = random_bools(source, asks)
        self.offers: dict[str, int | None] = dict.fromkeys(self.names)
        self.owed: dict[str, deque[tuple[int, bool]]] = {name: deque() for name in self.names}
        self.taken: list[tuple[int, str]] = []
        self.came = 0
        self.sizes = dict(
            data_width=DATA, address_width=ADDRESS, id_width=read_id_width(len(self.names))
        )

    def _offer(self) -> int:
        """Return a random request."""
        beats = self.source.choice([1, 1, 2, 16])
        address = self.source.randrange(8192 // 128) * 128 + 8 * self.source.randrange(17 - beats)
        return pack(
            self.layout,
            addr=address,
            len=beats - 1,
            size=offset_bits(DATA),
            burst=Burst.INCR.value,
        )

    def drive(self, *, flush: bool = False, quiet: bool = False) -> None:
        """Offer requests in the coming cycle; after a flush, readers have other ones or none."""
        self.dut.flush.value = int(flush)
        for name in self.names:
            if self.offers[name] is None and not quiet and next(self.asks):
                self.offers[name] = self._offer()
            offer = self.offers[name]
            getattr(self.dut, f"{name}__ar__valid").value = int(offer is not None)
            if offer is not None:
                getattr(self.dut, f"{name}__ar__payload").value = offer

    def see(self, *, flush: bool = False) -> None:
        """Compare the beats of a cycle with those that are owed; note the requests."""
        for name in self.names:
            if read(self.dut, f"{name}__r__valid") and not flush:
                assert self.owed[name], f"{name} got a beat that it is not owed"
                address, last = self.owed[name].popleft()
                fields = unpack(self.beats, read(self.dut, f"{name}__r__payload"))
                data = int.from_bytes(self.image[address : address + 8].tobytes(), "little")
                assert (fields["data"], fields["last"]) == (data, last), name
                self.came += 1
            offer = self.offers[name]
            if offer is not None and read(self.dut, f"{name}__ar__ready"):
                assert not flush, "a request was taken during a flush"
                fields = unpack(self.layout, offer)
                for beat in range(fields["len"] + 1):
                    self.owed[name].append((fields["addr"] + 8 * beat, beat == fields["len"]))
                self.offers[name] = None
                self.taken.append((cycle_now(), name))
        if flush:
            for name in self.names:
                self.owed[name].clear()
                self.offers[name] = None

    async def run(self, cycles: int, **how: bool) -> None:
        for _ in range(cycles):
            self.drive(**how)
            await tick(self.dut)
            self.see(flush=how.get("flush", False))

    async def finish(self, memory: AxiMemory) -> None:
        """Wait until nothing is owed."""
        await self.run(3, quiet=True)
        while any(self.owed.values()) or any(o is not None for o in self.offers.values()):
            await self.run(1, quiet=True)
        await self.run(2, quiet=True)
        assert memory.is_idle == bool(read(self.dut, "idle"))


@cocotb.test(**TIMEOUT)
async def gives_each_reader_its_beats(dut):
    """Random requests and answers in any order between readers."""
    source = randomness()
    await start(dut)
    for asks in (1.0, 0.3, 0.05):
        readers = Readers(dut, source, asks)
        memory = random_memory(dut, "memory", readers.image, source, **readers.sizes)
        serving = cocotb.start_soon(memory.serve())
        await readers.run(600)
        await readers.finish(memory)
        assert read(dut, "idle") and readers.came > 50
        serving.cancel()


@cocotb.test(**TIMEOUT)
async def takes_turns(dut):
    """If all ask always, there is a request per cycle, from each reader in turn."""
    await start(dut)
    readers = Readers(dut, randomness())
    readers.asks = random_bools(readers.source, 1.0)
    # As many beats as requests, so that few bursts are owed.
    readers._offer = lambda: pack(readers.layout, size=3, burst=Burst.INCR.value)
    memory = AxiMemory(dut, "memory", readers.image, latency=3, **readers.sizes)
    serving = cocotb.start_soon(memory.serve())
    await readers.run(60)
    first, count = readers.taken[0][0], len(readers.names)
    order = [readers.names.index(name) for _, name in readers.taken]
    assert [cycle for cycle, _ in readers.taken] == list(range(first, first + 60))
    assert order == [(order[0] + turn) % count for turn in range(60)]
    assert memory.requests[0].cycle == first + ReadArbiter.latency
    await readers.finish(memory)
    serving.cancel()


@cocotb.test(**TIMEOUT)
async def forgets_requests_at_a_flush(dut):
    """Flushes at any time, also several while the beats of an earlier one are still to come."""
    source = randomness()
    await start(dut)
    for _ in range(4):
        readers = Readers(dut, source, source.choice([1.0, 0.2]))
        memory = random_memory(dut, "memory", readers.image, source, **readers.sizes)
        serving = cocotb.start_soon(memory.serve())
        for _ in range(25):
            await readers.run(source.choice([0, 1, 3, 40, 90]))
            await readers.run(1, flush=True)
        await readers.run(200)
        await readers.finish(memory)
        # What is left is stale.
        while not memory.is_idle:
            await readers.run(1, quiet=True)
        await readers.run(2, quiet=True)
        assert read(dut, "idle")
        serving.cancel()


@cocotb.test(**TIMEOUT)
async def waits_while_beats_of_both_epochs_are_owed(dut):
    """After two flushes, requests go on as soon as all stale beats have come, and not before."""
    await start(dut)
    readers = Readers(dut, randomness())
    gives = deque([False] * 60 + [True] * 2000)
    memory = AxiMemory(
        dut, "memory", readers.image, gives=iter(gives.popleft, None), **readers.sizes
    )
    serving = cocotb.start_soon(memory.serve())
    await readers.run(10)
    await readers.run(1, flush=True)
    await readers.run(10)
    assert not read(dut, "idle")
    await readers.run(1, flush=True)
    taken = len(readers.taken)
    await readers.run(20)
    assert len(readers.taken) == taken, "a request was taken while beats of both epochs are owed"
    await readers.run(600)
    assert len(readers.taken) > taken
    await readers.finish(memory)
    serving.cancel()
