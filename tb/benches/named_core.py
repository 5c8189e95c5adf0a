"""A core whose bus has an ID for writes, as a memory of cocotbext-axi needs it."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.core.axi_core import AxiCore
from weft.core.core_config import CoreConfig
from weft.hierarchy import instantiate


class NamedCore(wiring.Component):
    """An AxiCore with m_axi_awid and m_axi_bid.

    Members
    -------
    Those of AxiCore; m_axi_awid is always 1, and `answered_id` is m_axi_bid.
    """

    def __init__(self, *, config: CoreConfig):
        self.config = config
        self._ports = dict(AxiCore(config=config).signature.members)
        super().__init__(
            {**self._ports, "m_axi_awid": Out(1), "m_axi_bid": In(1), "answered_id": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        core = instantiate(m, "core", platform, AxiCore, config=self.config)
        m.d.comb += [self.m_axi_awid.eq(1), self.answered_id.eq(self.m_axi_bid)]
        for name, member in self._ports.items():
            outer, inner = getattr(self, name), getattr(core, name)
            m.d.comb += outer.eq(inner) if member.flow == Out else inner.eq(outer)
        return m
