"""ResultBuffer: collect the finished sums of all columns, and output them row by row."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Chain, Linking
from ..blocks.lanes import Lanes
from ..hierarchy import instantiate
from ..primitives.lut_memory import Read, Write, add_lut_memory
from .config import MatrixUnitConfig
from .layouts import sum_row_layout


class ResultColumn(wiring.Component):
    """A memory of the finished sums of one column, which passes its write control to the next.

    Latency 1 cycle from `read` to `o`, which holds until the next `read`. Never stalls. A Chain of
    result columns is written along the diagonal and read as one row.

    Parameters
    ----------
    width : int
        Bits of a sum.
    depth : int

    Members
    -------
    write_in, write_out : 1 bit. Write `i`; `write_out` is one cycle later, for the next column.
    slot_in, slot_out : range(depth). The slot to write.
    i, o : signed(width)
    read, read_slot : 1 bit, range(depth) in. Read a slot.
    """

    latency = 1
    linking = Linking(
        passed=("write", "slot"),
        shared=("read", "read_slot"),
        link="column",
    )

    def __init__(self, *, width: int, depth: int):
        self.width = width
        self.depth = depth
        super().__init__(self.members_of(width=width, depth=depth))

    @staticmethod
    def members_of(*, width: int, depth: int) -> dict[str, wiring.Member]:
        """Return the members by name, for a Chain."""
        return {
            "write_in": In(1),
            "write_out": Out(1),
            "slot_in": In(range(depth)),
            "slot_out": Out(range(depth)),
            "i": In(signed(width)),
            "o": Out(signed(width)),
            "read": In(1),
            "read_slot": In(range(depth)),
        }

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.write_out.eq(self.write_in), self.slot_out.eq(self.slot_in)]
        found = add_lut_memory(
            m,
            platform,
            shape=signed(self.width),
            depth=self.depth,
            write=Write(enable=self.write_in, row=self.slot_in, data=self.i),
            read=Read(enable=self.read, row=self.read_slot),
        )
        m.d.comb += self.o.eq(found)
        return m


class ResultBuffer(wiring.Component):
    """A queue of `depth` result rows, filled along the diagonal and emptied row by row.

    A row can be read once its last column has been written, so no triangle of registers is needed
    to undo the skew. The input has no back-pressure: the sender must count free places with
    `released`.

    Latency from `emit` to `results.valid`: C + 1 cycles for C columns; C + 2 with checksums, which
    have an extra column.

    Parameters
    ----------
    config : MatrixUnitConfig
    depth : int
        Rows.

    Members
    -------
    emit, ends_job : 1 bit in. The sum of column 0 is finished in this cycle; it ends a job.
    sums : Lanes(the shape of a sum with its flags, result_columns) in. Column c is c cycles
        behind column 0.
    results : stream of sum_row_layout(config), out
    checksum : as a sum, out, only with checksums. Checksum of the result.
    released : 1 bit out. A place becomes free.
    """

    def __init__(self, *, config: MatrixUnitConfig, depth: int):
        self.config = config
        self.depth = depth
        layout = sum_row_layout(config)
        shape = signed(config.accumulator_width + config.arithmetic.flags)
        super().__init__(
            {
                "emit": In(1),
                "ends_job": In(1),
                "sums": In(Lanes(shape, config.result_columns)),
                "results": Out(stream.Signature(layout)),
                **({"checksum": Out(shape)} if config.checksum else {}),
                "released": Out(1),
            }
        )

    @staticmethod
    def latency_of(config: MatrixUnitConfig) -> int:
        """Return the cycles from `emit` to `results.valid`."""
        return config.result_columns + ResultColumn.latency

    def elaborate(self, platform):
        m = Module()
        config = self.config
        columns = instantiate(
            m,
            "columns",
            platform,
            Chain,
            component=ResultColumn,
            links=config.result_columns,
            width=config.accumulator_width + config.arithmetic.flags,
            depth=self.depth,
        )
        m.submodules.ends = ends = Memory(shape=1, depth=self.depth, init=[])
        end_read = ends.read_port()
        end_write = ends.write_port()

        write_slot = Signal(range(self.depth))
        read_slot = Signal(range(self.depth))
        # Stored rows minus one, so that the sign bit alone shows that there is none.
        rows_behind = Signal(range(-1, self.depth), init=-1)
        landed = Signal()
        fetch = Signal()
        results = self.results
        m.d.comb += [
            landed.eq(columns.write_out),
            fetch.eq((~rows_behind[-1] | landed) & (~results.valid | results.ready)),
            self.released.eq(fetch),
        ]
        with m.If(landed != fetch):
            m.d.sync += rows_behind.eq(rows_behind + Mux(fetch, -1, 1))
        with m.If(self.emit):
            m.d.sync += write_slot.eq(self._after(write_slot))
        with m.If(fetch):
            m.d.sync += read_slot.eq(self._after(read_slot))
        with m.If(~results.valid | results.ready):
            m.d.sync += results.valid.eq(fetch)

        m.d.comb += [
            columns.write_in.eq(self.emit),
            columns.slot_in.eq(write_slot),
            columns.i.eq(self.sums),
            columns.read.eq(fetch),
            columns.read_slot.eq(read_slot),
            end_write.en.eq(self.emit),
            end_write.addr.eq(write_slot),
            end_write.data.eq(self.ends_job),
            end_read.en.eq(fetch),
            end_read.addr.eq(read_slot),
            results.payload.lanes.eq(columns.o[: config.columns]),
            results.payload.end.eq(end_read.data),
        ]
        if config.checksum:
            m.d.comb += self.checksum.eq(columns.o[-1])
        return m

    def _after(self, slot: Signal):
        return Mux(slot == self.depth - 1, 0, slot + 1)
