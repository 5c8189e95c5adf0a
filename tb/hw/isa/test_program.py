"""Programs as bytes: header, checksum and instructions; every damage is named."""

import os
import zlib

import numpy as np
import pytest

from benches.instructions import NEEDS, random_program
from weft.isa.codes import Opcode
from weft.isa.instruction import WORD, Instruction
from weft.isa.program import Program
from weft.isa.requirements import HEADER_BY_NAME, HEADER_BYTES, Requirements

HALT = Instruction.make(Opcode.HALT)
LOAD = Instruction.make(Opcode.LOAD, bytes=8)


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def sealed(data: bytes, **header: int) -> bytes:
    """Return bytes of a program with other values in the header, and the CRC that fits them."""
    words = np.frombuffer(data, WORD).copy()
    for name, value in header.items():
        field = HEADER_BY_NAME[name]
        words[field.word] &= ~np.uint32(field.mask << field.bit)
        words[field.word] |= np.uint32(value << field.bit)
    words[HEADER_BY_NAME["crc"].word] = 0
    words[HEADER_BY_NAME["crc"].word] = zlib.crc32(words.tobytes())
    return words.tobytes()


def test_a_program_equals_its_decoded_bytes():
    draw = source()
    for length in (0, 1, 30):
        program = random_program(draw, length)
        assert Program.decode(program.encode()) == program


def test_every_flipped_bit_is_refused():
    data = random_program(source(), 2).encode()
    for bit in source().choice(8 * len(data), 200, replace=False):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError):
            Program.decode(bytes(broken))


def test_a_program_that_is_cut_off_is_refused():
    data = random_program(source(), 2).encode()
    with pytest.raises(ValueError, match=r"^a program must have a header of 96 bytes, not 95 byte"):
        Program.decode(data[: HEADER_BYTES - 1])
    with pytest.raises(ValueError, match=rf"^the program must have {len(data)} bytes, not "):
        Program.decode(data[:-1])


DAMAGE = {
    "magic": ({"magic": 0}, r"magic must be an integer from 1347700311 to 1347700311, not 0"),
    "version": ({"version": 2}, r"version must be an integer from 1 to 1, not 2"),
    "lanes": ({"lanes": 6}, r"lanes must be a multiple of 4, not 6"),
    "slots": ({"queue_slots": 0}, r"queue_slots must be an integer from 1 to 255, not 0"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_wrong_header_is_refused(case):
    header, sentence = DAMAGE[case]
    data = Program(NEEDS, (LOAD, HALT)).encode()
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Program.decode(sealed(data, **header))


def test_unused_bits_of_the_header_are_zero():
    data = bytearray(Program(NEEDS, (LOAD, HALT)).encode())
    data[HEADER_BYTES - 1] = 1
    with pytest.raises(ValueError, match=r"^unused bits of word 23 of the header must be zero$"):
        Program.decode(sealed(bytes(data)))


def test_a_wrong_instruction_is_named_by_its_number():
    data = bytearray(Program(NEEDS, (LOAD, HALT)).encode())
    data[HEADER_BYTES + 32] = 0xFF
    with pytest.raises(ValueError, match=r"^instruction 1: opcode must be one of .*, not 0xff$"):
        Program.decode(sealed(bytes(data)))


def test_halt_is_the_last_instruction_and_no_other():
    with pytest.raises(ValueError, match=r"^a program must end with HALT, but has none$"):
        Program(NEEDS, (LOAD,))
    with pytest.raises(ValueError, match=r"^HALT must be the last instruction, 2, not 0$"):
        Program(NEEDS, (HALT, LOAD, HALT))
    with pytest.raises(TypeError, match=r"^a program must hold instructions, not 'HALT'$"):
        Program(NEEDS, ("HALT",))  # type: ignore


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"lanes": 260}, "lanes must be an integer from 4 to 256, not 260"),
        ({"operand_width": 4}, "operand_width must be an integer from 8 to 16, not 4"),
        (
            {"buffer_rows": (1 << 19) + 1},
            "buffer_rows must be an integer from 1 to 524288, not 524289",
        ),
        ({"tables": 16}, "tables must be an integer from 0 to 15, not 16"),
        ({"regions": (1,) * 9}, "a program must have at most 8 regions, not 9"),
        ({"regions": (-1,)}, "region_0 must be an integer from 0 to 4294967295, not -1"),
        ({"readable": (8,)}, "a region in readable must be an integer from 0 to 7, not 8"),
    ],
)
def test_illegal_requirements_are_refused(given, sentence):
    sizes = dict(lanes=4, queue_slots=1, fifo_tiles=1, result_rows=1, buffer_rows=1, accumulators=1)
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Requirements(**{**sizes, **given})
