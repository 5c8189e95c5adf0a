"""Ports and layouts of the sequencer."""

from amaranth.hdl import ShapeLike
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..isa.fields import UNIT_BYTES
from ..isa.instructions import KINDS

UNIT_BITS = 8 * UNIT_BYTES
# Units of 32 bytes of the longest instruction.
MOST_UNITS = max(kind.units for kind in KINDS.values())
# Bits of the number of a unit of 32 bytes in a program.
NUMBER_BITS = 32


class FaultCode(enum.Enum, shape=3):
    """Why a program was stopped."""

    NONE = 0
    UNKNOWN_OPCODE = 1
    UNUSED_BITS = 2
    ILLEGAL_FIELD = 3
    WRONG_END = 4
    LEFT_OVER = 5


FAULT_SENTENCES = {
    FaultCode.UNKNOWN_OPCODE: "the opcode is not one of the table",
    FaultCode.UNUSED_BITS: "bits that belong to no field are not zero",
    FaultCode.ILLEGAL_FIELD: "a field has a value outside of its legal range",
    FaultCode.WRONG_END: "the program ends without HALT, or continues after it",
    FaultCode.LEFT_OVER: "at HALT, tiles, result rows or sums are left over",
}


def fault_layout() -> data.StructLayout:
    """Return the layout of a fault.

    `code`: what is wrong. `unit` and `word`: where, as a unit of 32 bytes of the program, and a
    32-bit word of that unit; the first wrong one.
    """
    return data.StructLayout({"code": FaultCode, "unit": NUMBER_BITS, "word": 3})


def program_unit_layout() -> data.StructLayout:
    """Return the layout of 32 bytes of a program; `last` marks the last ones."""
    return data.StructLayout({"bits": UNIT_BITS, "last": 1})


def decoded_layout() -> data.StructLayout:
    """Return the layout of a checked instruction.

    `kind`: one bit for each kind, in the order of the table. `bits`: the instruction; bits after
    its end are meaningless.
    """
    return data.StructLayout({"kind": len(KINDS), "bits": MOST_UNITS * UNIT_BITS})


def wait_layout(most: int) -> data.StructLayout:
    """Return the layout of a wait for one unit.

    `waits`: there is something to wait for. `number`: the last instruction of the unit that must
    have finished; the first one since the counts were cleared has number 0.
    """
    return data.StructLayout({"waits": 1, "number": count_bits(most)})


def count_bits(most: int) -> int:
    """Return the bits of a count of up to `most` instructions."""
    return most.bit_length()


def unit_port(shape: ShapeLike) -> wiring.Signature:
    """Return the port of the sequencer to one unit of the core.

    The unit takes, starts and finishes all instructions in order. It may take an instruction long
    before it starts it, to prepare it, and takes it in the cycle of its start at the latest. It
    starts each in a cycle with `may_start`; from then on, the waits of the instruction hold. The
    unit itself keeps the order of what its own instructions read and write.

    Members
    -------
    instructions : stream of `shape`. The next instruction to prepare.
    may_start : 1 bit. The first instruction that has not started may start in this cycle.
    starts : 1 bit, driven by the unit, only if `may_start`. It starts.
    finishes : 1 bit, driven by the unit. The first unfinished instruction finishes, in the cycle of
        its start at the earliest.
    """
    return wiring.Signature(
        {
            "instructions": Out(stream.Signature(shape)),
            "may_start": Out(1),
            "starts": In(1),
            "finishes": In(1),
        }
    )
