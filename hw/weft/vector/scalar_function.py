"""ScalarFunction: compute a function of row scalars, and write its results to row scalars."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..buffer.unified_buffer import row_shape
from ..hierarchy import instantiate
from ..isa.fields import WORD_BITS
from .reciprocal import Reciprocal
from .rounding_shift import SHIFT_BITS
from .row_scalars import scalar_write_layout


def function_layout(row_scalars: int) -> data.StructLayout:
    """Return the layout of an operand: `row` is the row scalar that receives the result.

    `last`: the last operand of the instruction.
    """
    return data.StructLayout({"x": signed(WORD_BITS), "row": row_shape(row_scalars), "last": 1})


class ScalarFunction(wiring.Component):
    """The only function so far is the reciprocal.

    Latency `latency` cycles from an operand to the write of its result. The next operand comes as
    many cycles later at the earliest.

    Parameters
    ----------
    row_scalars : int

    Members
    -------
    operands : stream of function_layout(row_scalars) in, which cannot stall
    shift : unsigned(6) in. Of the instruction; constant while its operands are here.
    write : scalar_write_layout(row_scalars) out
    ends : 1 bit out. The last write of the instruction, in this cycle.
    error : 1 bit out. An operand has no result, and nothing is written, in this cycle.
    """

    latency = Reciprocal.latency

    def __init__(self, *, row_scalars: int):
        self.row_scalars = row_scalars
        operands = function_layout(row_scalars)
        super().__init__(
            {
                "operands": In(stream.Signature(operands, always_ready=True)),
                "shift": In(SHIFT_BITS),
                "write": Out(scalar_write_layout(row_scalars)),
                "ends": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        reciprocal = instantiate(m, "reciprocal", platform, Reciprocal)
        operand, result = self.operands.payload, reciprocal.results.payload
        # Of the operand that is computed; the next one replaces it after the result.
        place = Signal(data.StructLayout({"row": operand.row.shape(), "last": 1}), reset_less=True)
        with m.If(self.operands.valid):
            m.d.sync += [place.row.eq(operand.row), place.last.eq(operand.last)]
        m.d.comb += [
            reciprocal.operands.valid.eq(self.operands.valid),
            reciprocal.operands.payload.x.eq(operand.x),
            reciprocal.operands.payload.shift.eq(self.shift),
            self.write.valid.eq(reciprocal.results.valid & ~result.error),
            self.write.row.eq(place.row),
            self.write.value.eq(result.multiplier),
            self.write.shift.eq(result.shift),
            self.ends.eq(self.write.valid & place.last),
            self.error.eq(reciprocal.results.valid & result.error),
        ]
        return m
