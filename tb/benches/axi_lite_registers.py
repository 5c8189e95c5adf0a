"""CoreRegisters on a bus whose ports have the names of AXI4-Lite."""

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from weft.bus.axi_lite import axi_lite_port
from weft.core.core_control import State
from weft.core.core_registers import CoreRegisters
from weft.core.register_table import ADDRESS_WIDTH, CoreParameters
from weft.hierarchy import instantiate

PREFIX = "s_axi_"
CHANNELS = {
    name: member.signature.members["payload"].shape
    for name, member in axi_lite_port(address_width=ADDRESS_WIDTH).members.items()
}


class AxiLiteRegisters(wiring.Component):
    """CoreRegisters without a core.

    Members
    -------
    launch : 1 bit out, for a cycle
    running : 1 bit in. A program is running.
    s_axi_aw*, s_axi_w*, s_axi_b*, s_axi_ar*, s_axi_r*
    """

    def __init__(self, *, parameters: CoreParameters):
        self.parameters = parameters
        pins = {}
        for channel, layout in CHANNELS.items():
            asked = In if channel in ("aw", "w", "ar") else Out
            answered = Out if asked is In else In
            pins |= {f"{PREFIX}{channel}{name}": asked(field.width) for name, field in layout}
            pins |= {f"{PREFIX}{channel}valid": asked(1), f"{PREFIX}{channel}ready": answered(1)}
        super().__init__({"launch": Out(1), "running": In(1), **pins})

    def elaborate(self, platform):
        m = Module()
        registers = instantiate(m, "registers", platform, CoreRegisters, parameters=self.parameters)
        bus = axi_lite_port(address_width=ADDRESS_WIDTH).create(path=("bus",))
        connect(m, bus, registers.bus)
        m.d.comb += self.launch.eq(registers.launch)
        with m.If(self.running):
            m.d.comb += registers.state.eq(State.RUNNING)
        for channel, layout in CHANNELS.items():
            stream = getattr(bus, channel)
            pairs = {name: Value.cast(stream.payload[name]) for name, _ in layout}
            for name, signal in (pairs | {"valid": stream.valid, "ready": stream.ready}).items():
                pin = getattr(self, f"{PREFIX}{channel}{name}")
                inward = self.signature.members[f"{PREFIX}{channel}{name}"].flow is In
                m.d.comb += signal.eq(pin) if inward else pin.eq(signal)
        return m
