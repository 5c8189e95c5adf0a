"""Lane: the stages of one element of x and y, up to the reductions."""

from amaranth.hdl import Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.registers import registered
from ..hierarchy import instantiate
from ..isa.codes import Combine, Rounding
from .beats import ENTRY_BITS, WORD, pass_layout, table_write_layout
from .lane_table import LaneTable
from .rounding_shift import SHIFT_BITS
from .scale import FLOAT32_DIGITS, Scale
from .significand import RoundedSignificand
from .wide_product import MULTIPLIER_STAGES, HalfProduct

# Bits of the operands of Combine.MULTIPLY; those of hard multipliers have 18.
FACTOR_BITS = 17


class Lane(wiring.Component):
    """One lane: subtract, tables, combine, bias, scale, offset, clamp, output table.

    All sums are modulo 2**32, except that the scaled number and the offset are exact until they are
    clamped to `low` ... `high`. It computes what `weft_model.core.vector` defines.

    | Cycle | |
    | --- | --- |
    | 0 | the inputs |
    | 1 | x - subtract, y - y_zero_point |
    | 3 | the words of the tables |
    | 4 | x and y, from their tables or not |
    | 5 | sum or difference, and the comparison; the multiplier has two stages |
    | 6 | sum, difference, greater or lesser one |
    | 7 | that, or the product |
    | 8 | + bias |
    | 20 | scaled |
    | 21 | + output_offset |
    | 22 | compared with `low` and `high` |
    | 23 | clamped |
    | 25 | the word of the output table |
    | 26 | the result, from the table or not |

    Latency `latency` cycles, one element per cycle. Never stalls; no register is reset.

    Parameters
    ----------
    tables : int
    significand : type
        See Scale.

    Members
    -------
    x, y, subtract, bias, multiplier : signed(32) in
    shift : unsigned(6) in
    constants : pass_layout() in. Static while elements of its instruction are in the lane; its
        `minimum`, `maximum` and `destination_format` are unused here.
    low, high : signed(32) in. Static likewise.
    table_write : table_write_layout(tables) in
    o : signed(32) out
    wrong_multiplier : 1 bit out, the multiplier of the last cycle is not exact as a float32.
    """

    _select_latency = 1 + LaneTable.latency + 1
    _combine_latency = _select_latency + MULTIPLIER_STAGES + 1
    _bias_latency = _combine_latency + 1
    _clamp_latency = _bias_latency + Scale.latency + 3
    latency = _clamp_latency + LaneTable.latency + 1

    def __init__(self, *, tables: int, significand: type = RoundedSignificand):
        self.tables = tables
        self.significand = significand
        super().__init__(
            {
                **dict.fromkeys(("x", "y", "subtract", "bias", "multiplier"), In(WORD)),
                "shift": In(SHIFT_BITS),
                "constants": In(pass_layout()),
                "low": In(WORD),
                "high": In(WORD),
                "table_write": In(table_write_layout(tables)),
                "o": Out(WORD),
                "wrong_multiplier": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        constants = self.constants
        table = instantiate(m, "table", platform, LaneTable, tables=self.tables)
        m.d.comb += table.write.eq(self.table_write)
        x, y = Signal(WORD, reset_less=True), Signal(WORD, reset_less=True)
        m.d.sync += [x.eq(self.x - self.subtract), y.eq(self.y - constants.y_zero_point)]
        clamped = Signal(WORD)
        looks_up_output = constants.output_table.any()
        m.d.comb += [
            table.x.table.eq(Mux(looks_up_output, constants.output_table, constants.x_table) - 1),
            table.x.entry.eq(Mux(looks_up_output, clamped, x)[:ENTRY_BITS]),
            table.y.table.eq(constants.y_table - 1),
            table.y.entry.eq(y[:ENTRY_BITS]),
        ]
        x = _looked_up(m, constants.x_table, word=table.x.word, number=x, name="x")
        y = _looked_up(m, constants.y_table, word=table.y.word, number=y, name="y")
        x = self._combined(m, platform, x, y)
        x = self._biased(m, x)
        x = self._scaled(m, platform, x)
        m.d.comb += clamped.eq(self._clamped(m, x))
        m.d.comb += self.o.eq(
            _looked_up(m, constants.output_table, word=table.x.word, number=clamped, name="output")
        )
        return m

    def _combined(self, m: Module, platform, x: Value, y: Value) -> Value:
        """Combine two numbers, `_combine_latency` - `_select_latency` cycles later."""
        combine = self.constants.combine
        block = instantiate(m, "factors", platform, HalfProduct, width=FACTOR_BITS)
        m.d.comb += [
            block.first.eq(x[:FACTOR_BITS].as_signed()),
            block.second.eq(y[:FACTOR_BITS].as_signed()),
        ]
        total, chosen, combined = (
            Signal(WORD, name=name, reset_less=True) for name in ("total", "chosen", "combined")
        )
        lesser = Signal(reset_less=True)
        m.d.sync += [
            total.eq(Mux(combine == Combine.ADD, x + y, x - y)),
            lesser.eq(x < y),
        ]
        later = range(1)
        x, y = (registered(m, z, stages=later, name=f"{n}_later") for n, z in (("x", x), ("y", y)))
        with m.Switch(combine):
            with m.Case(Combine.ADD, Combine.SUBTRACT):
                m.d.sync += chosen.eq(total)
            with m.Case(Combine.MAX):
                m.d.sync += chosen.eq(Mux(lesser, y, x))
            with m.Case(Combine.MIN):
                m.d.sync += chosen.eq(Mux(lesser, x, y))
            with m.Default():
                m.d.sync += chosen.eq(x)
        m.d.sync += combined.eq(Mux(combine == Combine.MULTIPLY, block.product, chosen))
        return combined

    def _biased(self, m: Module, x: Value) -> Value:
        biased, bias = Signal(WORD, reset_less=True), Signal(WORD)
        m.d.comb += bias.eq(Mux(self.constants.bias.any(), self.bias, 0))
        m.d.sync += biased.eq(
            x + registered(m, bias, stages=range(self._combine_latency), name="bias_stage")
        )
        return biased

    def _scaled(self, m: Module, platform, x: Value) -> Value:
        """Scale a number, and report multipliers that F32 does not have."""
        rounding = self.constants.rounding
        scale = instantiate(m, "scale", platform, Scale, significand=self.significand)
        wait = range(self._bias_latency)
        m.d.comb += [
            scale.x.eq(x),
            scale.multiplier.eq(registered(m, self.multiplier, stages=wait, name="multiplier")),
            scale.shift.eq(registered(m, self.shift, stages=wait, name="shift_stage")),
            scale.rounding.eq(rounding),
        ]
        most = 1 << FLOAT32_DIGITS
        wrong = (self.multiplier > most) | (self.multiplier < -most)
        m.d.sync += self.wrong_multiplier.eq((rounding == Rounding.F32) & wrong)
        return scale.o

    def _clamped(self, m: Module, x: Value) -> Value:
        """Add the offset and clamp, three cycles later."""
        shape = Shape.cast(signed(len(x) + 1))
        moved, compared = (
            Signal(shape, name=name, reset_less=True) for name in ("moved", "compared")
        )
        below, above = Signal(reset_less=True), Signal(reset_less=True)
        clamped = Signal(WORD, reset_less=True)
        m.d.sync += [
            moved.eq(x + self.constants.output_offset),
            compared.eq(moved),
            below.eq(moved < self.low),
            above.eq(moved > self.high),
            clamped.eq(Mux(above, self.high, Mux(below, self.low, compared))),
        ]
        return clamped


def _looked_up(
    m: Module, number_of_table: Value, *, word: Value, number: Value, name: str
) -> Value:
    """Return the word of a table that `number` has selected, or `number` if the table is 0."""
    found = Signal(WORD, name=f"{name}_looked_up", reset_less=True)
    same = registered(m, number, stages=range(LaneTable.latency), name=f"{name}_same")
    m.d.sync += found.eq(Mux(number_of_table.any(), word, same))
    return found
