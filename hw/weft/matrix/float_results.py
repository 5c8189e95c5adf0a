"""FloatResults: round the finished sums of a result row to floating-point numbers."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.narrow_float import NarrowFloat
from ..blocks.to_float import ToFloat
from ..float_format import FloatFormat
from ..hierarchy import Part, instantiate
from .config import MatrixUnitConfig
from .layouts import result_layout, sum_row_layout


class FloatResults(wiring.Component):
    """Round each lane of the rows of a stream, unless its flags say that the sum is no number.

    See ToFloat for sums that are integers, and NarrowFloat for those that are floats. With one
    flag, the sum is NaN; with two, it has +infinity and -infinity, and with both it is NaN.

    Latency `latency_of(config)` cycles. While the output waits for `ready`, nothing moves.

    Parameters
    ----------
    config : MatrixUnitConfig

    Members
    -------
    i : stream of sum_row_layout(config)
    o : stream of result_layout(config), out
    """

    def __init__(self, *, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(sum_row_layout(config))),
                "o": Out(stream.Signature(result_layout(config))),
            }
        )

    @staticmethod
    def latency_of(config: MatrixUnitConfig) -> int:
        """Return the cycles from a row of sums to the row of results."""
        if config.chained:
            return NarrowFloat.latency
        return ToFloat.latency_of(config.accumulator_width)

    def _rounding(self) -> Part:
        """Return the component that rounds a lane, and its parameters."""
        config = self.config
        if config.chained:
            return Part(NarrowFloat, {"wide": config.sum_format, "number": config.result_format})
        return Part(
            ToFloat,
            {
                "width": config.accumulator_width,
                "least_exponent": config.least_exponent,
                "number": config.result_format,
            },
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        advance = Signal()
        valid = Signal(self.latency_of(config))
        end = Signal.like(valid, reset_less=True)
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(advance),
            self.o.valid.eq(valid[-1]),
            self.o.payload.end.eq(end[-1]),
        ]
        with m.If(advance):
            m.d.sync += [
                valid.eq(Cat(self.i.valid, valid)),
                end.eq(Cat(self.i.payload.end, end)),
            ]
        rounding = self._rounding()
        for column in range(config.columns):
            lane = instantiate(
                m, f"lane_{column}", platform, rounding.component, **rounding.parameters
            )
            total, rounded = self.i.payload.lanes[column], lane.o
            seen = []
            for flag in range(config.arithmetic.flags):
                line = Signal.like(valid, name=f"flags_{column}_{flag}", reset_less=True)
                with m.If(advance):
                    m.d.sync += line.eq(Cat(total[0], line))
                seen.append(line[-1])
                total = total[1:].as_signed()
            if seen:
                rounded = Mux(Cat(seen).any(), _special(config.result_format, seen), lane.o)
            m.d.comb += [
                lane.i.eq(total),
                lane.advance.eq(advance),
                self.o.payload.lanes[column].eq(rounded),
            ]
        return m


def _special(number: FloatFormat, seen: list[Value]) -> Value:
    """Return the result for flags of which at least one is set."""
    if len(seen) == 1:
        return Const(number.nan_code, number.width)
    negative = seen[1]
    infinite = Cat(Const(number.infinity_code, number.width - 1), negative)
    return Mux(Cat(seen).all(), number.nan_code, infinite)
