"""The process of a simulated board: the simulator, and in it the line to the board."""

import json
import os
import select
import sys
import tty
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, Timer

from weft.emit.files import write_whole

from ..clock import PERIOD_NS, RESET_CYCLES
from ..simulator import Build
from .noise import Noise, NoisyLine

STANDARD_INPUT = 0
READ_BYTES = 4096

# Cycles between polls of a silent line, and silent polls after which the simulation pauses until
# bytes arrive: by then it has nothing left to do.
POLL_CYCLES = 200
POLLS = 50
WAIT_SECONDS = 0.05


def main() -> None:
    """Run the simulation that the argument describes until standard input is closed."""
    job = json.loads(sys.argv[1])
    described = job["build"]
    build = Build(Path(described["directory"]), described["top"], described["simulator"], None)
    directory = Path(job["directory"])
    environment = {"WEFT_BOARD": sys.argv[1]}
    build.run(
        __spec__.name, directory=directory, environment=environment, log=directory / "run.log"
    )


class Terminal:
    """A pseudo-terminal, seen from the side of the board. Reads and writes never block."""

    def __init__(self):
        self._board_end, self._user_end = os.openpty()
        tty.setraw(self._user_end)
        os.set_blocking(self._board_end, False)
        self.name = os.ttyname(self._user_end)

    def read(self) -> bytes:
        try:
            return os.read(self._board_end, READ_BYTES)
        except BlockingIOError:
            return b""

    def write(self, received: bytes) -> None:
        """Send bytes to the user; they are lost if the buffer of the terminal is full."""
        try:
            os.write(self._board_end, received)
        except BlockingIOError:
            return

    def wait(self, seconds: float) -> bool:
        """Wait for bytes from the user; return whether standard input has been closed."""
        readable, _, _ = select.select([self._board_end, STANDARD_INPUT], [], [], seconds)
        return STANDARD_INPUT in readable and not os.read(STANDARD_INPUT, 1)


@cocotb.test()
async def serve(dut):
    """Carry bytes between a pseudo-terminal and the pins of the board."""
    job = json.loads(os.environ["WEFT_BOARD"])
    noise = Noise(**job["noise"])
    bit_ns = job["cycles_per_bit"] * PERIOD_NS
    terminal = Terminal()
    dut.rx.value = 1
    dut.rst.value = 1
    Clock(dut.clk, PERIOD_NS, unit="ns").start()
    for _ in range(RESET_CYCLES):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    activity = [0]
    cocotb.start_soon(listen(dut, terminal, NoisyLine(noise, "out"), bit_ns, activity))
    write_whole(Path(job["directory"]) / "port", terminal.name)

    line = NoisyLine(noise, "in")
    silent = 0
    while not terminal.wait(WAIT_SECONDS if silent > POLLS else 0):
        before = activity[0]
        for byte in line.carry(terminal.read()):
            await send_byte(dut, byte, bit_ns)
            activity[0] += 1
        await Timer(POLL_CYCLES * PERIOD_NS, "ns")
        silent = silent + 1 if activity[0] == before else 0


async def send_byte(dut, byte: int, bit_ns: int) -> None:
    """Send one byte on `rx`."""
    for bit in (0, *(byte >> place & 1 for place in range(8)), 1):
        dut.rx.value = bit
        await Timer(bit_ns, "ns")


async def listen(dut, terminal: Terminal, line: NoisyLine, bit_ns: int, activity: list[int]):
    """Receive bytes on `tx` and send them to the terminal, indefinitely."""
    while True:
        await FallingEdge(dut.tx)
        await Timer(bit_ns // 2, "ns")
        byte = 0
        for place in range(8):
            await Timer(bit_ns, "ns")
            byte |= int(dut.tx.value) << place
        activity[0] += 1
        terminal.write(line.carry(bytes([byte])))


if __name__ == "__main__":
    main()
