"""A StoreUnit on a bus whose ports have the names of AXI4."""

from amaranth.hdl import Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.buffer.unified_buffer import read_port
from weft.bus.axi4_write import (
    write_address_layout,
    write_data_layout,
    write_response_layout,
)
from weft.bus.regions import regions_layout
from weft.core.errors import CoreError
from weft.core.store_unit import StoreUnit
from weft.hierarchy import instantiate
from weft.isa.instructions import STORE
from weft.isa.layouts import instruction_layout

PREFIX = "m_axi_"


class AxiStorer(wiring.Component):
    """A StoreUnit.

    Members
    -------
    Those of StoreUnit but `port`; m_axi_aw*, m_axi_w*, m_axi_b*; and `answered_id`.
    """

    def __init__(self, *, width: int, rows: int, data_width: int, address_width: int):
        sizes = {"width": width, "rows": rows}
        sizes |= {"data_width": data_width, "address_width": address_width}
        self.width, self.rows = width, rows
        self.data_width, self.address_width = data_width, address_width
        self.sizes = sizes
        self.fields = {
            "aw": (Out, write_address_layout(address_width=address_width)),
            "w": (Out, write_data_layout(data_width=data_width)),
            "b": (In, write_response_layout()),
        }
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(STORE))),
                "regions": In(regions_layout(address_width)),
                "buffer": Out(read_port(rows=rows, width=width)),
                "finished": Out(1),
                "error": Out(CoreError),
                "flush": In(1),
                "idle": Out(1),
                "answered_id": Out(1),
                **{
                    f"{PREFIX}{channel}{name}": flow(field.width)
                    for channel, (flow, layout) in self.fields.items()
                    for name, field in layout
                },
                **{f"{PREFIX}{name}": Out(1) for name in ("awvalid", "wvalid", "bready", "awid")},
                **{f"{PREFIX}{name}": In(1) for name in ("awready", "wready", "bvalid", "bid")},
            }
        )

    def elaborate(self, platform):
        m = Module()
        unit = instantiate(m, "unit", platform, StoreUnit, **self.sizes)
        for name in ("instructions", "buffer"):
            connect(m, flipped(getattr(self, name)), getattr(unit, name))
        m.d.comb += [
            unit.regions.eq(self.regions),
            unit.flush.eq(self.flush),
            *[
                getattr(self, name).eq(getattr(unit, name))
                for name in ("finished", "error", "idle")
            ],
        ]
        for channel, (flow, layout) in self.fields.items():
            payload = getattr(unit.port, channel).payload
            for name, _ in layout:
                pin, field = getattr(self, f"{PREFIX}{channel}{name}"), payload[name]
                if flow is Out:
                    m.d.comb += pin.eq(Value.cast(field))
                else:
                    m.d.comb += Value.cast(field).eq(pin)
        m.d.comb += [
            self.m_axi_awvalid.eq(unit.port.aw.valid),
            self.m_axi_wvalid.eq(unit.port.w.valid),
            unit.port.aw.ready.eq(self.m_axi_awready),
            unit.port.w.ready.eq(self.m_axi_wready),
            unit.port.b.valid.eq(self.m_axi_bvalid),
        ]
        # Registers, because the Verilog has no ports that are constant or unused.
        m.d.sync += [
            self.m_axi_bready.eq(1),
            self.m_axi_awid.eq(1),
            self.answered_id.eq(self.m_axi_bid),
        ]
        return m
