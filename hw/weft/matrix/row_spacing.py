"""RowSpacing: hold back a row that would be added to a sum that is not known yet."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class RowSpacing(wiring.Component):
    """Report whether the row at the gate follows one of the same number in too few cycles.

    Latency 1 cycle from a row that is taken or advances to `too_soon`. Never stalls.

    Parameters
    ----------
    cycles : int, 2 or more
        Least distance of a row from an earlier one whose sum it needs.
    row_width : int
        Bits of an accumulator row number.

    Members
    -------
    taken : 1 bit in. A row may come to the gate; the row there, if any, leaves it.
    row, adds : that row, and whether it is added to an earlier sum, in
    advance : 1 bit in. The row at the gate enters the array.
    advancing_row, stays : that row, and whether its sum stays in the accumulators, in
    too_soon : 1 bit out. The row at the gate must wait.
    """

    def __init__(self, *, cycles: int, row_width: int):
        self.cycles = cycles
        self.row_width = row_width
        super().__init__(
            {
                "taken": In(1),
                "row": In(row_width),
                "adds": In(1),
                "advance": In(1),
                "advancing_row": In(row_width),
                "stays": In(1),
                "too_soon": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # Bit n: the row at the gate must wait for n more cycles after this one.
        waits = Signal(self.cycles - 1)
        found = Signal(self.cycles - 1)
        stays, number = self.advance & self.stays, self.advancing_row
        for age in range(self.cycles - 1):
            if age:
                past_stays = Signal(name=f"past_stays_{age}")
                past_row = Signal(self.row_width, name=f"past_row_{age}")
                m.d.sync += [past_stays.eq(stays), past_row.eq(number)]
                stays, number = past_stays, past_row
            same = stays & (number == self.row) & self.adds
            m.d.comb += found[self.cycles - 2 - age].eq(same)
        m.d.sync += waits.eq(waits >> 1)
        with m.If(self.taken):
            m.d.sync += waits.eq(found)
        m.d.comb += self.too_soon.eq(waits.any())
        return m
