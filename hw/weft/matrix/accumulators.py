"""Accumulators: one memory of sums per column; add, overwrite or emit, one row per cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Linking
from ..blocks.partial_sums import align_parts
from ..hierarchy import instantiate
from ..primitives.block_memory import BlockMemory
from .config import MatrixUnitConfig
from .layouts import row_control_layout

# A register behind the memory selects the operand of a bank. The sum is written one cycle after the
# addition.
READ_LATENCY = BlockMemory.latency + 1
# Number of earlier sums that are known but not yet in the memory when the operand is needed.
FORWARDS = READ_LATENCY + 1


def bank_control_layout(depth: int) -> data.StructLayout:
    """Return the layout of the control of a bank: what it does with the next sum.

    `row`: the accumulator row. `clear`: add to zero instead of the row. `newer`: one bit for each
    of FORWARDS sums before, most recent first, beginning with the one that the bank finishes when
    this one needs it; a set bit means that the sum is of the same row and not yet in the memory, so
    the most recent such sum is used. `write`: write the sum back.
    """
    return data.StructLayout(
        {
            "write": 1,
            "clear": 1,
            "newer": FORWARDS,
            "row": max(1, (depth - 1).bit_length()),
        }
    )


class AccumulatorControl(wiring.Component):
    """Turn the control of a row into the control of the banks, once for all columns.

    Latency 0; never stalls.

    Parameters
    ----------
    config : MatrixUnitConfig
    add_latency : int
        That of the banks. A row must not follow one of the same number in fewer cycles, unless it
        is the first of its sum.

    Members
    -------
    row : row_control_layout(config) in
    control : bank_control_layout(depth) out
    """

    latency = 0

    def __init__(self, *, config: MatrixUnitConfig, add_latency: int = 1):
        self.config = config
        self.add_latency = add_latency
        super().__init__(
            {
                "row": In(row_control_layout(config)),
                "control": Out(bank_control_layout(config.accumulator_depth)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        row, control = self.row, self.control
        m.d.comb += [
            control.row.eq(row.row),
            control.write.eq(row.valid & ~row.last),
            control.clear.eq(row.first),
        ]
        write, number = control.write, control.row
        for distance in range(1, self.add_latency + FORWARDS):
            past_write = Signal(name=f"past_write_{distance}")
            past_row = Signal.like(number, name=f"past_row_{distance}")
            m.d.sync += [past_write.eq(write), past_row.eq(number)]
            write, number = past_write, past_row
            if distance >= self.add_latency:
                newer = control.newer[distance - self.add_latency]
                m.d.comb += newer.eq(~row.first & write & (number == row.row))
        return m


class AccumulatorBank(wiring.Component):
    """Sums of one column: add, overwrite or emit, one row per cycle, in any order of rows.

    Timing: for `control_in` in cycle t, the last part of `sum_in` is due in cycle
    t + `read_latency` (part p of n, least significant first, n - 1 - p cycles before that), and the
    new sum is on `sum_out` `latency` cycles later. `control_out` is `control_in` one cycle
    later, for the next column. Never stalls. The same row may come in every cycle: a sum that is
    not yet in the memory is taken from the register that holds it.

    Parameters
    ----------
    sum_parts : tuple of int
        Widths of the parts of a partial sum, least significant first.
    width : int
        Bits of a finished sum, without flags.
    depth : int
        Accumulator rows.
    flags : int
        Bits below a sum that are ORed instead of added.

    Members
    -------
    control_in, control_out : bank_control_layout(depth)
    sum_in : signed(sum(sum_parts) + flags). The flags come with part 0.
    sum_out : signed(width + flags)
    """

    read_latency = READ_LATENCY
    latency = 1
    linking = Linking(passed=("control",), link="bank")
    # What a sum begins with.
    zero = 0

    def __init__(self, *, sum_parts: tuple[int, ...], width: int, depth: int, flags: int = 0):
        self.sum_parts = (sum_parts[0] + flags, *sum_parts[1:])
        self.width = width + flags
        self.depth = depth
        self.flags = flags
        super().__init__(
            AccumulatorBank.members_of(sum_parts=sum_parts, width=width, depth=depth, flags=flags)
        )

    @staticmethod
    def members_of(
        *, sum_parts: tuple[int, ...], width: int, depth: int, flags: int = 0
    ) -> dict[str, wiring.Member]:
        """Return the members by name, for a Chain."""
        control = bank_control_layout(depth)
        return {
            "control_in": In(control),
            "control_out": Out(control),
            "sum_in": In(signed(sum(sum_parts) + flags)),
            "sum_out": Out(signed(width + flags)),
        }

    def elaborate(self, platform):
        m = Module()
        sums = instantiate(m, "sums", platform, BlockMemory, width=self.width, depth=self.depth)

        control = bank_control_layout(self.depth)
        read_control = Signal(control)
        fetch_control = Signal(control)
        add_control = Signal(control)
        m.d.sync += [
            read_control.eq(self.control_in),
            fetch_control.eq(read_control),
            add_control.eq(fetch_control),
        ]
        write_control = add_control
        for cycle in range(1, self.latency + 1):
            name = "write_control" if cycle == self.latency else f"add_control_{cycle}"
            earlier, write_control = write_control, Signal(control, name=name)
            m.d.sync += write_control.eq(earlier)
        m.d.comb += [self.control_out.eq(read_control), sums.read_row.eq(self.control_in.row)]

        total = Signal(signed(self.width), reset_less=True)
        operand = self._operand(m, read_control, total, sums.o.as_signed())
        base = Signal(signed(self.width))
        m.d.comb += base.eq(Mux(add_control.newer[0], total, operand))
        added = align_parts(m, platform, self.sum_parts, self.sum_in, name="align")
        self._add(m, platform, base, added, total)

        m.d.comb += [
            sums.write.eq(write_control.write),
            sums.write_row.eq(write_control.row),
            sums.i.eq(total),
            self.sum_out.eq(total),
        ]
        return m

    def _add(self, m: Module, platform, base: Value, added: Value, total: Signal) -> None:
        """Drive `total` with the sum, `latency` cycles later."""
        if not self.flags:
            m.d.sync += total.eq(base + added)
            return
        flags, above = slice(self.flags), slice(self.flags, None)
        above_flags = base[above].as_signed() + added[above].as_signed()
        m.d.sync += total.eq(Cat(base[flags] | added[flags], above_flags))

    def _operand(self, m: Module, read_control: data.View, total: Signal, read: Value) -> Signal:
        """Return the operand that is added to the next sum, unless that is the latest total.

        Its source is decided one cycle ahead, so that one LUT per bit selects it.
        """
        shape = total.shape()
        past_total = Signal(shape, reset_less=True)
        forwarded = Signal(shape, reset_less=True)
        operand = Signal(shape, reset_less=True)
        # 0: the memory, 1: forwarded, 2: total, 3: zero.
        source = Signal(2)
        older = Mux(source[0], forwarded, read)
        m.d.sync += [
            past_total.eq(total),
            forwarded.eq(Mux(read_control.newer[2], total, past_total)),
            source.eq(
                Cat(
                    read_control.clear | (~read_control.newer[1] & read_control.newer[2:].any()),
                    read_control.clear | read_control.newer[1],
                )
            ),
            operand.eq(Mux(source[1], Mux(source[0], self.zero, total), older)),
        ]
        return operand
