"""Regions: the parts of the memory that a program can access."""

from amaranth.lib import data

REGIONS = 8
# Bits of an offset in a region, and of the size of one, which may be 2**32.
OFFSET_BITS = 32
SIZE_BITS = OFFSET_BITS + 1
# Bits of an offset that is one pitch outside of a region at most.
REACH_BITS = OFFSET_BITS + 2
# Bits of the bytes of a line.
BYTES_BITS = 16


def region_layout(address_width: int) -> data.StructLayout:
    """Return the layout of a region.

    `base`: address of its first byte, a multiple of the bytes of a beat. `size`: bytes.
    `readable`, `writable`: whether instructions may read and write it.
    """
    return data.StructLayout(
        {"base": address_width, "size": SIZE_BITS, "readable": 1, "writable": 1}
    )


def regions_layout(address_width: int) -> data.ArrayLayout:
    """Return the layout of all regions."""
    return data.ArrayLayout(region_layout(address_width), REGIONS)
