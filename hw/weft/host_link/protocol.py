"""The words of the host link: commands, statuses and the bytes of a frame, each in one table."""

from amaranth.lib import enum

PROTOCOL_VERSION = 3

# RFC 1662, section 4: a frame stands between flags; a flag or an escape inside it is escaped.
FLAG = 0x7E
ESCAPE = 0x7D
ESCAPE_BIT = 5

HEADER_BYTES = 3
CHECK_BYTES = 4

# Cycles for which a stream may keep a PUSH or a PULL waiting for room or for a beat.
PATIENCE = 256

COUNT_BYTES = 2
MAX_PAYLOAD_BYTES = 1 << 15
MIN_PAYLOAD_BYTES = 16


class Command(enum.Enum, shape=8):
    """What a request asks for."""

    HELLO = 1
    READ = 2
    WRITE = 3
    PUSH = 4
    PULL = 5


class Status(enum.Enum, shape=3):
    """How a request went."""

    OK = 0
    NO_HELLO = 1
    UNKNOWN_COMMAND = 2
    BAD_LENGTH = 3
    BAD_ADDRESS = 4
    UNKNOWN_STREAM = 5


# Command to (target, payload of the request, payload of the response, what it does).
COMMANDS = {
    Command.HELLO: ("0", "any bytes", "the same bytes", "begins: sets the sequence number"),
    Command.READ: (
        "first register",
        "bytes to read, 2 bytes, a multiple of 4",
        "the registers, 4 bytes each",
        "reads registers",
    ),
    Command.WRITE: (
        "first register",
        "4 bytes for each register",
        "bytes taken, 2 bytes",
        "writes registers",
    ),
    Command.PUSH: (
        "input stream",
        "beats, one after the other",
        "bytes taken, 2 bytes",
        "gives a stream as many whole beats as it takes",
    ),
    Command.PULL: (
        "output stream",
        "most bytes to answer with, 2 bytes",
        "beats, one after the other",
        "takes as many whole beats as a stream has",
    ),
}

STATUSES = {
    Status.OK: "done",
    Status.NO_HELLO: "no HELLO has come since the reset of the board",
    Status.UNKNOWN_COMMAND: "there is no such command",
    Status.BAD_LENGTH: "the payload has a wrong length, or asks for a longer one than there can be",
    Status.BAD_ADDRESS: "a register does not exist, or cannot be written",
    Status.UNKNOWN_STREAM: "there is no such stream",
}


def check_payload_bytes(payload_bytes: object) -> None:
    """Refuse a size that no link can have.

    Raises
    ------
    ValueError
        With one sentence that names the legal range.
    """
    low, high = MIN_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES
    if type(payload_bytes) is not int or not low <= payload_bytes <= high:
        raise ValueError(
            f"payload_bytes must be an integer from {low} to {high}, not {payload_bytes!r}"
        )
