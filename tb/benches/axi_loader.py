"""A LoadUnit on a bus whose ports have the names of AXI4."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.buffer.unified_buffer import write_layout
from weft.bus.axi4 import read_address_layout, read_data_layout
from weft.bus.read_arbiter import ReadArbiter, read_id_width
from weft.bus.regions import regions_layout
from weft.core.core_config import CoreConfig
from weft.core.errors import CoreError
from weft.core.load_unit import LoadUnit
from weft.hierarchy import instantiate
from weft.isa.instructions import LOAD
from weft.isa.layouts import instruction_layout
from weft.vector.layouts import constant_layout

# Of which one has no requests.
READERS = ("other", "load")


class AxiLoader(wiring.Component):
    """A LoadUnit that a flush resets, behind a ReadArbiter.

    Members
    -------
    Those of LoadUnit but `memory`; `flush` and `idle` of ReadArbiter; m_axi_ar*, m_axi_r*.
    """

    def __init__(self, *, config: CoreConfig, data_width: int, address_width: int = 40):
        self.config = config
        self.data_width = data_width
        self.address_width = address_width
        rows = {"rows": config.buffer.rows, "width": config.lanes * config.operand_width}
        identity = read_id_width(len(READERS))
        address = read_address_layout(address_width=address_width, id_width=identity)
        answer = read_data_layout(data_width=data_width, id_width=identity)
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(LOAD))),
                "regions": In(regions_layout(address_width)),
                "buffer": Out(stream.Signature(write_layout(**rows))),
                "constants": Out(
                    stream.Signature(constant_layout(config.lanes), always_ready=True)
                ),
                "finished": Out(1),
                "error": Out(CoreError),
                "flush": In(1),
                "idle": Out(1),
                **{f"m_axi_ar{name}": Out(field.width) for name, field in address},
                **{f"m_axi_r{name}": In(field.width) for name, field in answer},
                "m_axi_arvalid": Out(1),
                "m_axi_arready": In(1),
                "m_axi_rvalid": In(1),
                "m_axi_rready": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.domains.flushed = ClockDomain()
        m.d.comb += [
            ClockSignal("flushed").eq(ClockSignal()),
            ResetSignal("flushed").eq(ResetSignal() | self.flush),
        ]
        widths = {"address_width": self.address_width, "data_width": self.data_width}
        unit = instantiate(
            m, "unit", platform, LoadUnit, domain="flushed", config=self.config, **widths
        )
        arbiter = instantiate(m, "arbiter", platform, ReadArbiter, **widths, readers=READERS)
        for name in ("instructions", "buffer", "constants"):
            connect(m, flipped(getattr(self, name)), getattr(unit, name))
        connect(m, unit.memory, arbiter.load)
        ar, r = arbiter.memory.ar, arbiter.memory.r
        m.d.comb += [
            unit.regions.eq(self.regions),
            self.finished.eq(unit.finished),
            self.error.eq(unit.error),
            arbiter.flush.eq(self.flush),
            self.idle.eq(arbiter.idle),
            *[
                getattr(self, f"m_axi_ar{name}").eq(Value.cast(ar.payload[name]))
                for name, _ in ar.payload.shape()
            ],
            *[
                Value.cast(r.payload[name]).eq(getattr(self, f"m_axi_r{name}"))
                for name, _ in r.payload.shape()
            ],
            self.m_axi_arvalid.eq(ar.valid),
            ar.ready.eq(self.m_axi_arready),
            r.valid.eq(self.m_axi_rvalid),
        ]
        # A register, because the Verilog has no ports that are constant.
        m.d.sync += self.m_axi_rready.eq(1)
        return m
