"""Connection: requests to a board over a serial port, one at a time, repeated until answered."""

import errno
import math
import os
import secrets
import termios
import time

from weft.checks import check, checked_integer, described, is_number
from weft.host_link.ports import REGISTER_BYTES
from weft.host_link.protocol import COUNT_BYTES, MIN_PAYLOAD_BYTES, STATUSES, Command, Status
from weft.host_link.uart import checked_baud

from ..toolchain import ToolMissing
from .frames import FrameDecoder, encode

try:
    import serial
except ModuleNotFoundError:
    raise ToolMissing("serial") from None

BITS_PER_BYTE = 10
NONCE_BYTES = 8
# Largest number of bytes per read of the port.
READ_BYTES = 4096
# Silence after a broken response, before the request is sent again.
SILENCE_SECONDS = 0.02


class BoardError(RuntimeError):
    """A board does not answer, refuses a request or stalls; the message says which."""


class Connection:
    """Stop-and-wait protocol: send a request, and repeat it until its response arrives.

    The board does not execute a repeated request twice, so repeating is always safe.

    Parameters
    ----------
    port : str
        Device of the serial port or pseudo-terminal.
    baud : int
    patience : float
        Seconds to wait for a response, in addition to the transmission time of both frames.
    tries : int
        How often a request is sent before it fails.

    Members
    -------
    payload_bytes : largest payload of the board; the smallest legal value until it is known
    retries : number of repeated requests
    decoder : its `broken` counts broken responses

    Raises
    ------
    ValueError
        If `port` is no path, or `baud` is not a baud rate.
    BoardError
        If the port cannot be opened.
    """

    def __init__(self, port: str, baud: int, *, patience: float = 0.3, tries: int = 20):
        check(
            isinstance(port, str) and bool(port),
            f"a serial port must be the path of a device, not {described(port)}",
        )
        check_seconds("patience", patience)
        self.port = port
        self.baud = checked_baud(baud)
        self.patience = patience
        self.tries = checked_integer("tries", tries, low=1)
        self.payload_bytes = MIN_PAYLOAD_BYTES
        self.retries = 0
        self.decoder = FrameDecoder()
        self._sequence = secrets.randbelow(256)
        try:
            self._serial = serial.Serial(port, self.baud, timeout=0)
        except (serial.SerialException, OSError, ValueError, OverflowError) as error:
            raise BoardError(f"{port} cannot be opened at {baud} baud: {_reason(error)}") from error

    def close(self) -> None:
        self._serial.close()

    def hello(self) -> None:
        """Start a session: the board adopts the sequence numbers of this connection."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._request(Command.HELLO, 0, nonce, len(nonce), nonce)

    def read(self, address: int, count: int) -> list[int]:
        """Read `count` registers, starting at `address`."""
        step = self.payload_bytes // REGISTER_BYTES
        words = b""
        for start in range(address, address + count, step):
            size = min(step, address + count - start) * REGISTER_BYTES
            words += self._request(Command.READ, start, size.to_bytes(COUNT_BYTES, "little"), size)
        return [
            int.from_bytes(words[at : at + REGISTER_BYTES], "little")
            for at in range(0, len(words), REGISTER_BYTES)
        ]

    def write(self, address: int, word: int) -> None:
        """Write one register."""
        self._request(Command.WRITE, address, word.to_bytes(REGISTER_BYTES, "little"), COUNT_BYTES)

    def push(self, stream: int, beats: bytes) -> int:
        """Offer beats to an input stream; return the number of bytes that it took."""
        taken = self._request(Command.PUSH, stream, beats, COUNT_BYTES)
        return int.from_bytes(taken, "little")

    def pull(self, stream: int, most: int) -> bytes:
        """Return whole beats that an output stream has ready, at most `most` bytes."""
        return self._request(Command.PULL, stream, most.to_bytes(COUNT_BYTES, "little"), most)

    def _request(
        self,
        command: Command,
        target: int,
        payload: bytes,
        most: int,
        expected: bytes | None = None,
    ) -> bytes:
        """Send a request until it is answered; return the payload, `expected` if that is given."""
        self._sequence = (self._sequence + 1) % 256
        frame = encode(bytes([self._sequence, command.value, target]) + payload)
        for attempt in range(self.tries):
            self.retries += attempt > 0
            response = self._exchange(frame, most, expected)
            if response is None:
                continue
            status = Status(response[1])
            if status != Status.OK:
                raise BoardError(
                    f"the board at {self.port} refuses {command.name}: {STATUSES[status]}"
                )
            return response[2:]
        raise BoardError(
            f"the board at {self.port} does not answer: {command.name} was sent {self.tries} times "
            f"at {self.baud} baud"
        )

    def _exchange(self, frame: bytes, most: int, expected: bytes | None) -> bytes | None:
        """Send a frame once; return the response, or None if none arrives in time."""
        try:
            seconds = (len(frame) + most) * BITS_PER_BYTE / self.baud + self.patience
            deadline = time.monotonic() + seconds
            self._serial.reset_input_buffer()
            self._serial.write_timeout = seconds
            self._serial.write(frame)
            return self._wait(deadline, expected)
        except serial.SerialTimeoutException:
            return None
        except (serial.SerialException, OSError, termios.error) as error:
            raise BoardError(f"the connection to {self.port} was lost: {_reason(error)}") from error

    def _wait(self, deadline: float, expected: bytes | None) -> bytes | None:
        broken = self.decoder.broken
        while (now := time.monotonic()) < deadline:
            self._serial.timeout = min(deadline - now, 0.1)
            # Wait for one byte, then read all others that have arrived.
            received = self._serial.read(1) + self._serial.read(
                min(self._serial.in_waiting, READ_BYTES)
            )
            for content in self.decoder.feed(received):
                if self._answers(content, expected):
                    return content
            if received and self.decoder.broken > broken:
                deadline = min(deadline, time.monotonic() + SILENCE_SECONDS)
        return None

    def _answers(self, content: bytes, expected: bytes | None) -> bool:
        """Return whether a frame answers the current request, not an earlier one."""
        statuses = [status.value for status in Status]
        if len(content) < 2 or content[0] != self._sequence or content[1] not in statuses:
            return False
        return expected is None or content[2:] == expected


def check_seconds(name: str, value: float) -> None:
    """Raise ValueError unless the value is a finite number of seconds above 0."""
    check(
        is_number(value) and 0 < value < math.inf,
        f"{name} must be a number of seconds above 0, not {described(value)}",
    )


def _reason(error: Exception) -> str:
    """Return the message of the system alone, which pyserial embeds in its own."""
    cause = error.__context__
    number = cause.args[0] if isinstance(cause, termios.error) else getattr(error, "errno", None)
    if number == errno.ENOTTY:
        return "it is not a serial port"
    return os.strerror(number) if number else str(error)
