"""Accumulators of all columns, as in the matrix unit, for their benches."""

from amaranth.hdl import Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.blocks.chain import Chain
from weft.hierarchy import instantiate
from weft.matrix.accumulators import AccumulatorControl, bank_control_layout
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.float_accumulators import bank_of
from weft.matrix.layouts import row_control_layout


def out_width(config: MatrixUnitConfig) -> int:
    """Return the bits of a finished sum with its flags."""
    return config.accumulator_width + config.arithmetic.flags


class Accumulators(wiring.Component):
    """AccumulatorControl and the banks of all columns, as in the matrix unit."""

    def __init__(self, *, config: MatrixUnitConfig):
        self.config = config
        columns = config.columns
        super().__init__(
            {
                "row": In(row_control_layout(config)),
                "sums_in": In(data.ArrayLayout(config.arithmetic.sum_shape, columns)),
                "sums_out": Out(data.ArrayLayout(signed(out_width(config)), columns)),
                "control_out": Out(bank_control_layout(config.accumulator_depth)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        bank = bank_of(config, sum_parts=config.arithmetic.sum_parts)
        control = instantiate(
            m,
            "control",
            platform,
            AccumulatorControl,
            config=config,
            add_latency=bank.component.latency,
        )
        banks = instantiate(
            m,
            "banks",
            platform,
            Chain,
            component=bank.component,
            links=config.columns,
            **bank.parameters,
        )
        m.d.comb += [
            control.row.eq(self.row),
            banks.control_in.eq(control.control),
            banks.sum_in.eq(self.sums_in),
            self.sums_out.eq(banks.sum_out),
            self.control_out.eq(banks.control_out),
        ]
        return m


class FloatAccumulators(Accumulators):
    """The same for sums of floats."""
