"""The protocol of the host link: commands, statuses and frame bytes, one table each."""

from amaranth.lib import enum

PROTOCOL_VERSION = 5

# RFC 1662, section 4: flags delimit a frame; a flag or an escape inside it is escaped.
FLAG = 0x7E
ESCAPE = 0x7D
ESCAPE_BIT = 5

HEADER_BYTES = 3
CHECK_BYTES = 4

# Most cycles for which a PUSH or a PULL waits until its stream accepts or has a beat.
PATIENCE = 256

COUNT_BYTES = 2
MAX_PAYLOAD_BYTES = 1 << 15
MIN_PAYLOAD_BYTES = 16


class Command(enum.Enum, shape=8):
    """Command of a request."""

    HELLO = 1
    READ = 2
    WRITE = 3
    PUSH = 4
    PULL = 5


class Status(enum.Enum, shape=3):
    """Status of a response."""

    OK = 0
    NO_HELLO = 1
    UNKNOWN_COMMAND = 2
    BAD_LENGTH = 3
    BAD_ADDRESS = 4
    UNKNOWN_STREAM = 5


# Command to (target, payload of the request, payload of the response, effect).
COMMANDS = {
    Command.HELLO: (
        "0",
        "any bytes",
        "the same bytes",
        "starts a session: sets the sequence number",
    ),
    Command.READ: (
        "first register",
        "2-byte number of bytes to read, a multiple of 4",
        "the registers, 4 bytes each",
        "reads registers",
    ),
    Command.WRITE: (
        "first register",
        "4 bytes for each register",
        "2-byte number of bytes written",
        "writes registers",
    ),
    Command.PUSH: (
        "input stream",
        "beats, one after the other",
        "2-byte number of bytes taken",
        "sends a stream as many whole beats as it accepts",
    ),
    Command.PULL: (
        "output stream",
        "2-byte limit on the bytes to return",
        "beats, one after the other",
        "receives as many whole beats as a stream has",
    ),
}

STATUSES = {
    Status.OK: "done",
    Status.NO_HELLO: "no HELLO has come since the reset of the board",
    Status.UNKNOWN_COMMAND: "there is no such command",
    Status.BAD_LENGTH: "the payload has a wrong length, or requests more than a payload can hold",
    Status.BAD_ADDRESS: "a register does not exist or cannot be written",
    Status.UNKNOWN_STREAM: "there is no such stream",
}


def check_payload_bytes(payload_bytes: object) -> None:
    """Check the payload size of a link.

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
