"""ResultCheck: check that the lanes of a result add up to its checksum."""

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..blocks.lanes import Lanes
from ..blocks.sum_tree import SumTree
from ..hierarchy import instantiate


class ResultCheck(wiring.Component):
    """Compare the sum of the lanes of a result with its checksum as the result leaves.

    Latency `latency_of(columns)` cycles from `transfer` to `mismatch`. Never stalls.

    Parameters
    ----------
    columns : int
    width : int
        Bits of a lane and of the checksum.

    Members
    -------
    transfer : 1 bit in. The result leaves in this cycle.
    lanes : Lanes(signed(width), columns) in
    checksum : signed(width) in
    mismatch : 1 bit out, for one cycle
    """

    def __init__(self, *, columns: int, width: int):
        self.columns = columns
        self.width = width
        super().__init__(
            {
                "transfer": In(1),
                "lanes": In(Lanes(signed(width), columns)),
                "checksum": In(signed(width)),
                "mismatch": Out(1),
            }
        )

    @staticmethod
    def latency_of(columns: int) -> int:
        """Return the cycles from `transfer` to `mismatch`."""
        comparison = 1
        return SumTree.latency_of(columns) + comparison

    def elaborate(self, platform):
        m = Module()
        cycles = SumTree.latency_of(self.columns)
        tree = instantiate(
            m,
            "sums",
            platform,
            SumTree,
            lane=signed(self.width),
            lanes=self.columns,
            width=self.width,
        )
        checksums = instantiate(
            m, "checksum_delay", platform, DelayLine, width=self.width, cycles=cycles
        )
        transfers = instantiate(
            m, "transfer_delay", platform, DelayLine, width=1, cycles=cycles, reset=True
        )
        m.d.comb += [
            tree.i.eq(self.lanes),
            checksums.i.eq(self.checksum),
            transfers.i.eq(self.transfer),
        ]
        m.d.sync += self.mismatch.eq(transfers.o & (tree.o != checksums.o))
        return m
