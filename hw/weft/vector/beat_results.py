"""BeatResults: from the results of the lanes to rows in the buffer."""

from amaranth.hdl import Module, Mux, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..buffer.unified_buffer import write_layout
from ..hierarchy import instantiate
from ..isa.fields import WORD_BITS
from .layouts import outcome_layout
from .row_chunks import RowChunks
from .row_collector import RowCollector


class BeatResults(wiring.Component):
    def __init__(self, *, row_chunks: RowChunks, buffer_rows: int, row_scalars: int):
        self.row_chunks = row_chunks
        self.buffer_rows = buffer_rows
        self.row_scalars = row_scalars
        outcome = outcome_layout(
            chunks=row_chunks.chunks, buffer_rows=buffer_rows, row_scalars=row_scalars
        )
        lanes = Lanes(signed(WORD_BITS), row_chunks.chunk)
        writes = write_layout(rows=buffer_rows, width=row_chunks.row_width)
        super().__init__(
            {
                "results": In(stream.Signature(lanes, always_ready=True)),
                "outcome": In(outcome),
                "valid_lanes": In(9),
                "destination_format": In(4),
                "writes": Out(stream.Signature(writes, always_ready=True)),
                "ends": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sizes, outcome = self.row_chunks, self.outcome
        collector = instantiate(
            m,
            "collector",
            platform,
            RowCollector,
            row_chunks=sizes,
            buffer_rows=self.buffer_rows,
        )
        chunks = collector.chunks
        for lane in range(sizes.chunk):
            valid = outcome.chunk * sizes.chunk + lane < self.valid_lanes
            m.d.comb += chunks.payload.lanes[lane].eq(Mux(valid, self.results.payload[lane], 0))
        m.d.comb += [
            chunks.valid.eq(self.results.valid & outcome.last_row),
            chunks.payload.row.eq(outcome.destination),
            chunks.payload.first.eq(outcome.first_chunk),
            chunks.payload.last.eq(outcome.last),
            collector.format.eq(self.destination_format),
            self.ends.eq(collector.ends),
        ]
        wiring.connect(m, collector.writes, wiring.flipped(self.writes))
        return m
