"""AXI4: the channels of reads as streams, with the names of the fields that AXI gives them.

Source: Arm IHI 0022, AMBA AXI and ACE protocol specification, issue H.
"""

from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check

# Bytes of a boundary that no burst may cross.
BOUNDARY_BYTES = 4096
NARROWEST, WIDEST = 32, 1024


class Burst(enum.Enum, shape=2):
    """How the addresses of the beats of a burst follow each other."""

    FIXED = 0
    INCR = 1
    WRAP = 2


class Response(enum.Enum, shape=2):
    """The answer to a transfer; the upper bit marks errors."""

    OKAY = 0
    EXOKAY = 1
    SLVERR = 2
    DECERR = 3


def check_data_width(width: int) -> None:
    """Raise ValueError unless the width of the data is a power of two from 32 to 1024 bits."""
    check(
        width.bit_count() == 1 and NARROWEST <= width <= WIDEST,
        f"the data of a memory bus must have a power of two of bits from {NARROWEST} to {WIDEST}, "
        f"not {width}",
    )


def offset_bits(data_width: int) -> int:
    """Return the low bits of an address that name a byte of a beat; `size` has this value too."""
    return (data_width // 8 - 1).bit_length()


def read_address_layout(*, address_width: int, id_width: int) -> data.StructLayout:
    """Return the layout of AR: a burst of `len` + 1 beats of 2**`size` bytes from `addr` on."""
    return data.StructLayout(
        {"id": id_width, "addr": address_width, "len": 8, "size": 3, "burst": Burst}
    )


def read_data_layout(*, data_width: int, id_width: int) -> data.StructLayout:
    """Return the layout of R: one beat."""
    return data.StructLayout({"id": id_width, "data": data_width, "resp": Response, "last": 1})


def read_channels(*, address_width: int, data_width: int, id_width: int = 0) -> wiring.Signature:
    """Return the channels of a manager that reads; it takes every beat at once."""
    return wiring.Signature(
        {
            "ar": Out(
                stream.Signature(
                    read_address_layout(address_width=address_width, id_width=id_width)
                )
            ),
            "r": In(
                stream.Signature(
                    read_data_layout(data_width=data_width, id_width=id_width), always_ready=True
                )
            ),
        }
    )
