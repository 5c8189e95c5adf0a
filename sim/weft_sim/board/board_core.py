"""BoardCore: the core of a board, which runs programs from its memory."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.bus.axi_lite import WORD_BYTES
from weft.checks import check
from weft.core.errors import CoreError
from weft.core.register_table import (
    ADDRESSES,
    MAGIC,
    READABLE_BIT,
    STATUS_FIELDS,
    TABLE_VERSION,
    WRITABLE_BIT,
)
from weft.core.reporter import Reporter
from weft.host_link.core_host_registers import (
    FIRST,
    HOST_ADDRESSES,
    HOST_REGISTERS,
    READ,
    REFUSED_BITS,
    RESET_BIT,
    WRITTEN,
)
from weft.host_link.protocol import PROTOCOL_VERSION
from weft.isa.kind import REGIONS
from weft.isa.program import Program
from weft.isa.requirements import NUMBERS

from ..core_ending import CONTROL, ending_sentence, read_ending
from .connection import BoardError, Connection, check_seconds

_READABLE, _WRITABLE = 1 << READABLE_BIT, 1 << WRITABLE_BIT


@dataclass(frozen=True)
class BoardResult:
    """How a program ended on a board.

    `error`, `reporter`, `unit`, `word`: why, who reported it and where in the program. `counters`:
    those of the core, in cycles of its clock. `seconds`: the same time as `counters["cycles"]`.
    """

    error: CoreError
    reporter: Reporter
    unit: int
    word: int
    counters: dict[str, int]
    seconds: float

    @property
    def sentence(self) -> str:
        """Why the program ended; "" if HALT ended it."""
        return ending_sentence(self.error, self.reporter)


class BoardCore:
    """A core behind a serial port.

    Parameters
    ----------
    port : str
        Device of the serial port or pseudo-terminal.
    baud : int
    patience : float
        Seconds to wait for a response, in addition to the transmission time of its bytes.
    stall_seconds : float
        Seconds without progress after which the board counts as stalled.

    Members
    -------
    registers : dict
        Registers of the link of the board, by name.
    capacity : dict
        What the core has, by the names of Requirements.

    Raises
    ------
    BoardError
        If the port cannot be opened, or the board does not answer or has no core.
    TypeError, ValueError
        For illegal arguments.

    Examples
    --------
    >>> with BoardCore("/dev/ttyUSB1", baud=1_000_000) as core:
    ...     result = core.run(program, memory)
    """

    def __init__(self, port: str, *, baud: int, patience: float = 0.3, stall_seconds: float = 5.0):
        check_seconds("stall_seconds", stall_seconds)
        self.port = port
        self.stall_seconds = stall_seconds
        self.connection = Connection(port, baud, patience=patience)
        try:
            self.connection.hello()
            self._identify()
            words = self.connection.read(FIRST, len(HOST_REGISTERS))
            self.registers = {
                register.name: word for register, word in zip(HOST_REGISTERS, words, strict=True)
            }
            self._check_protocol()
            self.connection.payload_bytes = self.registers["payload_bytes"]
            capacity = self.connection.read(ADDRESSES[NUMBERS[0]] // WORD_BYTES, len(NUMBERS))
            self.capacity = dict(zip(NUMBERS, capacity, strict=True))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the port; the core cannot be used afterwards."""
        self.connection.close()

    def __repr__(self) -> str:
        lanes = self.capacity["lanes"]
        return f"BoardCore({self.port}, {lanes}x{lanes})"

    def __enter__(self) -> "BoardCore":
        return self

    def __exit__(self, *raised) -> None:
        self.close()

    def run(self, program: Program | bytes, memory: Sequence[np.ndarray]) -> BoardResult:
        """Run a program to its end.

        Parameters
        ----------
        program : Program or bytes
        memory : sequence of ndarray of uint8
            The eight regions; those that the program may write are changed.

        Raises
        ------
        ValueError
            If the memory does not have eight regions, or more bytes than the board.
        BoardError
            If the board does not answer, stalls, or refuses an access.
        """
        check(len(memory) == REGIONS, f"the memory must have {REGIONS} regions, not {len(memory)}")
        data = program.encode() if isinstance(program, Program) else program
        parts = [np.frombuffer(data, np.uint8), *memory]
        places = self._places(parts)
        # The program before may have failed at any point.
        self.connection.hello()
        self.connection.write(HOST_ADDRESSES["control"], 1 << RESET_BIT)
        for place, part in zip(places, parts, strict=True):
            self._write_memory(place, part)
        self._set_up(places, parts)
        self._access("control", CONTROL["start"])
        self._await_end()
        for place, region in zip(places[1:], memory, strict=True):
            region[:] = self._read_memory(place, len(region))
        ending = read_ending(self._access)
        (line,) = self.connection.read(HOST_ADDRESSES["line"], 1)
        if line % (1 << REFUSED_BITS):
            raise BoardError(f"the core at {self.port} has refused an access of a register")
        seconds = ending["counters"]["cycles"] / self.registers["clock_hz"]
        return BoardResult(**ending, seconds=seconds)

    def _identify(self) -> None:
        magic, version = self.connection.read(ADDRESSES["magic"] // WORD_BYTES, 2)
        if magic != MAGIC:
            raise BoardError(f"the device at {self.port} is not a Weft board with a core")
        if version != TABLE_VERSION:
            raise BoardError(
                f"the core at {self.port} has version {version} of the registers, but this driver "
                f"uses version {TABLE_VERSION}: load a bitstream of this version of Weft"
            )

    def _check_protocol(self) -> None:
        protocol = self.registers["protocol_version"]
        if protocol != PROTOCOL_VERSION:
            raise BoardError(
                f"the board at {self.port} uses version {protocol} of the protocol, but this "
                f"driver uses version {PROTOCOL_VERSION}: load a bitstream of this version of Weft"
            )

    def _places(self, parts: Sequence[np.ndarray]) -> list[int]:
        """Return the address of each part, one after the other in whole words."""
        places, end = [], 0
        for part in parts:
            places.append(end)
            end += -(-len(part) // self.registers["word_bytes"]) * self.registers["word_bytes"]
        most = self.registers["memory_bytes"]
        check(
            end <= most,
            f"the program and its regions need {end:,} bytes, but the memory of the board has "
            f"{most:,}",
        )
        return places

    def _set_up(self, places: Sequence[int], parts: Sequence[np.ndarray]) -> None:
        """Write where the program and the regions are."""
        self._place("program", places[0])
        for number, (place, part) in enumerate(zip(places[1:], parts[1:], strict=True)):
            self._place(f"region_{number}_base", place)
            self._access(f"region_{number}_size", len(part))
            self._access(f"region_{number}_access", _READABLE | _WRITABLE)
        self._access("control", CONTROL["clear"])

    def _access(self, name: str, value: int | None = None) -> int:
        """Write a register of the core, or read it; return its value."""
        number = ADDRESSES[name] // WORD_BYTES
        if value is None:
            return self.connection.read(number, 1)[0]
        self.connection.write(number, value)
        return value

    def _place(self, name: str, place: int) -> None:
        """Write an address, which has 32 bits on every board."""
        self._access(f"{name}_low", place)
        self._access(f"{name}_high", 0)

    def _seek(self, place: int) -> None:
        self.connection.write(HOST_ADDRESSES["memory_word"], place // self.registers["word_bytes"])

    def _most(self) -> int:
        """Bytes of whole words in a payload."""
        size = self.registers["word_bytes"]
        return self.registers["payload_bytes"] // size * size

    def _write_memory(self, place: int, part: np.ndarray) -> None:
        """Write bytes, and zeros up to the end of their last word."""
        if not len(part):
            return
        data = np.pad(part, (0, -len(part) % self.registers["word_bytes"])).tobytes()
        self._seek(place)
        sent, moved_at = 0, time.monotonic()
        while sent < len(data):
            taken = self.connection.push(WRITTEN, data[sent : sent + self._most()])
            sent += taken
            moved_at = self._check_moved(taken, moved_at)

    def _read_memory(self, place: int, length: int) -> np.ndarray:
        """Read `length` bytes."""
        size = self.registers["word_bytes"]
        wanted = -(-length // size) * size
        data, moved_at = b"", time.monotonic()
        if wanted:
            self._seek(place)
        while len(data) < wanted:
            words = self.connection.pull(READ, min(self._most(), wanted - len(data)))
            data += words
            moved_at = self._check_moved(len(words), moved_at)
        return np.frombuffer(data[:length], np.uint8)

    def _check_moved(self, moved: int, moved_at: float) -> float:
        """Return when something was moved for the last time; raise BoardError if that is long ago.

        A request moves nothing only if the core uses the memory in every cycle.
        """
        now = time.monotonic()
        if moved:
            return now
        if now - moved_at > self.stall_seconds:
            raise BoardError(f"the memory of the board at {self.port} takes and gives nothing")
        return moved_at

    def _await_end(self) -> None:
        """Wait until the program has ended; the core ends it if nothing happens for too long."""
        seen, moved_at = -1, time.monotonic()
        while STATUS_FIELDS["running"].of(self._access("status")):
            self._access("control", CONTROL["snapshot"])
            count = self._access("count_cycles")
            moved_at = self._check_moved(count != seen, moved_at)
            seen = count
