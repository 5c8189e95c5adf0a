"""Streams: what is offered stays, and what went in comes out once, in order."""

from amaranth.hdl import Module, Mux, Signal

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import result_layout
from weft.matrix.results import ResultBuffer

from .harness import Harness, delayed, follow


def prove_stable(harness: Harness, m: Module, stream) -> None:
    """A payload that is offered and not taken is offered again, and is the same."""
    payload = Signal(stream.payload.shape().size)
    m.d.comb += payload.eq(stream.payload)
    waits = delayed(m, stream.valid & ~stream.ready, 1, "waits")
    harness.prove("valid_stays", ~waits | stream.valid)
    harness.prove("payload_stays", ~waits | (payload == delayed(m, payload, 1, "payload")))
    harness.reach("waits_and_goes", waits & stream.ready)


class ResultsComeInOrder(Harness):
    """The result buffer with any emissions that it has room for, and a sink that is ready in any
    cycles: rows leave as they were written, in their order, and each place is given back once."""

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

        room = Signal(range(depth + 1), init=depth)
        inside = Signal(range(depth + 2))
        leaves = Signal()
        m.d.comb += leaves.eq(results.valid & ready)
        m.d.sync += [
            room.eq(room - emit + buffer.released),
            inside.eq(inside + emit - leaves),
        ]
        self.assume(room.any() | ~emit)
        self.prove("nothing_is_invented", inside.any() | ~results.valid)
        self.prove("places_come_back", inside.any() | (room == depth))
        self.prove("places_come_back_once", ~buffer.released | (room != depth))
        # Its last column is written so many cycles after it was emitted.
        missing = Signal(range(ResultBuffer.latency_of(config) + 2))
        m.d.sync += missing.eq(Mux(inside.any() & ~results.valid, missing + 1, 0))
        self.prove("nothing_is_lost", missing <= ResultBuffer.latency_of(config))
        self.reach("is_full", ~room.any())

        row = follow(self, m, emit, leaves, inside)
        written = Signal(result_layout(config))
        with m.If(row.enters):
            m.d.sync += written.end.eq(end)
        for column in range(config.columns):
            with m.If(delayed(m, row.enters, column, f"written_{column}")):
                m.d.sync += written.lanes[column].eq(sums[column])
        same = results.payload.as_value() == written.as_value()
        self.prove("row_is_whole", ~row.leaves | same)
        self.reach("row_behind_others", row.leaves & ~room.any())
