"""AXI4: the channels of writes as streams, with the names of the fields that AXI gives them.

Source: Arm IHI 0022, AMBA AXI and ACE protocol specification, issue H.
"""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .axi4 import Burst, Response


def write_address_layout(*, address_width: int) -> data.StructLayout:
    """Return the layout of AW: a burst of `len` + 1 beats of 2**`size` bytes from `addr` on."""
    return data.StructLayout({"addr": address_width, "len": 8, "size": 3, "burst": Burst})


def write_data_layout(*, data_width: int) -> data.StructLayout:
    """Return the layout of W: one beat; `strb` has one bit for each byte that is written."""
    return data.StructLayout({"data": data_width, "strb": data_width // 8, "last": 1})


def write_response_layout() -> data.StructLayout:
    """Return the layout of B: the answer to a burst."""
    return data.StructLayout({"resp": Response})


def write_channels(*, address_width: int, data_width: int) -> wiring.Signature:
    """Return the channels of a manager that writes; it takes every response at once.

    All writes have the same ID, so the memory keeps their order.
    """
    return wiring.Signature(
        {
            "aw": Out(stream.Signature(write_address_layout(address_width=address_width))),
            "w": Out(stream.Signature(write_data_layout(data_width=data_width))),
            "b": In(stream.Signature(write_response_layout(), always_ready=True)),
        }
    )
