"""DataPath: from the buffer of a core to the results of its matrix unit."""

from amaranth.hdl import Cat, Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..buffer.unified_buffer import UnifiedBuffer, read_port, write_layout
from ..bus.axi4 import read_channels
from ..bus.regions import regions_layout
from ..hierarchy import instantiate
from ..isa.instructions import MATMUL, WEIGHTS
from ..isa.layouts import instruction_layout
from ..matrix.layouts import Error, counter_layout, result_layout
from ..matrix.matrix_unit import MatrixUnit
from ..matrix.timing import MatrixUnitTiming
from ..matrix.weight_fifo import WeightFifo
from .core_config import CoreConfig
from .errors import CoreError
from .left_over import LeftOver
from .matrix_feeder import MatrixFeeder
from .weights_unit import WeightsUnit

# From the highest priority to the lowest. MATRIX reads a row in every cycle, and loses one for each
# that it waits; the others have time to wait.
READERS = ("matrix", "weights", "x", "y", "store")
WRITERS = ("vector", "load")
OUTER_READERS = READERS[2:]
OBSERVED = ("moves", "row_waits", "full", "weights_written", "weights_wait")


class DataPath(wiring.Component):
    """The buffer, the units WEIGHTS and MATRIX, the weight FIFO and the matrix unit.

    Instructions are executed as they come; whoever sends them must keep their waits.

    Latency, if nothing waits: from a MATMUL to its first activation row MatrixFeeder.latency, and
    from there to its result MatrixUnitTiming.latency.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    weights, matmuls : streams of instructions of WEIGHTS and of MATRIX
    weights_finished, matmul_finished : 1 bit out. An instruction has finished.
    regions : regions_layout(...) in; constant while there are instructions
    memory : read_channels(...), without ID, of WEIGHTS
    weights_error : CoreError, out; see WeightsUnit
    x, y, store : read_port(...) of the buffer for other units
    vector, load : streams of write_layout(...) in
    waits : 1 bit out per port of the buffer. Its request waits for its bank.
    results : stream of result_layout(config.matrix), out
    left_over : 1 bit out. There are tiles, unfinished sums or result rows.
    outside : 1 bit out. See MatrixFeeder.
    moves : 1 bit out. A row is read from the buffer, or goes into the matrix unit.
    row_waits, full : 1 bit out. A row waits at the matrix unit; all places for results are taken.
    weights_written, weights_wait : 1 bit out. A row goes into the weight FIFO; it has no room.
    clear_errors, errors, counters : see MatrixUnit
    """

    def __init__(self, *, config: CoreConfig):
        self.config = config
        bus = config.bus
        memory = read_channels(address_width=bus.address_width, data_width=bus.data_width)
        sizes = {"rows": config.buffer.rows, "width": config.lanes * config.operand_width}
        super().__init__(
            {
                "weights": In(stream.Signature(instruction_layout(WEIGHTS))),
                "matmuls": In(stream.Signature(instruction_layout(MATMUL))),
                "weights_finished": Out(1),
                "matmul_finished": Out(1),
                "regions": In(regions_layout(bus.address_width)),
                "memory": Out(memory),
                "weights_error": Out(CoreError),
                **{name: In(read_port(**sizes)) for name in OUTER_READERS},
                **{name: In(stream.Signature(write_layout(**sizes))) for name in WRITERS},
                "waits": Out(data.StructLayout({name: 1 for name in (*READERS, *WRITERS)})),
                "results": Out(stream.Signature(result_layout(config.matrix))),
                "left_over": Out(1),
                "outside": Out(1),
                **{name: Out(1) for name in OBSERVED},
                "clear_errors": In(1),
                "errors": Out(Error),
                "counters": Out(counter_layout()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        buffer = instantiate(
            m,
            "buffer",
            platform,
            UnifiedBuffer,
            width=config.lanes * config.operand_width,
            rows=config.buffer.rows,
            banks=config.buffer.banks,
            readers=READERS,
            writers=WRITERS,
        )
        weights = instantiate(m, "weights_unit", platform, WeightsUnit, config=config)
        fifo = instantiate(
            m,
            "weight_fifo",
            platform,
            WeightFifo,
            config=config.matrix,
            tiles=config.queues.tiles,
        )
        feeder = instantiate(m, "matrix_feeder", platform, MatrixFeeder, config=config)
        unit = instantiate(
            m,
            "matrix_unit",
            platform,
            MatrixUnit,
            config=config.matrix,
            result_rows=config.queues.result_rows,
        )
        for name in (*OUTER_READERS, *WRITERS):
            connect(m, flipped(getattr(self, name)), getattr(buffer, name))
        connect(m, flipped(self.weights), weights.instructions)
        connect(m, weights.buffer, buffer.weights)
        connect(m, weights.memory, flipped(self.memory))
        connect(m, weights.rows, fifo.rows)
        connect(m, fifo.weights, unit.weights)
        connect(m, flipped(self.matmuls), feeder.instructions)
        connect(m, feeder.buffer, buffer.matrix)
        connect(m, feeder.activations, unit.activations)
        connect(m, unit.results, flipped(self.results))
        m.d.comb += [
            weights.regions.eq(self.regions),
            self.weights_error.eq(weights.error),
            weights.has_room.eq(fifo.has_room),
            fifo.reserve.eq(weights.reserve),
            self.weights_finished.eq(weights.finished),
            self.matmul_finished.eq(feeder.finished),
            self.waits.eq(buffer.waits),
            unit.clear_errors.eq(self.clear_errors),
            self.errors.eq(unit.errors),
            self.counters.eq(unit.counters),
            self.outside.eq(feeder.outside),
        ]
        self._count(m, platform, fifo, feeder.activations)
        rows = feeder.activations
        reads = [getattr(buffer, name).requests for name in READERS]
        m.d.comb += [
            self.moves.eq(Cat(r.valid & r.ready for r in (*reads, rows)).any()),
            self.row_waits.eq(rows.valid & ~rows.ready),
            self.weights_written.eq(weights.rows.valid),
            self.weights_wait.eq(~weights.rows.valid & ~fifo.has_room),
        ]
        return m

    def _count(self, m: Module, platform, fifo, rows) -> None:
        """Count what is left of the program so far."""
        config, timing = self.config, MatrixUnitTiming.of(self.config.matrix)
        left = instantiate(
            m,
            "left_over",
            platform,
            LeftOver,
            # One tile leaves the FIFO, and one waits in the array.
            tiles=config.queues.tiles + 2,
            sums=config.matrix.accumulator_depth,
            results=max(config.queues.result_rows, timing.result_depth),
        )
        taken = rows.valid & rows.ready
        m.d.comb += [
            left.tile.eq(fifo.reserve),
            left.row.eq(taken),
            *[getattr(left, name).eq(rows.payload[name]) for name in ("switch", "first", "last")],
            left.result.eq(self.results.valid & self.results.ready),
            self.left_over.eq(left.any),
            self.full.eq(left.full),
        ]
