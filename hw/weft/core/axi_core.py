"""AxiCore: a core with AXI4 port names; the top module of the emitted Verilog."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.axi_lite import axi_lite_port
from ..bus.axi_names import axi_ports, connect_axi
from ..hierarchy import instantiate
from ..isa.codes import Unit
from .core import Core
from .core_config import CoreConfig
from .processor import memory_channels
from .register_table import ADDRESS_WIDTH

# AXI4-Lite for the host, and AXI4 for the memory.
HOST, MEMORY = "s_axil", "m_axi"


def ports_of(config: CoreConfig) -> dict[str, wiring.Member]:
    """Return the ports of the Verilog module; see AxiCore."""
    return {
        "aclk": In(1),
        "aresetn": In(1),
        **axi_ports(HOST, axi_lite_port(address_width=ADDRESS_WIDTH).flip()),
        **axi_ports(MEMORY, memory_channels(config)),
        "irq": Out(1),
        "unit_starts": Out(len(Unit)),
        "unit_finishes": Out(len(Unit)),
    }


class AxiCore(wiring.Component):
    """A Core whose ports have the names of AXI4 (Arm IHI 0022).

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    aclk, aresetn : clock, rising edge, and reset, active low, synchronous
    s_axil_* : AXI4-Lite, the registers
    m_axi_* : AXI4, the memory
    irq : 1 bit out. A program has ended.
    unit_starts, unit_finishes : a bit per unit out. An instruction starts or finishes.
    """

    def __init__(self, *, config: CoreConfig):
        self.config = config
        super().__init__(ports_of(config))

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal().eq(self.aclk), ResetSignal().eq(~self.aresetn)]
        core = instantiate(m, "core", platform, Core, config=self.config)
        connect_axi(m, HOST, self, core.host)
        # A constant would be no port.
        awake = Signal()
        m.d.sync += awake.eq(1)
        connect_axi(m, MEMORY, self, core.memory, awake=awake)
        m.d.comb += [
            self.irq.eq(core.interrupt),
            self.unit_starts.eq(core.unit_starts),
            self.unit_finishes.eq(core.unit_finishes),
        ]
        return m
