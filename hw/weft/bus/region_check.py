"""RegionCheck: the addresses of lines of bytes, each of which must be inside of its region."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.parts import part_of
from .regions import BYTES_BITS, REACH_BITS, REGIONS, SIZE_BITS, regions_layout


def reach_layout(tag_width: int) -> data.StructLayout:
    """Return the layout of a line as an instruction names it.

    `offset`: its first byte in the region; it may be outside. `bytes`: at least 1. `tag`: anything.
    """
    return data.StructLayout(
        {
            "offset": signed(REACH_BITS),
            "bytes": BYTES_BITS,
            "region": range(REGIONS),
            "tag": tag_width,
        }
    )


def line_layout(*, address_width: int, tag_width: int) -> data.StructLayout:
    """Return the layout of a line of `bytes` bytes in the memory, from the byte `address` on."""
    return data.StructLayout({"address": address_width, "bytes": BYTES_BITS, "tag": tag_width})


class RegionCheck(wiring.Component):
    """Compare lines with their regions, and pass on those that are inside.

    A line must be inside of its region in whole, and the region must permit the access. The first
    line that is not stops the stream: `error` is high from then on, until a reset, and neither
    this line nor a later one leaves.

    Latency 2 cycles, one line per cycle.

    Parameters
    ----------
    address_width, tag_width : int
    permission : str
        "readable" or "writable".

    Members
    -------
    regions : regions_layout(address_width) in; constant while there are lines
    reaches : stream of reach_layout(tag_width)
    lines : stream of line_layout(...), out
    error : 1 bit out
    """

    latency = 2

    def __init__(self, *, address_width: int, tag_width: int, permission: str):
        self.address_width = address_width
        self.tag_width = tag_width
        self.permission = permission
        lines = line_layout(address_width=address_width, tag_width=tag_width)
        super().__init__(
            {
                "regions": In(regions_layout(address_width)),
                "reaches": In(stream.Signature(reach_layout(tag_width))),
                "lines": Out(stream.Signature(lines)),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        reach, line = self.reaches.payload, self.lines.payload
        chosen, asked, checked = Signal(), Signal(), Signal()
        region = Signal(self.regions.shape().elem_shape, reset_less=True)
        held = Signal.like(reach, reset_less=True)
        # A sum of an offset, which may be negative, and of the bytes of a line.
        end = Signal(signed(REACH_BITS + 1), reset_less=True)
        size = Signal(SIZE_BITS, reset_less=True)
        allowed, inside = Signal(reset_less=True), Signal()
        m.d.comb += [
            inside.eq(allowed & (end <= size)),
            self.error.eq(checked & ~inside),
            self.lines.valid.eq(checked & inside),
            chosen.eq(~checked | (self.lines.valid & self.lines.ready)),
            self.reaches.ready.eq(~asked | chosen),
        ]
        with m.If(self.reaches.ready):
            m.d.sync += [
                asked.eq(self.reaches.valid),
                held.eq(reach),
                region.as_value().eq(
                    part_of(self.regions.as_value(), reach.region, len(region.as_value()))
                ),
            ]
        with m.If(chosen):
            m.d.sync += [
                checked.eq(asked),
                line.address.eq(region.base + held.offset),
                line.bytes.eq(held.bytes),
                line.tag.eq(held.tag),
                end.eq(held.offset + held.bytes),
                size.eq(region.size),
                allowed.eq(region[self.permission] & ~held.offset[-1]),
            ]
        return m
