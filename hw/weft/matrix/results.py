"""ResultBuffer: finished sums wait here until the last column has its own, and leave as a row."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..hierarchy import family_of, instantiate, largest_power_of_two_below
from ..primitives import ecp5
from .config import MatrixUnitConfig
from .layouts import result_layout

# A buffer of at most this many columns is drawn memory by memory, a larger one is halved.
FLAT_COLUMNS = 8

# Memories of so many rows are made of LUTs on ECP5. A larger one would be a block without a second
# register, which is slow.
BANK_ROWS = 32


class ResultColumn(wiring.Component):
    """One column's finished sums in a memory; the write control goes on to the next column.

    Latency 1 cycle from `read` to `o`, which holds until the next `read`. Never stalls.

    Members
    -------
    write_in, write_out : 1 bit. Take `i`; one register for the next column.
    slot_in, slot_out : range(depth). Where it is written.
    i, o : signed(config.accumulator_width)
    read, read_slot : 1 bit, range(depth)
    """

    latency = 1

    def __init__(self, config: MatrixUnitConfig, depth: int):
        self.config = config
        self.depth = depth
        shape = signed(config.accumulator_width)
        super().__init__(
            {
                "write_in": In(1),
                "write_out": Out(1),
                "slot_in": In(range(depth)),
                "slot_out": Out(range(depth)),
                "i": In(shape),
                "o": Out(shape),
                "read": In(1),
                "read_slot": In(range(depth)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.write_out.eq(self.write_in), self.slot_out.eq(self.slot_in)]
        shape = signed(self.config.accumulator_width)
        if family_of(platform) == ecp5.FAMILY and self.depth > BANK_ROWS:
            self._add_banks(m, shape)
            return m
        m.submodules.memory = memory = Memory(shape=shape, depth=self.depth, init=[])
        read = memory.read_port()
        write = memory.write_port()
        m.d.comb += [
            write.en.eq(self.write_in),
            write.addr.eq(self.slot_in),
            write.data.eq(self.i),
            read.en.eq(self.read),
            read.addr.eq(self.read_slot),
            self.o.eq(read.data),
        ]
        return m

    def _add_banks(self, m: Module, shape) -> None:
        """The same of several memories, of which the high bits of a slot name one."""
        place_bits = (BANK_ROWS - 1).bit_length()
        read_bank = Signal(range(-(-self.depth // BANK_ROWS)))
        with m.If(self.read):
            m.d.sync += read_bank.eq(self.read_slot[place_bits:])
        for number, start in enumerate(range(0, self.depth, BANK_ROWS)):
            rows = max(2, min(BANK_ROWS, self.depth - start))
            m.submodules[f"bank_{number}"] = bank = Memory(shape=shape, depth=rows, init=[])
            read = bank.read_port()
            write = bank.write_port()
            m.d.comb += [
                read.en.eq(self.read),
                read.addr.eq(self.read_slot[:place_bits]),
                write.en.eq(self.write_in & (self.slot_in[place_bits:] == number)),
                write.addr.eq(self.slot_in[:place_bits]),
                write.data.eq(self.i),
            ]
            with m.If(read_bank == number):
                m.d.comb += self.o.eq(read.data)


class ResultColumns(wiring.Component):
    """`columns` ResultColumns side by side: written on the diagonal, read as one row."""

    def __init__(self, config: MatrixUnitConfig, depth: int, columns: int):
        self.config = config
        self.depth = depth
        self.columns = columns
        lanes = data.ArrayLayout(signed(config.accumulator_width), columns)
        super().__init__(
            {
                "write_in": In(1),
                "write_out": Out(1),
                "slot_in": In(range(depth)),
                "slot_out": Out(range(depth)),
                "i": In(lanes),
                "o": Out(lanes),
                "read": In(1),
                "read_slot": In(range(depth)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        write, slot = self.write_in, self.slot_in
        for name, lanes, *component in self._parts():
            part = instantiate(m, name, platform, *component)
            m.d.comb += [
                part.write_in.eq(write),
                part.slot_in.eq(slot),
                part.i.eq(self.i[lanes]),
                self.o[lanes].eq(part.o),
                part.read.eq(self.read),
                part.read_slot.eq(self.read_slot),
            ]
            write, slot = part.write_out, part.slot_out
        m.d.comb += [self.write_out.eq(write), self.slot_out.eq(slot)]
        return m

    def _parts(self):
        if self.columns <= FLAT_COLUMNS:
            for column in range(self.columns):
                yield f"column_{column}", column, ResultColumn, self.config, self.depth
        else:
            cut = largest_power_of_two_below(self.columns)
            for name, lanes in ("west", slice(0, cut)), ("east", slice(cut, self.columns)):
                columns = lanes.stop - lanes.start
                yield name, lanes, ResultColumns, self.config, self.depth, columns


class ResultBuffer(wiring.Component):
    """A queue of `depth` result rows, filled along the diagonal and emptied row by row.

    A row can be read once its last column has been written: no triangle of registers undoes the
    skew. There is no ready at the input: whoever sends must know that there is room, and counts
    `released`.

    Latency C + 1 cycles from column 0's `emit` to `results.valid`, C being the columns; with
    checksums, which have a column more, C + 2.

    Members
    -------
    emit, ends_job : 1 bit in. Column 0's sum is finished in this cycle; and it ends a job.
    sums : ArrayLayout(signed(config.accumulator_width), result_columns), column c c cycles late
    results : stream of result_layout(config)
    checksum : signed(config.accumulator_width) out, only with checksums. That of the result.
    released : 1 bit out. A place has become free.
    """

    def __init__(self, config: MatrixUnitConfig, depth: int):
        self.config = config
        self.depth = depth
        layout = result_layout(config)
        shape = signed(config.accumulator_width)
        super().__init__(
            {
                "emit": In(1),
                "ends_job": In(1),
                "sums": In(data.ArrayLayout(shape, config.result_columns)),
                "results": Out(stream.Signature(layout)),
                **({"checksum": Out(shape)} if config.checksum else {}),
                "released": Out(1),
            }
        )

    @staticmethod
    def latency_of(config: MatrixUnitConfig) -> int:
        return config.result_columns + ResultColumn.latency

    def elaborate(self, platform):
        m = Module()
        config = self.config
        sizes = self.depth, config.result_columns
        columns = instantiate(m, "columns", platform, ResultColumns, config, *sizes)
        m.submodules.ends = ends = Memory(shape=1, depth=self.depth, init=[])
        end_read = ends.read_port()
        end_write = ends.write_port()

        write_slot = Signal(range(self.depth))
        read_slot = Signal(range(self.depth))
        # One less than the rows there, so that its sign alone says that there is none.
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
