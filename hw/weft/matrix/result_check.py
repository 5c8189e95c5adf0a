"""ResultCheck: whether the lanes of a result add up to its checksum."""

from amaranth.hdl import Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.skew import DelayLine
from ..blocks.sum_tree import SumTree
from ..hierarchy import instantiate
from .config import MatrixUnitConfig


class ResultCheck(wiring.Component):
    """Compare the sum of a result's lanes with its checksum, as the result leaves.

    Latency `latency_of(config)` cycles from `transfer` to `mismatch`. Never stalls.

    Members
    -------
    transfer : 1 bit in. The result is taken in this cycle.
    lanes : ArrayLayout(signed(config.accumulator_width), C) in
    checksum : signed(config.accumulator_width) in
    mismatch : 1 bit out, for one cycle
    """

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        lane = signed(config.accumulator_width)
        super().__init__(
            {
                "transfer": In(1),
                "lanes": In(data.ArrayLayout(lane, config.columns)),
                "checksum": In(lane),
                "mismatch": Out(1),
            }
        )

    @staticmethod
    def latency_of(config: MatrixUnitConfig) -> int:
        comparison = 1
        return SumTree.latency_of(config.columns) + comparison

    def elaborate(self, platform):
        m = Module()
        columns, width = self.config.columns, self.config.accumulator_width
        tree = instantiate(m, "sums", platform, SumTree, signed(width), columns, width)
        cycles = SumTree.latency_of(columns)
        checksums = instantiate(m, "checksum_delay", platform, DelayLine, width, cycles, False)
        transfers = instantiate(m, "transfer_delay", platform, DelayLine, 1, cycles, True)
        m.d.comb += [
            tree.i.eq(self.lanes),
            checksums.i.eq(self.checksum),
            transfers.i.eq(self.transfer),
        ]
        m.d.sync += self.mismatch.eq(transfers.o & (tree.o != checksums.o))
        return m
