"""ScaledSum: what a column would need between its cells and its accumulators for MX formats.

An experiment: it is synthesized for the table of costs in docs/formats.md, and part of no unit.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.blocks.float_adder import addend_layout, unpacked
from weft.blocks.to_float import ToFloat
from weft.float_format import FLOAT32
from weft.hierarchy import instantiate

SCALE = signed(8)
SCALE_NAN = -128


class ScaledSum(wiring.Component):
    """Round the exact sum of a block to 24 bits, and scale it by two powers of two.

    The scale of a row of activations passes east, one column per cycle, when its block sum is
    rounded. The scale of a column of weights stays until the row that switches to the next tile.

    Parameters
    ----------
    width : int
        Bits of a block sum, without its flag.
    flags : int
        1 if the lowest bit of `sum_in` says that the sum is NaN.
    least_exponent : int
        A block sum is in units of 2**least_exponent.

    Members
    -------
    sum_in : signed(width + flags)
    row_scale_in, row_scale_out, column_scale_in : signed(8)
        Exponents: the code of OCP's E8M0, less its bias by the edge of the array; -128 is NaN.
    load, switch : 1 bit in. As in Cell, of the scale of the column.
    addend : addend_layout(FLOAT32, 23) out
        ToFloat.latency_of(width) + 1 cycles after `sum_in`.
    """

    def __init__(self, *, width: int, flags: int, least_exponent: int):
        self.width, self.flags, self.least_exponent = width, flags, least_exponent
        super().__init__(
            {
                "sum_in": In(signed(width + flags)),
                "row_scale_in": In(SCALE),
                "row_scale_out": Out(SCALE),
                "column_scale_in": In(SCALE),
                "load": In(1),
                "switch": In(1),
                "addend": Out(addend_layout(FLOAT32, FLOAT32.fraction)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        latency = ToFloat.latency_of(self.width)
        rounding = instantiate(
            m,
            "rounding",
            platform,
            ToFloat,
            width=self.width,
            least_exponent=self.least_exponent,
            number=FLOAT32,
        )
        nan = Signal(latency, reset_less=True)
        m.d.comb += [rounding.i.eq(self.sum_in[self.flags :]), rounding.advance.eq(1)]
        m.d.sync += nan.eq(Cat(self.sum_in[0] if self.flags else 0, nan))

        row, shadow, column = (
            Signal(SCALE, name=name, reset_less=True) for name in ("row", "shadow", "column")
        )
        scale, scale_nan = Signal(signed(SCALE.width + 1), reset_less=True), Signal(reset_less=True)
        m.d.sync += [
            row.eq(self.row_scale_in),
            shadow.eq(Mux(self.load, self.column_scale_in, shadow)),
            column.eq(Mux(self.switch, shadow, column)),
            scale.eq(row + column),
            scale_nan.eq((row == SCALE_NAN) | (column == SCALE_NAN)),
        ]
        m.d.comb += self.row_scale_out.eq(row)

        rounded = unpacked(FLOAT32, rounding.o)
        exponent = rounding.o[FLOAT32.fraction : -1]
        addend = Signal.like(self.addend, reset_less=True)
        m.d.sync += [
            addend.significand.eq(rounded["significand"]),
            addend.exponent.eq(Cat(exponent, 0).as_signed() + scale),
            addend.sign.eq(rounded["sign"]),
            addend.zero.eq(~exponent.any()),
            addend.nan.eq(nan[-1] | scale_nan),
        ]
        m.d.comb += self.addend.eq(addend)
        return m
