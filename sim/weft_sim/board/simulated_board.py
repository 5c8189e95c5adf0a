"""SimulatedBoard: the RTL of a board behind a pseudo-terminal, for tests without hardware."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import NoneType

from weft.checks import check_callback, check_kind, checked_integer
from weft.core.core_config import CoreConfig
from weft.emit.verilog import make_design
from weft.host_link.hosts import host_part
from weft.matrix.config import MatrixUnitConfig, check_config

from .. import toolchain
from ..verilator import SimulationFailed
from .noise import Noise

TOP = "weft_board"
CLOCK_HZ = 100_000_000
START_SECONDS = 60
END_SECONDS = 10


class SimulatedBoard:
    """A board in a simulator; bytes written to `port` arrive at its pin `rx` bit by bit.

    The simulation runs in its own process, which ends with the context, or when this process dies.

    Parameters
    ----------
    config : MatrixUnitConfig or CoreConfig
        The design is the MatrixUnitHost or the CoreHost of it.
    cycles_per_bit : int
        A small number makes the simulation fast.
    payload_bytes : int
    memory_bytes : int
        Of the memory of a core.
    noise : Noise, optional
        Noise on both directions of the line.
    simulator : str
        "verilator" or "icarus".
    building : callable, optional
        Called before a build, unless the cache has it.

    Members
    -------
    port : str
        The pseudo-terminal; only within the context.
    baud : int
        A rate that the simulation sustains; drivers derive their timeouts from it.
    log : Path
        Output of the simulator; only within the context.

    Raises
    ------
    TypeError, ValueError
        For illegal arguments.
    toolchain.ToolMissing, verilator.SimulationFailed
        If the simulation cannot be built or does not start.

    Examples
    --------
    >>> with SimulatedBoard(TINY) as board, BoardMatrixUnit(board.port, baud=board.baud) as unit:
    ...     z = unit.matmul(np.ones((3, 5), np.int8), np.ones((5, 2), np.int8))
    """

    baud = 19_200

    def __init__(
        self,
        config: MatrixUnitConfig | CoreConfig,
        *,
        cycles_per_bit: int = 4,
        payload_bytes: int = 1024,
        memory_bytes: int = 1 << 17,
        noise: Noise | None = None,
        simulator: str = "verilator",
        building: Callable[[], None] | None = None,
    ):
        if not isinstance(config, CoreConfig):
            check_config(config)
        check_kind(noise, (Noise, NoneType), "noise must be a Noise")
        check_callback("building", building)
        toolchain.check_simulator(simulator)
        # Checked before the design exists: Amaranth warns of components that are never elaborated.
        host = host_part(
            config,
            cycles_per_bit=checked_integer("cycles_per_bit", cycles_per_bit, low=0),
            clock_hz=CLOCK_HZ,
            payload_bytes=checked_integer("payload_bytes", payload_bytes, low=0),
            memory_bytes=memory_bytes,
        )
        self.config = config
        self.cycles_per_bit = host.parameters["cycles_per_bit"]
        self.noise = noise or Noise()
        design = make_design(TOP, host.component, **host.parameters)
        toolchain.require(simulator)
        # cocotb takes seconds to import and may not be installed.
        from .. import simulator as simulators

        self._build = simulators.build(design, simulator, building=building)

    def __enter__(self) -> "SimulatedBoard":
        root = toolchain.build_root() / "boards"
        root.mkdir(parents=True, exist_ok=True)
        self.directory = Path(tempfile.mkdtemp(dir=root))
        self.log = self.directory / "run.log"
        job = {
            "directory": str(self.directory),
            "cycles_per_bit": self.cycles_per_bit,
            "noise": asdict(self.noise),
            "build": {name: str(value) for name, value in vars(self._build).items() if value},
        }
        command = [sys.executable, "-m", "weft_sim.board.simulation", json.dumps(job)]
        # Nothing is written to its standard input. The simulation ends when that is closed.
        with (self.directory / "errors.log").open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        try:
            self.port = self._await_port()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *raised) -> None:
        self.close()

    def close(self) -> None:
        """End the simulation and remove its folder."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Kill the process group, because the simulator is a child of the process.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            shutil.rmtree(self.directory, ignore_errors=True)

    def _await_port(self) -> str:
        port_file = self.directory / "port"
        deadline = time.monotonic() + START_SECONDS
        while not port_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                errors = (self.directory / "errors.log").read_text(errors="replace").strip()
                last = errors.splitlines()[-1:] or ["no error message"]
                raise SimulationFailed(f"the simulated board did not start: {last[0]}")
            time.sleep(0.01)
        return port_file.read_text()
