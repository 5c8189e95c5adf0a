"""Streams: offered payloads are stable, and items leave a buffer once and in order."""

from amaranth.hdl import Module, Mux, Signal, Value

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import result_layout
from weft.matrix.results import ResultBuffer
from weft.primitives.stream_queue import StreamQueue

from .harness import Harness, delayed, follow


def prove_stable(harness: Harness, m: Module, stream, name: str = "") -> None:
    """Prove that an offered payload stays valid and unchanged until it is transferred.

    `name` begins the names of the properties, if there are several streams.
    """
    payload = Signal(Value.cast(stream.payload).shape(), name=f"{name}payload")
    m.d.comb += payload.eq(Value.cast(stream.payload))
    waits = delayed(m, stream.valid & ~stream.ready, 1, f"{name}waits")
    before = delayed(m, payload, 1, f"{name}payload")
    harness.prove(f"{name}valid_stays", ~waits | stream.valid)
    harness.prove(f"{name}payload_stays", ~waits | (payload == before))
    harness.reach(f"{name}waits_and_goes", waits & stream.ready)


class ResultsComeInOrder(Harness):
    """Rows leave the result buffer as they were written, in order, and release their place once.

    Emissions are arbitrary as long as there is a place, and the sink is ready in arbitrary cycles.
    """

    def __init__(self, config: MatrixUnitConfig, depth: int):
        super().__init__()
        self.config = config
        self.depth = depth

    def describe(self, m: Module) -> None:
        config, depth = self.config, self.depth
        m.submodules.buffer = buffer = ResultBuffer(config=config, depth=depth)
        results = buffer.results
        emit = self.anything(1, "emit")
        end = self.anything(1, "end")
        sums = self.anything(result_layout(config)["lanes"].shape, "sums")
        ready = self.anything(1, "ready")
        m.d.comb += [
            buffer.emit.eq(emit),
            buffer.ends_job.eq(end),
            buffer.sums.eq(sums),
            results.ready.eq(ready),
        ]
        prove_stable(self, m, results)

        free = Signal(range(depth + 1), init=depth)
        inside = Signal(range(depth + 2))
        leaves = Signal()
        m.d.comb += leaves.eq(results.valid & ready)
        m.d.sync += [
            free.eq(free - emit + buffer.released),
            inside.eq(inside + emit - leaves),
        ]
        self.assume(free.any() | ~emit)
        self.prove("nothing_is_invented", inside.any() | ~results.valid)
        self.prove("places_come_back", inside.any() | (free == depth))
        self.prove("places_come_back_once", ~buffer.released | (free != depth))
        # A row is available this number of cycles after column 0 emitted it.
        missing = Signal(range(ResultBuffer.latency_of(config) + 2))
        m.d.sync += missing.eq(Mux(inside.any() & ~results.valid, missing + 1, 0))
        self.prove("nothing_is_lost", missing <= ResultBuffer.latency_of(config))
        self.reach("is_full", ~free.any())

        row = follow(self, m, emit, leaves, inside)
        written = Signal(result_layout(config))
        with m.If(row.enters):
            m.d.sync += written.end.eq(end)
        for column in range(config.columns):
            with m.If(delayed(m, row.enters, column, f"written_{column}")):
                m.d.sync += written.lanes[column].eq(sums[column])
        same = results.payload.as_value() == written.as_value()
        self.prove("row_is_whole", ~row.leaves | same)
        self.reach("row_behind_others", row.leaves & ~free.any())


class WordsComeInOrder(Harness):
    """Words leave a StreamQueue once and in order, and release their place once.

    Words come in arbitrary cycles in which there is a place, and the sink is ready in arbitrary
    cycles.
    """

    def __init__(self, *, width: int, depth: int):
        super().__init__()
        self.width = width
        self.depth = depth

    def describe(self, m: Module) -> None:
        depth = self.depth
        m.submodules.queue = queue = StreamQueue(width=self.width, depth=depth)
        valid, word = self.anything(1, "valid"), self.anything(self.width, "word")
        m.d.comb += [
            queue.i.valid.eq(valid),
            queue.i.payload.eq(word),
            queue.o.ready.eq(self.anything(1, "ready")),
        ]
        prove_stable(self, m, queue.o)

        free = Signal(range(depth + 1), init=depth)
        inside = Signal(range(depth + 2))
        leaves = Signal()
        m.d.comb += leaves.eq(queue.o.valid & queue.o.ready)
        m.d.sync += [
            free.eq(free - valid + queue.released),
            inside.eq(inside + valid - leaves),
        ]
        self.assume(free.any() | ~valid)
        self.prove("nothing_is_invented", inside.any() | ~queue.o.valid)
        self.prove("places_come_back", inside.any() | (free == depth))
        self.prove("places_come_back_once", ~queue.released | (free != depth))
        missing = Signal(range(StreamQueue.latency + 1))
        m.d.sync += missing.eq(Mux(inside.any() & ~queue.o.valid, missing + 1, 0))
        self.prove("nothing_is_lost", missing < StreamQueue.latency)
        self.reach("is_full", ~free.any())

        followed = follow(self, m, valid, leaves, inside)
        written = Signal(self.width)
        with m.If(followed.enters):
            m.d.sync += written.eq(word)
        self.prove("word_is_right", ~followed.leaves | (queue.o.payload == written))
        self.reach("word_behind_others", followed.leaves & ~free.any())
