"""WeightsUnit: execute WEIGHTS instructions, from the buffer to the weight FIFO."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..buffer.loop_nest import LoopNest
from ..buffer.strided_sum import StridedSum
from ..buffer.unified_buffer import UnifiedBuffer, read_port, row_shape
from ..hierarchy import instantiate
from ..isa.codes import Format
from ..isa.instructions import WEIGHTS
from ..isa.layouts import instruction_layout
from ..matrix.weight_fifo import fifo_row_layout
from .core_config import CoreConfig

# From the outermost. Every tile has N rows, of which only those that are read are requested.
PITCHES = ("group_pitch", "tile_pitch", "row_pitch")


class WeightsUnit(wiring.Component):
    """Read the tiles of WEIGHTS instructions from the buffer, and write them to the weight FIFO.

    A tile takes N steps, one for each row, whether the row is read or not. A lane outside of the
    valid rows and columns becomes the zero point, so that its weight is zero; with `diagonal`, all
    lanes but one do, and one source row serves all rows of the tile.

    Timing: an instruction is taken in cycle 0, requests its first row in cycle 1, and writes it in
    cycle `latency`. Then a row per cycle, also from one instruction to the next that has been
    offered by then, for as long as the FIFO has room and no request waits for its bank. A place in
    the FIFO is reserved with the first step of a tile, so rows can never be refused. `finished` is
    high in the cycle in which the last row of an instruction is written.

    It executes instructions with `from_buffer` and without `transpose`.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    instructions : stream of the layout of WEIGHTS
    buffer : read_port(...)
    has_room : 1 bit in, reserve : 1 bit out, rows : stream out. See WeightFifo.
    finished : 1 bit out. An instruction has finished.
    """

    # From the step to the write: the buffer, and the register of the row.
    _write_latency = UnifiedBuffer.latency + 1
    latency = 1 + _write_latency

    def __init__(self, *, config: CoreConfig):
        self.config = config
        width = config.lanes * config.operand_width
        row = fifo_row_layout(config.matrix)
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(WEIGHTS))),
                "buffer": Out(read_port(rows=config.buffer.rows, width=width)),
                "has_room": In(1),
                "reserve": Out(1),
                "rows": Out(stream.Signature(row, always_ready=True)),
                "finished": Out(1),
            }
        )

    def _step_layout(self) -> data.StructLayout:
        """Return the layout of a step: what becomes of one row of a tile.

        `inside`: the row is valid. `ends`: it is the last one of its instruction.
        """
        flags = {name: 1 for name in ("valid", "inside", "ends")}
        return data.StructLayout(
            {
                **flags,
                "row": range(self.config.lanes),
                "columns": range(self.config.lanes + 1),
                "diagonal": 1,
                "signed": 1,
                "zero_point": self.config.operand_width,
            }
        )

    def elaborate(self, platform):
        m = Module()
        step = self._steps(m, platform)
        delay = instantiate(
            m,
            "steps",
            platform,
            DelayLine,
            width=self._step_layout().size,
            cycles=UnifiedBuffer.latency,
            reset=True,
        )
        m.d.comb += delay.i.eq(step.as_value())
        self._write(m, data.View(self._step_layout(), delay.o))
        return m

    def _steps(self, m: Module, platform) -> data.View:
        """Walk over the rows of the tiles, and request those that are read; return the steps."""
        config, instruction = self.config, self.instructions.payload
        active, start, advance = Signal(), Signal(), Signal()
        columns = Signal(range(config.lanes + 1))
        valid_rows = Signal(range(config.lanes + 1))
        nest = self._walk(m, platform, start, advance)
        step = Signal(self._step_layout())
        tile = Signal(
            data.StructLayout({"diagonal": 1, "signed": 1, "zero_point": self.config.operand_width})
        )
        row = Signal(range(config.lanes))
        with m.If(self.instructions.ready):
            m.d.sync += active.eq(self.instructions.valid)
        with m.If(start):
            m.d.sync += [
                valid_rows.eq(instruction.valid_rows),
                columns.eq(instruction.valid_columns),
                tile.diagonal.eq(instruction.diagonal),
                tile.signed.eq(instruction.format == Format.INT8),
                tile.zero_point.eq(instruction.zero_point),
            ]
        with m.If(advance):
            m.d.sync += row.eq(Mux(nest.lasts[-1], 0, row + 1))

        begins, has_place, fetches = row == 0, Signal(), Signal()
        height = Mux(nest.lasts[-2], valid_rows, config.lanes)
        m.d.comb += [
            has_place.eq(active & (~begins | self.has_room)),
            fetches.eq(step.inside & (~step.diagonal | begins)),
            self.buffer.requests.valid.eq(has_place & fetches),
            advance.eq(has_place & (~fetches | self.buffer.requests.ready)),
            self.reserve.eq(advance & begins),
            self.instructions.ready.eq(~active | (advance & nest.lasts.all())),
            start.eq(self.instructions.valid & self.instructions.ready),
            step.valid.eq(advance),
            step.inside.eq(row < height),
            step.ends.eq(advance & nest.lasts.all()),
            step.row.eq(row),
            step.columns.eq(columns),
            *[step[name].eq(tile[name]) for name, _ in tile.shape()],
        ]
        return step

    def _walk(self, m: Module, platform, start: Value, advance: Value):
        """Add the loops over groups, tiles and rows, and the sum that is the buffer row."""
        config, instruction = self.config, self.instructions.payload
        row = row_shape(config.buffer.rows).width
        counts = (instruction.groups, instruction.tiles, config.lanes)
        nest = instantiate(
            m,
            "loops",
            platform,
            LoopNest,
            widths=(len(instruction.groups), len(instruction.tiles), config.lanes.bit_length()),
        )
        source = instantiate(
            m, "row", platform, StridedSum, width=row, strides=(row,) * len(PITCHES)
        )
        m.d.comb += [
            *[nest.counts[str(loop)].eq(count) for loop, count in enumerate(counts)],
            *[
                source.strides[str(loop)].eq(instruction[pitch])
                for loop, pitch in enumerate(PITCHES)
            ],
            *[walked.start.eq(start) for walked in (nest, source)],
            *[walked.step.eq(advance) for walked in (nest, source)],
            source.origin.eq(instruction.offset),
            source.advances.eq(nest.advances),
            self.buffer.requests.payload.eq(source.value),
        ]
        return nest

    def _write(self, m: Module, step: data.View) -> None:
        """Register the row of a step, and write it with the zero point in all other lanes."""
        config, out = self.config, self.rows.payload
        kept = Signal(config.lanes, reset_less=True)
        lanes = Signal(out.lanes.shape(), reset_less=True)
        zero_point, signed = Signal(config.operand_width, reset_less=True), Signal(reset_less=True)
        # A row of a diagonal tile that was not requested uses the lanes of the first one.
        with m.If(self.buffer.rows.valid):
            m.d.sync += lanes.as_value().eq(self.buffer.rows.payload)
        m.d.sync += [
            self.rows.valid.eq(step.valid),
            self.finished.eq(step.ends),
            zero_point.eq(step.zero_point),
            signed.eq(step.signed),
            *[
                kept[lane].eq(
                    step.inside & (lane < step.columns) & (~step.diagonal | (step.row == lane))
                )
                for lane in range(config.lanes)
            ],
        ]
        m.d.comb += [
            *[
                out.lanes[lane].eq(Mux(kept[lane], lanes[lane], zero_point))
                for lane in range(config.lanes)
            ],
            out.signed.eq(signed),
            out.zero_point.eq(zero_point),
        ]
