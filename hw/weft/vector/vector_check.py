"""VectorCheck: find the fields of a VECTOR that no core or this core cannot execute."""

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..isa.codes import Combine, Function, Reduce, XSource, YSource
from ..isa.instructions import VECTOR
from ..isa.layouts import instruction_layout
from .uses import ELEMENTS, uses_of


class VectorCheck(wiring.Component):
    """Check the rules for the fields of a VECTOR that go beyond the range of each field.

    Latency 0 cycles. The rows of walks are not checked here, and neither are multipliers.

    Parameters
    ----------
    lanes, operand_width, tables : int

    Members
    -------
    instruction : the layout of VECTOR, in
    illegal : 1 bit out. Fields have values that mean nothing, alone or together.
    outside : 1 bit out. It names a table that this core does not have.
    """

    def __init__(self, *, lanes: int, operand_width: int, tables: int):
        self.lanes = lanes
        self.operand_width = operand_width
        self.tables = tables
        super().__init__(
            {"instruction": In(instruction_layout(VECTOR)), "illegal": Out(1), "outside": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        i = self.instruction
        tables = [i[name] > self.tables for name in ("x_table", "y_table", "output_table")]
        illegal = [i.valid_lanes > self.lanes, self._formats(), self._function(), self._stages()]
        m.d.comb += [
            self.illegal.eq(Cat(*illegal).any()),
            self.outside.eq((i.function == Function.NONE) & Cat(*tables).any()),
        ]
        return m

    def _formats(self) -> Value:
        """Return whether a format in use is not one of elements."""
        i = self.instruction
        codes = [code for code in ELEMENTS if code.width >= self.operand_width]

        def wrong(number: Value) -> Value:
            return ~Cat(*[number == code for code in codes]).any()

        return (
            wrong(i.destination_format)
            | ((i.x_source == XSource.BUFFER) & wrong(i.x_format))
            | ((i.y_source == YSource.BUFFER) & wrong(i.y_format))
        )

    def _single(self) -> Value:
        """Return whether windows have one row."""
        return (self.instruction.reduce_outer_count == 1) & (
            self.instruction.reduce_inner_count == 1
        )

    def _function(self) -> Value:
        """Return whether there is an unknown function, or one with something else."""
        i = self.instruction
        others = [
            i.function != Function.RECIPROCAL,
            i.x_source != XSource.SCALARS,
            i.write,
            i.reduce != Reduce.NONE,
            i.accumulate,
            ~self._single(),
        ]
        return (i.function != Function.NONE) & Cat(*others).any()

    def _stages(self) -> Value:
        """Return whether the stages or the reduction of an instruction without a function clash."""
        i = self.instruction
        over_lanes = uses_of(i)["lanes"]
        clashes = [
            (i.y_source == YSource.NONE) != (i.combine == Combine.NONE),
            (i.x_table != 0) & (i.output_table != 0),
            i.minimum > i.maximum,
            (i.reduce == Reduce.NONE) & ~self._single(),
            over_lanes & i.write & ~self._single(),
            i.accumulate & ~over_lanes,
            ~i.write & ~over_lanes,
        ]
        return (i.function == Function.NONE) & Cat(*clashes).any()
