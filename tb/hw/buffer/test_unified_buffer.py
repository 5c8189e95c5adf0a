"""UnifiedBuffer: a memory for all ports, whose requests wait only for earlier ports."""

import random
from collections import Counter, deque

import cocotb

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, reset, start, tick
from benches.runner import on_simulators
from weft.buffer.unified_buffer import UnifiedBuffer, write_layout

READERS = ("matrix", "weights", "x", "y", "store")
WRITERS = ("vector", "load")
BUFFERS = {
    "4 banks": (24, 32, 4, READERS, WRITERS),
    "1 bank": (5, 8, 1, READERS, WRITERS),
    "3 banks": (16, 12, 3, READERS[:2], WRITERS),
    "1 row": (8, 4, 4, READERS[:2], WRITERS),
}
NAMES = "width, rows, banks, readers, writers"


@on_simulators(NAMES, BUFFERS)
def test_unified_buffer(simulate, width, rows, banks, readers, writers):
    simulate(
        [
            reads_what_was_written,
            serves_every_port_in_every_cycle,
            lets_the_first_port_starve_the_others,
            forgets_requests_at_reset,
        ],
        UnifiedBuffer,
        width=width,
        rows=rows,
        banks=banks,
        readers=readers,
        writers=writers,
    )


class Model:
    """A memory, the requests that every port offers, and the rows that it owes to each reader."""

    def __init__(self, dut, source: random.Random):
        sizes = parameters()
        self.dut, self.source, self.sizes = dut, source, sizes
        self.writes = write_layout(rows=sizes.rows, width=sizes.width)
        self.memory: list[int | None] = [None] * sizes.rows
        self.offers: dict[str, tuple[int, int] | None] = {}
        # For each reader the rows of the coming cycles; None if there is none.
        self.owed = {name: deque([None] * UnifiedBuffer.latency) for name in sizes.readers}
        self.seen: Counter[str] = Counter()

    def bank(self, row: int) -> int:
        return row // (self.sizes.rows // self.sizes.banks)

    def offer(self, name: str, row: int) -> None:
        """Offer a request from the coming cycle on; a write has random data."""
        number = self.source.getrandbits(self.sizes.width)
        self.offers[name] = row, number
        prefix = name if name in self.sizes.writers else f"{name}__requests"
        payload = row
        if name in self.sizes.writers:
            payload = pack(self.writes, row=row, data=number)
        getattr(self.dut, f"{prefix}__payload").value = payload
        getattr(self.dut, f"{prefix}__valid").value = 1

    def withdraw(self, name: str) -> None:
        self.offers[name] = None
        prefix = name if name in self.sizes.writers else f"{name}__requests"
        getattr(self.dut, f"{prefix}__valid").value = 0

    async def step(self) -> set[str]:
        """Run for a cycle and check all outputs; return the ports whose request was taken."""
        await tick(self.dut)
        written: dict[int, int] = {}
        taken = self._check_grants(self.sizes.writers)
        for name in sorted(taken):
            row, number = self.offers[name]
            written[row] = number
        reads = self._check_grants(self.sizes.readers)
        for name in self.sizes.readers:
            due = None
            if name in reads:
                row = self.offers[name][0]
                # Without a value, the row is undefined.
                due = (None,) if row in written else (self.memory[row],)
            self.owed[name].append(due)
            self._check_row(name, self.owed[name].popleft())
        for row, number in written.items():
            self.memory[row] = number
        for name in taken | reads:
            self.withdraw(name)
        return taken | reads

    def _check_grants(self, ports) -> set[str]:
        """Check that of each bank the first port is taken; return those ports."""
        banks: set[int] = set()
        taken = set()
        waits = unpack(UnifiedBuffer(**vars(self.sizes)).waits.shape(), read(self.dut, "waits"))
        for name in ports:
            offered = self.offers.get(name)
            loses = bool(offered) and self.bank(offered[0]) in banks
            assert waits[name] == loses, f"{name} {'should wait' if loses else 'waits'}"
            if offered:
                prefix = name if name in self.sizes.writers else f"{name}__requests"
                assert read(self.dut, f"{prefix}__ready") == (not loses)
                banks.add(self.bank(offered[0]))
                self.seen[f"{name} waits"] += loses
                if not loses:
                    taken.add(name)
        return taken

    def _check_row(self, name: str, due: tuple | None) -> None:
        """Check that a row comes exactly when it is due, with what was written before."""
        assert read(self.dut, f"{name}__rows__valid") == (due is not None), name
        if due and due[0] is not None:
            assert read(self.dut, f"{name}__rows__payload") == due[0], name
            self.seen["rows"] += 1


@cocotb.test(**TIMEOUT)
async def reads_what_was_written(dut):
    """Every port asks for random rows at random times."""
    source, sizes = randomness(), parameters()
    await start(dut)
    model = Model(dut, source)
    for _ in range(1500):
        for name in (*sizes.readers, *sizes.writers):
            if not model.offers.get(name) and source.random() < 0.4:
                model.offer(name, source.randrange(sizes.rows))
        await model.step()
    assert model.seen["rows"] > 200
    for ports in (sizes.readers, sizes.writers):
        for name in ports[1:]:
            assert model.seen[f"{name} waits"] > 20


@cocotb.test(**TIMEOUT)
async def serves_every_port_in_every_cycle(dut):
    """Ports of different banks transfer a request in every cycle."""
    source, sizes = randomness(), parameters()
    await start(dut)
    model = Model(dut, source)
    height = sizes.rows // sizes.banks
    for ports in (sizes.readers[: sizes.banks], sizes.writers[: sizes.banks]):
        for cycle in range(100):
            for number, name in enumerate(ports):
                bank = (number + cycle) % sizes.banks
                model.offer(name, bank * height + source.randrange(height))
            assert await model.step() == set(ports)


@cocotb.test(**TIMEOUT)
async def lets_the_first_port_starve_the_others(dut):
    """While the first port asks for a bank in every cycle, no other port gets it."""
    source, sizes = randomness(), parameters()
    await start(dut)
    model = Model(dut, source)
    for ports in (sizes.readers, sizes.writers):
        first, others = ports[0], ports[1:]
        for name in ports:
            model.offer(name, 0)
        for _ in range(50):
            assert await model.step() == {first}
            model.offer(first, 0)
        model.withdraw(first)
        # Then they follow, one per cycle.
        assert [await model.step() for _ in others] == [{name} for name in others]


@cocotb.test(**TIMEOUT)
async def forgets_requests_at_reset(dut):
    """After a reset no row comes that was asked for before."""
    source, sizes = randomness(), parameters()
    await start(dut)
    for _ in range(5):
        model = Model(dut, source)
        for _ in range(source.randint(1, 6)):
            for name in sizes.readers:
                model.offer(name, source.randrange(sizes.rows))
            await model.step()
        for name in sizes.readers:
            model.withdraw(name)
        await reset(dut)
        model = Model(dut, source)
        for _ in range(2 * UnifiedBuffer.latency):
            await model.step()
