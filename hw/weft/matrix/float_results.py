"""FloatResults: round the finished sums of a result row to floating-point numbers."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.to_float import ToFloat
from ..hierarchy import instantiate
from .config import MatrixUnitConfig
from .layouts import result_layout, sum_row_layout


class FloatResults(wiring.Component):
    """Convert each lane of the rows of a stream; see ToFloat.

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
        return ToFloat.latency_of(config.accumulator_width)

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
        for column in range(config.columns):
            lane = instantiate(
                m,
                f"lane_{column}",
                platform,
                ToFloat,
                width=config.accumulator_width,
                least_exponent=config.least_exponent,
                number=config.result_format,
            )
            m.d.comb += [
                lane.i.eq(self.i.payload.lanes[column]),
                lane.advance.eq(advance),
                self.o.payload.lanes[column].eq(lane.o),
            ]
        return m
