"""The process of a simulated board: the simulator outside, and inside it the line to the board."""

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

# Cycles between two looks at a silent line, and looks after which the simulation waits for bytes:
# by then nothing happens in it any more.
LOOK_CYCLES = 200
LOOKS = 50
WAIT_SECONDS = 0.05


def main() -> None:
    """Run the simulation that the argument describes until standard input ends."""
    job = json.loads(sys.argv[1])
    described = job["build"]
    build = Build(Path(described["directory"]), described["top"], described["simulator"], None)
    directory = Path(job["directory"])
    environment = {"WEFT_BOARD": sys.argv[1]}
    build.run(
        __spec__.name, directory=directory, environment=environment, log=directory / "run.log"
    )


class Terminal:
    """A pseudo-terminal: what its user writes and reads. Never blocks."""

    def __init__(self):
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.name = os.ttyname(self._theirs)

    def read(self) -> bytes:
        try:
            return os.read(self._ours, READ_BYTES)
        except BlockingIOError:
            return b""

    def write(self, received: bytes) -> None:
        """Give bytes to the user; those that the user leaves lying are lost."""
        try:
            os.write(self._ours, received)
        except BlockingIOError:
            return

    def wait(self, seconds: float) -> bool:
        """Wait for bytes of the user; whether standard input has ended."""
        readable, _, _ = select.select([self._ours, STANDARD_INPUT], [], [], seconds)
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
    while not terminal.wait(WAIT_SECONDS if silent > LOOKS else 0):
        before = activity[0]
        for byte in line.carry(terminal.read()):
            await send_byte(dut, byte, bit_ns)
            activity[0] += 1
        await Timer(LOOK_CYCLES * PERIOD_NS, "ns")
        silent = silent + 1 if activity[0] == before else 0


async def send_byte(dut, byte: int, bit_ns: int) -> None:
    """Send one byte on `rx`."""
    for bit in (0, *(byte >> place & 1 for place in range(8)), 1):
        dut.rx.value = bit
        await Timer(bit_ns, "ns")


async def listen(dut, terminal: Terminal, line: NoisyLine, bit_ns: int, activity: list[int]):
    """Give what comes on `tx` to the terminal, for ever."""
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
