"""VectorCore: a vector unit and a buffer with other readers and writers."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.buffer.unified_buffer import UnifiedBuffer, read_port, write_layout
from weft.core.core_config import CoreConfig
from weft.core.vector_unit import VectorUnit
from weft.hierarchy import instantiate
from weft.isa.instructions import VECTOR
from weft.isa.layouts import instruction_layout
from weft.matrix.layouts import result_layout
from weft.vector.layouts import constant_layout

READERS = ("matrix", "x", "y", "store")
WRITERS = ("vector", "load")


class VectorCore(wiring.Component):
    """A VectorUnit between results and a buffer; what it does with the buffer can be seen.

    Members
    -------
    instructions, results, constants, finished, error : see VectorUnit
    matrix, store : read_port(...) of the buffer
    load : stream of write_layout(...) in
    x_request, y_request, write : 1 bit out. The unit transfers one in this cycle.
    written : write_layout(...) out
    refused : 1 bit out. A write of the unit is not taken at once.
    """

    def __init__(self, *, config: CoreConfig):
        self.config = config
        self._sizes = {"rows": config.buffer.rows, "width": config.lanes * config.operand_width}
        write = write_layout(**self._sizes)
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(VECTOR))),
                "results": In(stream.Signature(result_layout(config.matrix))),
                "constants": In(stream.Signature(constant_layout(config.lanes), always_ready=True)),
                "finished": Out(1),
                "error": Out(5),
                **{name: In(read_port(**self._sizes)) for name in ("matrix", "store")},
                "load": In(stream.Signature(write)),
                **{name: Out(1) for name in ("x_request", "y_request", "write", "refused")},
                "written": Out(write),
            }
        )

    def elaborate(self, platform):
        m = Module()
        buffer = instantiate(
            m,
            "buffer",
            platform,
            UnifiedBuffer,
            **self._sizes,
            banks=self.config.buffer.banks,
            readers=READERS,
            writers=WRITERS,
        )
        unit = instantiate(m, "unit", platform, VectorUnit, config=self.config)
        for name in ("instructions", "results", "constants"):
            connect(m, flipped(getattr(self, name)), getattr(unit, name))
        for name in ("matrix", "store", "load"):
            connect(m, flipped(getattr(self, name)), getattr(buffer, name))
        for name in ("x", "y"):
            connect(m, getattr(unit, name), getattr(buffer, name))
        connect(m, unit.destination, buffer.vector)
        write = unit.destination
        m.d.comb += [
            self.finished.eq(unit.finished),
            self.error.eq(unit.error),
            self.x_request.eq(unit.x.requests.valid & unit.x.requests.ready),
            self.y_request.eq(unit.y.requests.valid & unit.y.requests.ready),
            self.write.eq(write.valid),
            self.written.eq(write.payload),
            self.refused.eq(write.valid & ~write.ready),
        ]
        return m
