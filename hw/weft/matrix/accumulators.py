"""Accumulators: one memory of sums a column; add, overwrite or emit, one row a cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.partial_sums import align_parts
from ..hierarchy import instantiate, largest_power_of_two_below
from ..primitives.block_memory import BlockMemory
from .config import MatrixUnitConfig
from .layouts import row_control_layout

# A buffer of at most this many columns is drawn bank by bank, a larger one is halved.
FLAT_COLUMNS = 8

# A bank's operand is chosen behind the memory, and its sum is written a cycle after the addition.
READ_LATENCY = BlockMemory.latency + 1
ADD_LATENCY = 1
# So many rows on the way to the memory can be newer than what was read.
READ_TO_WRITE = READ_LATENCY + ADD_LATENCY


def bank_control_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """What a bank does with the next sum.

    `row`: the accumulator row. `clear`: add to zero instead of the row. `newer`: one bit for each
    of the READ_TO_WRITE sums on the way to the memory, nearest first: add to that one instead.
    `write`: write the sum back.
    """
    return data.StructLayout(
        {
            "write": 1,
            "clear": 1,
            "newer": READ_TO_WRITE,
            "row": config.address_width,
        }
    )


class AccumulatorControl(wiring.Component):
    """Turn `first`, `last` and `row` into what the banks do, once for all columns.

    Latency 0; never stalls.

    Members
    -------
    row : row_control_layout(config) in
    control : bank_control_layout(config) out
    """

    latency = 0

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {"row": In(row_control_layout(config)), "control": Out(bank_control_layout(config))}
        )

    def elaborate(self, platform):
        m = Module()
        row, control = self.row, self.control
        m.d.comb += [
            control.row.eq(row.row),
            control.write.eq(row.valid & ~row.last),
            control.clear.eq(row.first),
        ]
        earlier = control
        for distance in range(READ_TO_WRITE):
            past = Signal.like(control, name=f"past_{distance + 1}")
            m.d.sync += past.eq(earlier)
            m.d.comb += control.newer[distance].eq(~row.first & past.write & (past.row == row.row))
            earlier = past
        return m


class AccumulatorBank(wiring.Component):
    """One column's sums: add, overwrite or emit, one row a cycle, any row at any time.

    Timing: for a `control_in` in cycle t, all parts of `sum_in` are there in cycle
    t + `read_latency` (part p of n, least significant first, comes n - 1 - p cycles before that),
    and the new sum is on `sum_out` one cycle later. `control_out` is one register behind
    `control_in`, for the next column. Never stalls. The same row may come every cycle: a sum not
    yet in the memory is taken from the register that holds it.

    Members
    -------
    control_in, control_out : bank_control_layout(config)
    sum_in : signed(config.sum_width)
    sum_out : signed(config.accumulator_width)
    """

    read_latency = READ_LATENCY
    latency = ADD_LATENCY

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {
                "control_in": In(bank_control_layout(config)),
                "control_out": Out(bank_control_layout(config)),
                "sum_in": In(signed(config.sum_width)),
                "sum_out": Out(signed(config.accumulator_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        shape = signed(config.accumulator_width)

        sums = instantiate(
            m, "sums", platform, BlockMemory, config.accumulator_width, config.accumulator_depth
        )

        read_control = Signal(bank_control_layout(config))
        fetch_control = Signal(bank_control_layout(config))
        add_control = Signal(bank_control_layout(config))
        write_control = Signal(bank_control_layout(config))
        m.d.sync += [
            read_control.eq(self.control_in),
            fetch_control.eq(read_control),
            add_control.eq(fetch_control),
            write_control.eq(add_control),
        ]
        m.d.comb += [self.control_out.eq(read_control), sums.read_row.eq(self.control_in.row)]

        # Where the operand comes from is settled a cycle ahead, so that one LUT a bit chooses it.
        total = Signal(shape, reset_less=True)
        past_total = Signal(shape, reset_less=True)
        forwarded = Signal(shape, reset_less=True)
        operand = Signal(shape, reset_less=True)
        # 0: the memory, 1: forwarded, 2: total, 3: zero.
        source = Signal(2)
        older = Mux(source[0], forwarded, sums.o.as_signed())
        m.d.sync += [
            forwarded.eq(Mux(read_control.newer[2], total, past_total)),
            source.eq(
                Cat(
                    read_control.clear | (~read_control.newer[1] & read_control.newer[2:].any()),
                    read_control.clear | read_control.newer[1],
                )
            ),
            operand.eq(Mux(source[1], Mux(source[0], 0, total), older)),
        ]
        base = Signal(shape)
        m.d.comb += base.eq(Mux(add_control.newer[0], total, operand))
        added = align_parts(m, platform, config, self.sum_in, "align")
        m.d.sync += [total.eq(base + added), past_total.eq(total)]

        m.d.comb += [
            sums.write.eq(write_control.write),
            sums.write_row.eq(write_control.row),
            sums.i.eq(total),
            self.sum_out.eq(total),
        ]
        return m


class AccumulatorBuffer(wiring.Component):
    """`columns` banks side by side; their control ripples east, one column a cycle.

    Timing as AccumulatorBank, column c being c cycles behind column 0.

    Members
    -------
    control_in, control_out : bank_control_layout(config), at column 0 and past the last column
    sums_in : ArrayLayout(signed(config.sum_width), columns)
    sums_out : ArrayLayout(signed(config.accumulator_width), columns)
    """

    def __init__(self, config: MatrixUnitConfig, columns: int):
        self.config = config
        self.columns = columns
        super().__init__(
            {
                "control_in": In(bank_control_layout(config)),
                "control_out": Out(bank_control_layout(config)),
                "sums_in": In(data.ArrayLayout(signed(config.sum_width), columns)),
                "sums_out": Out(data.ArrayLayout(signed(config.accumulator_width), columns)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        control = self.control_in
        if self.columns <= FLAT_COLUMNS:
            for column in range(self.columns):
                bank = instantiate(m, f"bank_{column}", platform, AccumulatorBank, self.config)
                m.d.comb += [
                    bank.control_in.eq(control),
                    bank.sum_in.eq(self.sums_in[column]),
                    self.sums_out[column].eq(bank.sum_out),
                ]
                control = bank.control_out
        else:
            cut = largest_power_of_two_below(self.columns)
            for name, lanes in ("west", slice(0, cut)), ("east", slice(cut, self.columns)):
                columns = lanes.stop - lanes.start
                half = instantiate(m, name, platform, AccumulatorBuffer, self.config, columns)
                m.d.comb += [
                    half.control_in.eq(control),
                    half.sums_in.eq(self.sums_in[lanes]),
                    self.sums_out[lanes].eq(half.sums_out),
                ]
                control = half.control_out
        m.d.comb += self.control_out.eq(control)
        return m
