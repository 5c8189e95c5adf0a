"""TileReader: read the rows of tiles from the memory."""

from amaranth.hdl import Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.axi4 import read_channels
from ..bus.burst_splitter import BurstSplitter
from ..bus.line_reader import LineReader
from ..bus.region_check import RegionCheck
from ..bus.regions import regions_layout
from ..hierarchy import instantiate
from ..isa.instructions import WEIGHTS
from ..isa.layouts import instruction_layout
from .tile_walk import TileWalk


class TileReader(wiring.Component):
    """Request the source rows of WEIGHTS instructions from the memory, and give them in order.

    Only rows and columns that are valid are requested, of a diagonal tile its one source row. A
    tile takes N cycles, which is as long as the matrix unit needs for one. Requests run ahead of
    the rows as far as LineReader has room.

    Latency: from an instruction to its first request `request_latency` cycles, and from the last
    beat of a row to the row `row_latency`.

    Parameters
    ----------
    lanes : int
        N.
    operand_width : int
    address_width, data_width : int
        Of the memory bus.
    room : int
        Beats that have been requested and not yet been used.

    Members
    -------
    instructions : stream of the layout of WEIGHTS
    regions : regions_layout(address_width) in; constant while there are instructions
    memory : read_channels(...), without ID
    rows : stream of rows, out; lanes after the valid columns are zero
    outside : 1 bit out. A row is not in its region, and no other will come until a reset.
    error : 1 bit out. The memory answered with an error; see LineReader.
    """

    request_latency = TileWalk.latency + RegionCheck.latency + BurstSplitter.latency
    row_latency = LineReader.row_latency

    def __init__(
        self,
        *,
        lanes: int,
        operand_width: int,
        address_width: int,
        data_width: int,
        room: int = 64,
    ):
        self.lanes = lanes
        self.operand_width = operand_width
        self.address_width = address_width
        self.data_width = data_width
        self.room = room
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(WEIGHTS))),
                "regions": In(regions_layout(address_width)),
                "memory": Out(read_channels(address_width=address_width, data_width=data_width)),
                "rows": Out(stream.Signature(unsigned(lanes * operand_width))),
                "outside": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        walk = instantiate(
            m,
            "walk",
            platform,
            TileWalk,
            lanes=self.lanes,
            operand_width=self.operand_width,
        )
        check = instantiate(
            m,
            "check",
            platform,
            RegionCheck,
            address_width=self.address_width,
            tag_width=0,
            permission="readable",
        )
        reader = instantiate(
            m,
            "reader",
            platform,
            LineReader,
            address_width=self.address_width,
            data_width=self.data_width,
            row_bytes=self.lanes * self.operand_width // 8,
            tag_width=0,
            room=self.room,
        )
        step, reach = walk.steps.payload, check.reaches.payload
        checked, line = check.lines, reader.lines.payload
        m.d.comb += [
            check.regions.eq(self.regions),
            check.reaches.valid.eq(walk.steps.valid & step.fetches),
            walk.steps.ready.eq(~step.fetches | check.reaches.ready),
            reach.offset.eq(step.place),
            *[reach[name].eq(step[name]) for name in ("bytes", "region")],
            reader.lines.valid.eq(checked.valid),
            checked.ready.eq(reader.lines.ready),
            *[line[name].eq(checked.payload[name]) for name in ("address", "bytes")],
            self.rows.valid.eq(reader.rows.valid),
            self.rows.payload.eq(reader.rows.payload.data),
            reader.rows.ready.eq(self.rows.ready),
            self.outside.eq(check.error),
            self.error.eq(reader.error),
        ]
        connect(m, flipped(self.instructions), walk.instructions)
        connect(m, reader.memory, flipped(self.memory))
        return m
