"""What the host link is wired to: registers, and streams a byte at a time."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

REGISTER_BYTES = 4
ADDRESS_WIDTH = 8
BYTE_ADDRESS_WIDTH = ADDRESS_WIDTH + 2


def byte_sink() -> wiring.Signature:
    """An input stream of the core, a byte at a time, as the link sees it.

    `room`: a whole beat will be taken, a byte in any cycle. `write`: take `byte`, lowest byte of
    the beat first; `last` with the highest.
    """
    return wiring.Signature({"byte": Out(8), "write": Out(1), "last": Out(1), "room": In(1)})


def byte_source() -> wiring.Signature:
    """An output stream of the core, a byte at a time, as the link sees it.

    `available`: a whole beat is there, its lowest byte on `byte`. `take`: go on to the next byte;
    with `last`, to the next beat.
    """
    return wiring.Signature({"byte": In(8), "take": Out(1), "last": Out(1), "available": In(1)})


def register_bus() -> wiring.Signature:
    """Registers of 32 bits, a byte at a time, lowest first, as the link sees them.

    `address`: number of the register, and below it two bits for the byte. `read` stays high until
    `done`, with which `read_data` is valid; `address` holds from the cycle before on. `write`:
    take `write_data` in this cycle.
    """
    return wiring.Signature(
        {
            "address": Out(BYTE_ADDRESS_WIDTH),
            "read": Out(1),
            "read_data": In(8),
            "done": In(1),
            "write": Out(1),
            "write_data": Out(8),
        }
    )
