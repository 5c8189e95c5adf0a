"""Accumulators: their sums equal those of a memory to which each row is added at once."""

from amaranth.hdl import Array, Module, Mux, Signal, signed

from weft.matrix.accumulators import AccumulatorBank, AccumulatorControl
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import row_control_layout

from .harness import Harness, delayed


class SumsAreThoseOfAMemory(Harness):
    """The sums of a bank equal those of a memory to which every row is added at once.

    Rows come in any order, also the same row back to back, with any flags.
    """

    def __init__(self, config: MatrixUnitConfig):
        super().__init__()
        self.config = config

    def describe(self, m: Module) -> None:
        config = self.config
        m.submodules.control = control = AccumulatorControl(config=config)
        m.submodules.bank = bank = AccumulatorBank(
            sum_parts=config.arithmetic.sum_parts,
            width=config.accumulator_width,
            depth=config.accumulator_depth,
        )
        row = self.anything(row_control_layout(config), "row")
        total = self.anything(config.arithmetic.sum_shape, "total")
        m.d.comb += [
            control.row.eq(row),
            bank.control_in.eq(control.control),
            bank.sum_in.eq(total),
        ]

        # Guaranteed by Admission: the row exists, its sum has begun, and `last` implies `valid`.
        depth = config.accumulator_depth
        begun = Signal(depth)
        self.assume(
            row.row < depth,
            row.valid | ~row.last,
            row.first | ~row.valid | begun.bit_select(row.row, 1),
        )
        with m.If(row.valid):
            m.d.sync += begun.bit_select(row.row, 1).eq(~row.last)

        shape = signed(config.accumulator_width)
        memory = Array(Signal(shape, name=f"memory_{i}", reset_less=True) for i in range(depth))
        then = Signal.like(row)
        m.d.comb += then.eq(delayed(m, row.as_value(), AccumulatorBank.read_latency, "row"))
        expected = Signal(shape)
        m.d.comb += expected.eq(Mux(then.first, 0, memory[then.row]) + total)
        with m.If(then.valid & ~then.last):
            m.d.sync += memory[then.row].eq(expected)
        came = delayed(m, then.valid, AccumulatorBank.latency, "came")
        wanted = delayed(m, expected, AccumulatorBank.latency, "wanted")
        self.prove("sum", ~came | (bank.sum_out == wanted))
        self.reach("sum_of_several_rows", came & (wanted == 1))
