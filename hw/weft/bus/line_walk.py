"""LineWalk: the addresses of the lines of LOAD and STORE, one per cycle."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..buffer.loop_nest import LoopNest
from ..buffer.strided_sum import StridedSum
from ..hierarchy import instantiate
from .region_check import RegionCheck, line_layout
from .regions import BYTES_BITS, OFFSET_BITS, REACH_BITS, REGIONS, regions_layout

COUNT_BITS = 16
PITCHES = ("group_pitch", "line_pitch")


def lines_layout(tag_width: int) -> data.StructLayout:
    """Return the layout of the parameters of a walk, as LOAD and STORE have them."""
    return data.StructLayout(
        {
            "offset": OFFSET_BITS,
            "region": range(REGIONS),
            "groups": COUNT_BITS,
            "lines": COUNT_BITS,
            "bytes": BYTES_BITS,
            **{pitch: signed(OFFSET_BITS) for pitch in PITCHES},
            "tag": tag_width,
        }
    )


class LineWalk(wiring.Component):
    """Visit the lines of groups, and check each before it is used.

    Line i of group g begins at byte `offset` + g * `group_pitch` + i * `line_pitch` of the region.
    Sums need only as many bits as reach one pitch outside of a region, because the first line that
    is outside ends everything; see RegionCheck.

    Latency 3 cycles from `walks` to the first of `lines`. Then one line per cycle, also from one
    walk to the next that has been offered by then.

    Parameters
    ----------
    address_width, tag_width : int
    permission : str
        "readable" or "writable".

    Members
    -------
    regions : regions_layout(address_width) in; constant during walks
    walks : stream of lines_layout(tag_width)
    lines : stream of line_layout(...), out, with a tag of one more bit, the lowest: this is the
        last line of the walk
    error : 1 bit out. A line is outside of its region, and no other will come until a reset.
    """

    latency = 1 + RegionCheck.latency

    def __init__(self, *, address_width: int, tag_width: int, permission: str):
        self.address_width = address_width
        self.tag_width = tag_width
        self.permission = permission
        lines = line_layout(address_width=address_width, tag_width=1 + tag_width)
        super().__init__(
            {
                "regions": In(regions_layout(address_width)),
                "walks": In(stream.Signature(lines_layout(tag_width))),
                "lines": Out(stream.Signature(lines)),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        walk = self.walks.payload
        check = instantiate(
            m,
            "check",
            platform,
            RegionCheck,
            address_width=self.address_width,
            tag_width=1 + self.tag_width,
            permission=self.permission,
        )
        nest = instantiate(m, "loops", platform, LoopNest, widths=(COUNT_BITS, COUNT_BITS))
        offset = instantiate(
            m, "offset", platform, StridedSum, width=REACH_BITS, strides=(OFFSET_BITS, OFFSET_BITS)
        )
        active, start, step = Signal(), Signal(), Signal()
        kept = Signal(
            data.StructLayout(
                {name: walk.shape()[name].shape for name in ("region", "bytes", "tag")}
            ),
            reset_less=True,
        )
        reach = check.reaches.payload
        m.d.comb += [
            self.walks.ready.eq(~active | (step & nest.lasts.all())),
            start.eq(self.walks.valid & self.walks.ready),
            step.eq(active & check.reaches.ready),
            nest.counts["0"].eq(walk.groups),
            nest.counts["1"].eq(walk.lines),
            *[offset.strides[str(loop)].eq(walk[pitch]) for loop, pitch in enumerate(PITCHES)],
            offset.origin.eq(walk.offset),
            offset.advances.eq(nest.advances),
            *[part.start.eq(start) for part in (nest, offset)],
            *[part.step.eq(step) for part in (nest, offset)],
            check.regions.eq(self.regions),
            check.reaches.valid.eq(active),
            reach.offset.eq(offset.value),
            *[reach[name].eq(kept[name]) for name in ("region", "bytes")],
            reach.tag[0].eq(nest.lasts.all()),
            reach.tag[1:].eq(kept.tag),
            self.lines.valid.eq(check.lines.valid),
            self.lines.payload.eq(check.lines.payload),
            check.lines.ready.eq(self.lines.ready),
            self.error.eq(check.error),
        ]
        with m.If(self.walks.ready):
            m.d.sync += active.eq(self.walks.valid)
        with m.If(start):
            m.d.sync += [kept[name].eq(walk[name]) for name, _ in kept.shape()]
        return m
