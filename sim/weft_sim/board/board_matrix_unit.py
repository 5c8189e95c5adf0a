"""BoardMatrixUnit: the matrix unit of a board as a numpy function."""

import time
from collections.abc import Callable

import numpy as np

from weft.checks import check_callback
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
from weft.matrix.config import MatrixUnitConfig, check_config
from weft.matrix.layouts import COUNTER_WIDTH, Error, counter_layout
from weft.matrix.timing import MatrixUnitTiming
from weft.parameters import parameters_of
from weft_model.quantized import Matrix
from weft_model.schedule import Schedule

from .connection import BoardError, Connection, check_seconds
from .segments import Segment, segments

COUNTERS = tuple(name for name, _ in counter_layout())
ERROR_BITS = (1 << len(Error)) - 1


class BoardMatrixUnit:
    """A matrix unit behind a serial port, with the interface of MatrixUnitSimulator.

    Parameters
    ----------
    port : str
        Device of the serial port or pseudo-terminal.
    config : MatrixUnitConfig, optional
        The configuration that the board must have; by default it is read from the board.
    baud : int
    patience : float
        Seconds to wait for a response, in addition to the transmission time of its bytes.
    stall_seconds : float
        Seconds without a transfer in either direction after which the unit counts as stalled.

    Members
    -------
    config : MatrixUnitConfig
    registers : dict
        Registers of the board, by name.
    cycles, counters
        Of the latest product: clock cycles from the reset before it until its counters were read.
        They depend on the speed of the line.

    Raises
    ------
    BoardError
        If the port cannot be opened, or the board does not answer or is not a Weft board.
    TypeError, ValueError
        For illegal arguments, and if `config` differs from the configuration of the board; the
        message names each differing parameter.

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
        if config is not None:
            check_config(config)
        check_seconds("stall_seconds", stall_seconds)
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
        """Close the port; the unit cannot be used afterwards."""
        self.connection.close()

    def __repr__(self) -> str:
        return f"BoardMatrixUnit({self.port}, {self.config.label})"

    def __enter__(self) -> "BoardMatrixUnit":
        return self

    def __exit__(self, *raised) -> None:
        self.close()

    def matmul(
        self,
        a: Matrix,
        b: Matrix,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> np.ndarray:
        """Compute Z = A . B on the board.

        Parameters
        ----------
        a : Quantized or numbers, (M, K), in the range of a format of config.activation
        b : Quantized or numbers, (K, N), in the range of a format of config.weight
        progress : callable, optional
            Called with the number of result rows received and their total, after every pull.

        Returns
        -------
        ndarray, (M, N), of config.result_format.dtype

        Raises
        ------
        TypeError, ValueError
            See `quantized.checked_operands`.
        BoardError
            If the board does not answer, stalls or reports an error. The next product resets the
            unit.
        """
        check_callback("progress", progress)
        schedule = Schedule.of(self.config, a, b)
        work = segments(schedule, a, b)
        # The previous product may have failed at any point.
        self.connection.hello()
        self.connection.write(ADDRESSES["control"], 1 << RESET_BIT | 1 << CLEAR_ERRORS_BIT)
        self._last_counters = dict.fromkeys(COUNTERS, 0)
        self.counters = dict.fromkeys(COUNTERS, 0)
        results = self._run(work, schedule.m * schedule.n_tiles, progress)
        self._check_errors(self._read_status())
        self.cycles = self.counters["total"]
        if np.flatnonzero(results["end"]).tolist() != [len(results) - 1]:
            raise BoardError(f"the unit at {self.port} marked the wrong result as the last")
        return schedule.gather(results["lanes"])

    def _run(self, work: list[Segment], rows: int, progress) -> np.ndarray:
        """Push beats in order, and pull results before they block the unit; return the results."""
        beat = result_beat(self.config)
        places = MatrixUnitTiming.of(self.config).result_depth
        most = self.registers["payload_bytes"] // beat.itemsize * beat.itemsize
        work = work[::-1]
        received = bytearray()
        pushed = 0
        moved_at = read_at = time.monotonic()
        while len(received) < rows * beat.itemsize:
            done = len(received) // beat.itemsize
            taken = 0
            if work and pushed - done < places:
                taken, results = self._push(work[-1], places - (pushed - done))
                pushed += results
                if work[-1].finished:
                    work.pop()
            pulled = b""
            if pushed > done and (not work or not taken or pushed - done >= places):
                pulled = self.connection.pull(RESULTS, min(most, (pushed - done) * beat.itemsize))
                received += pulled
                if progress is not None:
                    progress(len(received) // beat.itemsize, rows)
            now = time.monotonic()
            if taken or pulled:
                moved_at = now
            elif now - moved_at > self.stall_seconds:
                self._check_errors(self._read_status())
                raise BoardError(
                    f"the unit at {self.port} stalled: {done} of {rows} result rows arrived"
                )
            if now - read_at > self._half_wrap_seconds():
                self._read_status()
                read_at = now
        return np.frombuffer(bytes(received), beat)

    def _push(self, segment: Segment, most_results: int) -> tuple[int, int]:
        """Push part of a segment; return the numbers of beats taken and of their results."""
        payload = segment.offer(self.registers["payload_bytes"], most_results)
        return segment.take(self.connection.push(segment.stream, payload))

    def _half_wrap_seconds(self) -> float:
        return (1 << (COUNTER_WIDTH - 1)) / self.registers["clock_hz"]

    def _read_status(self) -> Error:
        """Update `counters` from the hardware counters; return the errors that the unit reports."""
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
        """Check the magic number and the protocol version; return all registers by name."""
        magic, protocol = self.connection.read(ADDRESSES["magic"], 2)
        if magic != MAGIC:
            raise BoardError(f"the device at {self.port} is not a Weft board")
        if protocol != PROTOCOL_VERSION:
            raise BoardError(
                f"the board at {self.port} uses version {protocol} of the protocol, but this "
                f"driver uses version {PROTOCOL_VERSION}: load a bitstream of this version of Weft"
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
            raise ValueError(f"the board at {self.port} has a different unit: {differing}")
        inputs, outputs = beat_sizes(found)
        names = ("weights", "activations", "results")
        for name, size in zip(names, (*inputs, *outputs), strict=True):
            if self.registers[f"{name}_beat_bytes"] != size:
                wrong = self.registers[f"{name}_beat_bytes"]
                raise BoardError(
                    f"the board at {self.port} has beats of {wrong} bytes for {name}, not {size}"
                )
        return found
