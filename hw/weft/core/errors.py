"""CoreError: why a core ended a program."""

from amaranth.lib import enum

from ..sequencer.ports import FAULT_SENTENCES


class CoreError(enum.Enum, shape=5):
    """Why a core ended a program; a unit reports NONE as long as it has met no error."""

    NONE = 0
    MAGIC = 1
    VERSION = 2
    HEADER = 3
    GEOMETRY = 4
    CRC = 5
    UNKNOWN_OPCODE = 6
    UNUSED_BITS = 7
    ILLEGAL_FIELD = 8
    WRONG_END = 9
    LEFT_OVER = 10
    REGION = 11
    RANGE = 12
    READ_RESPONSE = 13
    WRITE_RESPONSE = 14
    MULTIPLIER = 15
    RECIPROCAL = 16
    MATRIX = 17
    STANDSTILL = 18
    ABORTED = 19


SENTENCES = {
    CoreError.MAGIC: "the program does not begin with the bytes WFTP",
    CoreError.VERSION: "the program is of another version of the instruction set",
    CoreError.HEADER: "bits or fields of the header are illegal",
    CoreError.GEOMETRY: "the program needs something that this core does not have",
    CoreError.CRC: "the checksum of the program is wrong",
    **{CoreError[code.name]: sentence for code, sentence in FAULT_SENTENCES.items()},
    CoreError.REGION: "an instruction accesses memory that its region does not allow",
    CoreError.RANGE: "an instruction names a row, table or row scalar that the core does not have",
    CoreError.READ_RESPONSE: "the memory answered a read with an error",
    CoreError.WRITE_RESPONSE: "the memory answered a write with an error",
    CoreError.MULTIPLIER: "a multiplier of f32 is above 2**24 or below -2**24",
    CoreError.RECIPROCAL: "a reciprocal is that of a number below 1, or its shift exceeds 63",
    CoreError.MATRIX: "the matrix unit has detected an error",
    CoreError.STANDSTILL: "nothing of the program has been done for too long",
    CoreError.ABORTED: "the host has ended the program",
}
