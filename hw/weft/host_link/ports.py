"""Interfaces between the host link and a core: registers, and streams of bytes."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

REGISTER_BYTES = 4
ADDRESS_WIDTH = 8
BYTE_ADDRESS_WIDTH = ADDRESS_WIDTH + 2


def byte_sink() -> wiring.Signature:
    """Return the signature of an input stream of the core, byte by byte, seen from the link.

    `room`: the core will accept a whole beat, one byte in any cycle. `write`: take `byte`, the
    lowest byte of the beat first; `last` comes with the highest byte.
    """
    return wiring.Signature({"byte": Out(8), "write": Out(1), "last": Out(1), "room": In(1)})


def byte_source() -> wiring.Signature:
    """Return the signature of an output stream of the core, byte by byte, seen from the link.

    `available`: a whole beat is available, its lowest byte on `byte`. `take`: go to the next byte;
    with `last`, to the next beat.
    """
    return wiring.Signature({"byte": In(8), "take": Out(1), "last": Out(1), "available": In(1)})


def register_bus() -> wiring.Signature:
    """Return the signature of a bus for 32-bit registers, byte by byte, seen from the link.

    `address`: register number, followed by two low bits for the byte, 0 the lowest. `read` stays
    high until `done`, when `read_data` is valid; `address` is stable from the cycle before `read`
    on. `write`: write `write_data` in this cycle.
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
