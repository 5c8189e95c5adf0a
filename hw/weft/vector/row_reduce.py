"""RowReduce: the sum or the maximum of the rows of a window, lane by lane."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..primitives.lut_memory import Read, Write, add_lut_memory
from .beats import WORD
from .reduction import reduced


def row_reduce_layout(*, lanes: int, chunks: int) -> data.StructLayout:
    """Return the layout of a beat: chunk `chunk` of a row that is the first, the last, or neither.

    A row of N elements has N / `lanes` chunks.
    """
    return data.StructLayout(
        {
            "first_row": 1,
            "last_row": 1,
            "chunk": range(max(2, chunks)),
            "values": Lanes(WORD, lanes),
        }
    )


class RowReduce(wiring.Component):
    """Reduce each chunk of a row with the same chunk of the other rows of its window.

    The chunks of a row may come in any order, each once. A memory of LUTs holds what the rows so
    far give for each chunk. A chunk that follows itself in the next cycle, as in a row of one
    chunk, takes that from the register of the result instead.

    | Cycle | |
    | --- | --- |
    | 0 | a beat; the memory is read |
    | 1 | the beat is reduced with what was read; the memory is written |
    | 2 | the result, if the beat is of the last row |

    Latency `latency` cycles from a beat of the last row to its result, one beat per cycle. Never
    stalls. The first row of a window replaces what the memory holds.

    Parameters
    ----------
    lanes, chunks : int

    Members
    -------
    maximum : 1 bit in. Take the maximum; otherwise the sum modulo 2**32. Static while there are
        beats of its instruction inside.
    beats : stream of row_reduce_layout(...) in
    results : stream of lanes x signed(32) out
    """

    latency = 2

    def __init__(self, *, lanes: int, chunks: int):
        self.lanes = lanes
        self.chunks = chunks
        beat = row_reduce_layout(lanes=lanes, chunks=chunks)
        super().__init__(
            {
                "maximum": In(1),
                "beats": In(stream.Signature(beat, always_ready=True)),
                "results": Out(stream.Signature(Lanes(WORD, lanes), always_ready=True)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        offered, row = self.beats.payload, Lanes(WORD, self.lanes)
        valid = Signal()
        beat = Signal(offered.shape(), reset_less=True)
        total, result = Signal(row), Signal(row, reset_less=True)
        # The beat of the cycle before was of the same chunk, and is not in the memory yet.
        follows = Signal()
        m.d.sync += [
            valid.eq(self.beats.valid),
            beat.eq(offered),
            follows.eq(valid & (beat.chunk == offered.chunk)),
            self.results.valid.eq(valid & beat.last_row),
            result.eq(total),
        ]
        known = add_lut_memory(
            m,
            platform,
            shape=row,
            depth=max(2, self.chunks),
            write=Write(enable=valid, row=beat.chunk, data=total),
            read=Read(enable=self.beats.valid, row=offered.chunk),
        )
        before = Signal(row)
        m.d.comb += [before.eq(Mux(follows, result, known)), self.results.payload.eq(result)]
        for lane in range(self.lanes):
            value = beat.values[lane]
            both = reduced(m, before[lane], value, maximum=self.maximum, name=f"both_{lane}")
            m.d.comb += total[lane].eq(Mux(beat.first_row, value, both))
        return m
