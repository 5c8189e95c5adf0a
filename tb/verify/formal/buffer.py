"""Buffer: a memory in banks, whose requests wait only for earlier ports of the same bank."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from weft.buffer.unified_buffer import UnifiedBuffer

from .harness import Harness, delayed

READERS, WRITERS = ("a", "b", "c"), ("d", "e")


class BufferIsAMemory(Harness):
    """Each request is granted or waits for an earlier port, and a read returns the last write.

    Requests are arbitrary in each cycle. One arbitrary row is followed, so what holds for it holds
    for all rows.
    """

    def __init__(self, *, rows: int, banks: int):
        super().__init__()
        self.rows = rows
        self.banks = banks

    def describe(self, m: Module) -> None:
        m.submodules.buffer = buffer = UnifiedBuffer(
            width=1, rows=self.rows, banks=self.banks, readers=READERS, writers=WRITERS
        )
        row = self.some_constant(m, range(self.rows), "row")
        requests = {name: getattr(buffer, name).requests for name in READERS}
        writes = {name: getattr(buffer, name) for name in WRITERS}
        for name, port in (requests | writes).items():
            m.d.comb += [
                port.valid.eq(self.anything(1, f"{name}_valid")),
                Value.cast(port.payload).eq(
                    self.anything(Value.cast(port.payload).shape(), f"{name}_payload")
                ),
            ]
        self._prove_grants(m, buffer, {name: port.payload for name, port in requests.items()})
        self._prove_grants(m, buffer, {name: port.payload.row for name, port in writes.items()})

        stored, known, written = Signal(), Signal(), Signal()
        for port in writes.values():
            with m.If(port.valid & port.ready & (port.payload.row == row)):
                m.d.comb += written.eq(1)
                m.d.sync += [stored.eq(port.payload.data), known.eq(1)]
        for name, port in requests.items():
            taken = port.valid & port.ready
            asks = taken & (port.payload == row) & known & ~written
            rows = getattr(buffer, name).rows
            came = delayed(m, taken, buffer.latency, f"{name}_came")
            due = delayed(m, asks, buffer.latency, f"{name}_due")
            value = delayed(m, stored, buffer.latency, f"{name}_value")
            self.prove(f"{name}_comes", rows.valid == came)
            self.prove(f"{name}_is_right", ~due | (rows.payload == value))
        again = delayed(m, written & known, 1, "again")
        last = requests[READERS[-1]]
        reads = last.valid & last.ready & (last.payload == row)
        self.reach("read_of_a_second_write", again & reads & stored)

    def _prove_grants(self, m: Module, buffer, rows: dict[str, Value]) -> None:
        """Prove that a request waits if and only if an earlier port asks for its bank."""
        height = self.rows // self.banks
        asked: list[Value] = []
        for name, row in rows.items():
            port = getattr(buffer, name)
            port = getattr(port, "requests", port)
            bank = row // height
            loses = port.valid & Cat(*[other == bank + 1 for other in asked]).any()
            # The first port never waits, and its signals are constant.
            if asked:
                self.prove(f"{name}_waits_for_earlier_ports", ~port.valid | (port.ready == ~loses))
                self.prove(f"{name}_is_seen_to_wait", buffer.waits[name] == loses)
                self.reach(f"{name}_waits", loses)
            # The number of the bank plus one, or zero.
            asked.append(Mux(port.valid, bank + 1, 0))
