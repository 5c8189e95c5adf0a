"""Connection: requests to a board over a serial port, one at a time, each until it is answered."""

import os
import secrets
import termios
import time

import serial

from weft.host_link.ports import REGISTER_BYTES
from weft.host_link.protocol import COUNT_BYTES, MIN_PAYLOAD_BYTES, STATUSES, Command, Status

from .frames import Decoder, encode

BITS_PER_BYTE = 10
NONCE_BYTES = 8
# Largest piece that a read of the port may return.
READ_BYTES = 4096
# How long a line that gave a broken answer may stay silent before the request is sent again.
SILENCE_SECONDS = 0.02


class BoardError(RuntimeError):
    """A board that does not answer, refuses or stands still; the text says what, in a sentence."""


class Connection:
    """Stop and wait: a request is sent until its answer comes, a few times at most.

    The board does not execute a request twice, so it may be sent as often as it takes.

    Parameters
    ----------
    port : str
        Device of the serial port, or of a pseudo-terminal.
    baud : int
    patience : float
        Seconds to wait for an answer, beside the time that its bytes and the request's take.
    tries : int
        How often a request is sent before the board is given up.

    Members
    -------
    payload_bytes : the board's, the least there can be until it is known
    retries : requests sent again so far
    decoder : its `broken` counts broken answers

    Raises
    ------
    BoardError
        When the port cannot be opened.
    """

    def __init__(self, port: str, baud: int, *, patience: float = 0.3, tries: int = 20):
        self.port = port
        self.baud = baud
        self.patience = patience
        self.tries = tries
        self.payload_bytes = MIN_PAYLOAD_BYTES
        self.retries = 0
        self.decoder = Decoder()
        self._sequence = secrets.randbelow(256)
        try:
            self._serial = serial.Serial(port, baud, timeout=0)
        except (serial.SerialException, OSError, ValueError) as error:
            raise BoardError(f"{port} cannot be opened at {baud} baud: {_why(error)}") from error

    def close(self) -> None:
        self._serial.close()

    def hello(self) -> None:
        """Begin: from here on the board goes by this connection's sequence numbers."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._request(Command.HELLO, 0, nonce, len(nonce), nonce)

    def read(self, address: int, count: int) -> list[int]:
        """`count` registers from `address` on, lowest first."""
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
        """Offer beats to an input stream; how many bytes it took."""
        taken = self._request(Command.PUSH, stream, beats, COUNT_BYTES)
        return int.from_bytes(taken, "little")

    def pull(self, stream: int, most: int) -> bytes:
        """Whole beats of an output stream, as many as it has, of at most so many bytes."""
        return self._request(Command.PULL, stream, most.to_bytes(COUNT_BYTES, "little"), most)

    def _request(
        self,
        command: Command,
        target: int,
        payload: bytes,
        most: int,
        expected: bytes | None = None,
    ) -> bytes:
        """Send a request until it is answered; its payload, which is `expected` where given."""
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
        """Send a frame once; its response, or None if none comes in time."""
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
            raise BoardError(f"{self.port} was lost: {_why(error)}") from error

    def _wait(self, deadline: float, expected: bytes | None) -> bytes | None:
        broken = self.decoder.broken
        while (now := time.monotonic()) < deadline:
            self._serial.timeout = min(deadline - now, 0.1)
            # The first byte is waited for; what else is there comes along.
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
        """Whether a frame is the response to the request on its way, not to one before."""
        statuses = [status.value for status in Status]
        if len(content) < 2 or content[0] != self._sequence or content[1] not in statuses:
            return False
        return expected is None or content[2:] == expected


def _why(error: Exception) -> str:
    """The reason in words, once: pyserial puts the system's into its own."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)
