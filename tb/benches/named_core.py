"""A core whose bus has an ID for writes, as a memory of cocotbext-axi needs it."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.core.axi_core import AxiCore, ports_of
from weft.core.core_config import CoreConfig


class NamedCore(AxiCore):
    """An AxiCore with m_axi_awid and m_axi_bid.

    Members
    -------
    Those of AxiCore; m_axi_awid is 1, and `answered_id` is m_axi_bid.
    """

    def __init__(self, *, config: CoreConfig):
        self.config = config
        more = {"m_axi_awid": Out(1), "m_axi_bid": In(1), "answered_id": Out(1)}
        wiring.Component.__init__(self, {**ports_of(config), **more})

    def elaborate(self, platform):
        m = super().elaborate(platform)
        # A register and an output, because the Verilog has no ports that are constant or unused.
        m.d.sync += self.m_axi_awid.eq(1)
        m.d.comb += self.answered_id.eq(self.m_axi_bid)
        return m
