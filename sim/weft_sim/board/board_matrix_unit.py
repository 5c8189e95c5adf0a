"""BoardMatrixUnit: the matrix unit of a board as a numpy function."""

import time
from collections.abc import Callable

import numpy as np

from weft.host_link.beat_formats import RESULTS, beat_sizes, result_beat
from weft.host_link.protocol import PROTOCOL_VERSION
from weft.host_link.registers import (
    ADDRESSES,
    CLEAR_ERRORS_BIT,
    MAGIC,
    REGISTERS,
    RESET_BIT,
    SNAPSHOT,
    SNAPSHOT_REGISTERS,
    decode_parameter,
)
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import COUNTER_WIDTH, Error, counter_layout
from weft.matrix.timing import MatrixUnitTiming
from weft.parameters import parameters_of
from weft_model.reference import check_operands
from weft_model.schedule import Schedule

from .connection import BoardError, Connection
from .segments import Segment, segments

COUNTERS = tuple(name for name, _ in counter_layout())
ERROR_BITS = (1 << len(Error)) - 1


class BoardMatrixUnit:
    """A matrix unit behind a serial port, used as a MatrixUnitSimulator is.

    Parameters
    ----------
    port : str
        Device of the serial port, or of a pseudo-terminal.
    config : MatrixUnitConfig, optional
        What the board must hold. Left out, it is read from the board.
    baud : int
    patience : float
        Seconds after which an answer counts as lost, beside the time that its bytes take.
    stall_seconds : float
        How long the unit may take and give nothing before it counts as standing still.

    Members
    -------
    config : MatrixUnitConfig
    registers : dict
        What the board said of itself, by name.
    cycles, counters
        Of the latest product: clock cycles from the reset before it until its counters were read,
        the line's pace included.

    Raises
    ------
    BoardError
        When the port cannot be opened, the board does not answer, or is no Weft board.
    ValueError
        If `config` is not the board's; each parameter that differs is named.

    Examples
    --------
    >>> with BoardMatrixUnit("/dev/ttyUSB1", baud=1_000_000) as unit:
    ...     z = unit.matmul(np.ones((3, 5), np.int8), np.ones((5, 2), np.int8))
    """

    def __init__(
        self,
        port: str,
        config: MatrixUnitConfig | None = None,
        *,
        baud: int,
        patience: float = 0.3,
        stall_seconds: float = 5.0,
    ):
        self.port = port
        self.stall_seconds = stall_seconds
        self.cycles = 0
        self.counters = dict.fromkeys(COUNTERS, 0)
        self._last_counters = dict.fromkeys(COUNTERS, 0)
        self.connection = Connection(port, baud, patience=patience)
        try:
            self.connection.hello()
            self.registers = self._read_registers()
            self.connection.payload_bytes = self.registers["payload_bytes"]
            self.config = self._read_config(config)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the port free; the unit cannot be used any more."""
        self.connection.close()

    def __enter__(self) -> "BoardMatrixUnit":
        return self

    def __exit__(self, *raised) -> None:
        self.close()

    def matmul(
        self,
        a: np.ndarray,
        b: np.ndarray,
        *,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> np.ndarray:
        """Z = A . B as the board computes it.

        Parameters
        ----------
        a : integers, (M, K), in the range of config.activation
        b : integers, (K, N), in the range of config.weight
        progress : callable
            Called with result rows done and in all, whenever some have come.

        Returns
        -------
        ndarray, (M, N), of config.accumulator.dtype

        Raises
        ------
        TypeError, ValueError
            As `reference.check_operands`.
        BoardError
            If the board does not answer, stands still or reports an error; the next product begins
            anew.
        """
        a, b = np.asarray(a), np.asarray(b)
        check_operands(self.config, a, b)
        schedule = Schedule.of(self.config, a, b)
        # A product before this one may have ended anywhere.
        self.connection.hello()
        self.connection.write(ADDRESSES["control"], 1 << RESET_BIT | 1 << CLEAR_ERRORS_BIT)
        self._last_counters = dict.fromkeys(COUNTERS, 0)
        self.counters = dict.fromkeys(COUNTERS, 0)
        results = self._run(segments(schedule, a, b), schedule.m * schedule.n_tiles, progress)
        self._check_errors(self._read_status())
        self.cycles = self.counters["total"]
        if np.flatnonzero(results["end"]).tolist() != [len(results) - 1]:
            raise BoardError(f"the unit at {self.port} marked the wrong result as the last")
        return schedule.gather(results["lanes"])

    def _run(self, work: list[Segment], rows: int, progress) -> np.ndarray:
        """Push what there is in order, and pull results before they stand in the way."""
        beat = result_beat(self.config)
        places = MatrixUnitTiming.of(self.config).result_depth
        most = self.registers["payload_bytes"] // beat.itemsize * beat.itemsize
        work = work[::-1]
        received = bytearray()
        pushed = 0
        moved = read = time.monotonic()
        while len(received) < rows * beat.itemsize:
            done = len(received) // beat.itemsize
            took = 0
            if work and pushed - done < places:
                took, results = self._push(work[-1], places - (pushed - done))
                pushed += results
                if work[-1].finished:
                    work.pop()
            came = b""
            if pushed > done and (not work or not took or pushed - done >= places):
                came = self.connection.pull(RESULTS, min(most, (pushed - done) * beat.itemsize))
                received += came
                progress(len(received) // beat.itemsize, rows)
            now = time.monotonic()
            if took or came:
                moved = now
            elif now - moved > self.stall_seconds:
                self._check_errors(self._read_status())
                raise BoardError(
                    f"the unit at {self.port} stands still: {done} of {rows} result rows came"
                )
            if now - read > self._half_wrap_seconds():
                self._read_status()
                read = now
        return np.frombuffer(bytes(received), beat)

    def _push(self, segment: Segment, room: int) -> tuple[int, int]:
        """Push a part of a segment: beats taken, and results that they bring about."""
        payload = segment.offer(self.registers["payload_bytes"], room)
        return segment.take(self.connection.push(segment.stream, payload))

    def _half_wrap_seconds(self) -> float:
        return (1 << (COUNTER_WIDTH - 1)) / self.registers["clock_hz"]

    def _read_status(self) -> Error:
        """Add what the counters advanced by to `counters`; the errors that the unit reports."""
        status, *counts = self.connection.read(SNAPSHOT, SNAPSHOT_REGISTERS)
        for name, count in zip(COUNTERS, counts, strict=True):
            advanced = (count - self._last_counters[name]) % (1 << COUNTER_WIDTH)
            self.counters[name] += advanced
            self._last_counters[name] = count
        return Error(status & ERROR_BITS)

    def _check_errors(self, errors: Error) -> None:
        if errors:
            raise BoardError(f"the unit at {self.port} reports {errors}")

    def _read_registers(self) -> dict[str, int]:
        """All registers by name, once it is sure that they are those."""
        magic, protocol = self.connection.read(ADDRESSES["magic"], 2)
        if magic != MAGIC:
            raise BoardError(f"what answers at {self.port} is no Weft board")
        if protocol != PROTOCOL_VERSION:
            raise BoardError(
                f"the board at {self.port} speaks version {protocol} of the link's protocol, "
                f"this driver version {PROTOCOL_VERSION}: load a bitstream of this Weft"
            )
        words = self.connection.read(0, len(REGISTERS))
        return {register.name: word for register, word in zip(REGISTERS, words, strict=True)}

    def _read_config(self, wanted: MatrixUnitConfig | None) -> MatrixUnitConfig:
        parameters = {
            name: decode_parameter(known, self.registers[name])
            for name, known in parameters_of(MatrixUnitConfig).items()
        }
        found = MatrixUnitConfig(**parameters)  # pyright: ignore[reportArgumentType]
        if wanted is not None and wanted != found:
            differing = ", ".join(
                f"{name} is {getattr(found, name)}, not {getattr(wanted, name)}"
                for name in parameters
                if getattr(found, name) != getattr(wanted, name)
            )
            raise ValueError(f"the board at {self.port} holds another unit: {differing}")
        inputs, outputs = beat_sizes(found)
        names = ("weights", "activations", "results")
        for name, size in zip(names, (*inputs, *outputs), strict=True):
            if self.registers[f"{name}_beat_bytes"] != size:
                wrong = self.registers[f"{name}_beat_bytes"]
                raise BoardError(
                    f"the board at {self.port} has beats of {wrong} bytes for {name}, not {size}"
                )
        return found
