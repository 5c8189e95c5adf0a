"""CoreHost: a core and its memory, driven through the serial pins of the board only."""

import cocotb
import numpy as np
import pytest

from benches.coroutines import TIMEOUT, TIMEOUT_NS, parameters, randomness, read
from benches.link import count
from benches.serial_pins import SerialPins
from weft.bus.axi_lite import WORD_BYTES
from weft.core.core_config import TINY
from weft.core.errors import CoreError
from weft.core.register_table import ADDRESSES, CONTROL_BITS, MAGIC, STATUS_FIELDS
from weft.host_link.core_host import CoreHost
from weft.host_link.core_host_registers import (
    FIRST,
    HOST_ADDRESSES,
    HOST_REGISTERS,
    READ,
    RESET_BIT,
    WRITTEN,
    CoreHostParameters,
    host_constants,
)
from weft.host_link.protocol import Command
from weft.isa.assembly import assemble
from weft_model.core.machine import execute

LONG = {**TIMEOUT, "timeout_time": 20 * TIMEOUT_NS}
START = 1 << tuple(CONTROL_BITS).index("start")
# A product of two 4 x 4 matrices, divided by 4.
TEXT = """
.needs lanes=4 queue_slots=2 fifo_tiles=1 result_rows=4 buffer_rows=16 accumulators=4
.region 0 bytes=32 read
.region 1 bytes=16 write
LOAD    region=0 lines=4 bytes=4 line_pitch=4
LOAD    region=0 row=8 offset=16 lines=4 bytes=4 line_pitch=4
WEIGHTS from_buffer=1 offset=8 valid_rows=4 valid_columns=4 row_pitch=1 wait_load=1
MATMUL  first=1 last=1 x_count=4 x_stride=1 width=4 wait_load=1
VECTOR  x_source=results inner_count=4 valid_lanes=4 rounding=up multiplier=1 shift=2 write=1 destination_row=4 destination_inner=1
STORE   region=1 row=4 lines=4 bytes=4 line_pitch=4 wait_vector=1
HALT
"""  # noqa: E501


# A core takes Icarus minutes; its parts are tested there.
@pytest.mark.parametrize("simulator", ["verilator"], indirect=True)
def test_core_host(simulate):
    simulate(
        [identifies_itself, keeps_what_is_written, runs_programs, shows_refused_accesses],
        CoreHost,
        config=TINY,
        cycles_per_bit=4,
        clock_hz=12_000_000,
        payload_bytes=256,
        memory_bytes=2048,
    )


def test_registers_move_with_the_version_only():
    """A host that knows version 5 of the protocol finds each register at its address."""
    names = "protocol_version line clock_hz cycles_per_bit payload_bytes memory_bytes word_bytes"
    assert [register.name for register in HOST_REGISTERS] == [
        *names.split(),
        "control",
        "memory_word",
    ]


def test_the_registers_of_the_core_come_first():
    assert max(ADDRESSES.values()) < WORD_BYTES * FIRST


def test_impossible_parameters_are_refused():
    right = {"config": TINY, "cycles_per_bit": 4, "clock_hz": 1, "payload_bytes": 16}
    for wrong, sentence in {
        ("cycles_per_bit", 3): "cycles_per_bit must be an integer of at least 4, not 3",
        ("clock_hz", 0): "clock_hz must be an integer from 1 to 4294967295, not 0",
        ("payload_bytes", 8): "payload_bytes must be an integer from 16 to 32768, not 8",
        ("memory_bytes", 48): "the words of a memory must be a power of two from 2 on, not 12",
    }.items():
        with pytest.raises(ValueError, match=sentence):
            CoreHostParameters(**{**right, "memory_bytes": 64, wrong[0]: wrong[1]})


class Pins(SerialPins):
    """A host that uses the memory and the registers of the core."""

    async def access(self, name: str, word: int | None = None) -> int:
        """Write a register of the core, or read it; return its value."""
        number = ADDRESSES[name] // WORD_BYTES
        if word is not None:
            await self.write_word(number, word)
            return word
        return (await self.read_words(number, 1))[0]

    async def seek(self, place: int):
        await self.write_word(HOST_ADDRESSES["memory_word"], place // WORD_BYTES)

    async def write_memory(self, place: int, data: bytes):
        await self.seek(place)
        most = parameters().payload_bytes
        for start in range(0, len(data), most):
            part = data[start : start + most]
            assert await self.request(Command.PUSH, WRITTEN, part) == count(len(part))

    async def read_memory(self, place: int, length: int) -> bytes:
        await self.seek(place)
        return await self.request(Command.PULL, READ, count(length))


async def begin(dut) -> Pins:
    pins = Pins(dut)
    await pins.begin()
    return pins


@cocotb.test(**LONG)
async def identifies_itself(dut):
    """The registers of the core and of the link have their constants."""
    pins = await begin(dut)
    assert await pins.access("magic") == MAGIC
    assert await pins.access("lanes") == TINY.lanes
    words = await pins.read_words(FIRST, len(HOST_REGISTERS))
    assert words == list(host_constants(CoreHostParameters(**vars(parameters()))))


@cocotb.test(**LONG)
async def keeps_what_is_written(dut):
    """Words are where they were written, also after a reset of the core."""
    pins, source = await begin(dut), randomness()
    expected = bytearray(source.randbytes(64))
    await pins.write_memory(512, bytes(expected))
    assert await pins.read_memory(512, 64) == expected
    await pins.write_memory(520, b"changed!")
    expected[8:16] = b"changed!"
    await pins.write_word(HOST_ADDRESSES["control"], 1 << RESET_BIT)
    assert await pins.read_memory(516, 12) == expected[4:16]


@cocotb.test(**LONG)
async def runs_programs(dut):
    """A program reads and writes the same memory; one with a wrong region ends with its error."""
    pins, source = await begin(dut), randomness()
    program = assemble(TEXT)
    data = np.frombuffer(source.randbytes(32), np.uint8)
    memory = [data, np.zeros(16, np.uint8), *[np.zeros(0, np.uint8)] * 6]
    await pins.write_memory(0, program.encode())
    await pins.write_memory(1024, data.tobytes())
    for writable in (1, 0):
        await pins.write_word(HOST_ADDRESSES["control"], 1 << RESET_BIT)
        for number, access in ((0, 1), (1, 2 * writable)):
            await pins.access(f"region_{number}_base_low", 1024 * (number + 1) - 512 * number)
            await pins.access(f"region_{number}_size", len(memory[number]))
            await pins.access(f"region_{number}_access", access)
        await pins.access("control", START)
        status = await pins.access("status")
        assert not STATUS_FIELDS["running"].of(status)
        error = CoreError(STATUS_FIELDS["error"].of(status))
        assert error == (CoreError.NONE if writable else CoreError.REGION)
        if writable:
            execute(program, memory)
            assert await pins.read_memory(1536, 16) == memory[1].tobytes()
    assert not read(dut, "error")


@cocotb.test(**LONG)
async def shows_refused_accesses(dut):
    """They are counted and at the pin, until the core is reset."""
    pins = await begin(dut)
    assert await pins.read_words(HOST_ADDRESSES["line"], 1) == [0]
    await pins.access("magic", 1)
    await pins.access("magic", 1)
    assert await pins.read_words(HOST_ADDRESSES["line"], 1) == [2]
    assert read(dut, "error")
    await pins.write_word(HOST_ADDRESSES["control"], 1 << RESET_BIT)
    assert await pins.read_words(HOST_ADDRESSES["line"], 1) == [0]
    assert not read(dut, "error")
