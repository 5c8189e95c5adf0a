"""Program: a header and instructions, as bytes."""

import zlib
from dataclasses import dataclass

import numpy as np

from ..checks import check, check_kind
from .codes import Opcode
from .fields import UNIT_BYTES, used_bits
from .instruction import WORD, Instruction, check_instruction
from .requirements import (
    HEADER_BY_NAME,
    HEADER_BYTES,
    HEADER_FIELDS,
    HEADER_WORDS,
    Requirements,
)

_CRC = HEADER_BY_NAME["crc"].word
_USED = used_bits(HEADER_FIELDS, HEADER_WORDS)


@dataclass(frozen=True)
class Program:
    """Instructions, and what they need of a machine.

    Raises
    ------
    TypeError, ValueError
        Unless HALT is the last instruction and no other.
    """

    requirements: Requirements
    instructions: tuple[Instruction, ...]

    def __post_init__(self):
        check_kind(self.requirements, Requirements, "requirements must be Requirements")
        object.__setattr__(self, "instructions", tuple(self.instructions))
        for instruction in self.instructions:
            check_instruction(instruction)
        halts = [n for n, i in enumerate(self.instructions) if i.opcode == Opcode.HALT]
        last = len(self.instructions) - 1
        check(bool(halts), "a program must end with HALT, but has none")
        check(halts[0] == last, f"HALT must be the last instruction, {last}, not {halts[0]}")

    def encode(self) -> bytes:
        """Return the bytes of the program."""
        body = b"".join(instruction.encode() for instruction in self.instructions)
        values = {field.name: field.default for field in HEADER_FIELDS}
        values |= self.requirements.values() | {"units": len(body) // UNIT_BYTES}
        words = np.zeros(HEADER_WORDS, WORD)
        for field in HEADER_FIELDS:
            words[field.word] |= np.uint32(field.checked(values[field.name]) << field.bit)
        words[_CRC] = zlib.crc32(words.tobytes() + body)
        return words.tobytes() + body

    @classmethod
    def decode(cls, data: bytes) -> "Program":
        """Return the program of bytes.

        Raises
        ------
        ValueError
            With one sentence that says what is wrong: length, magic, version, checksum, a value of
            the header, or an instruction, by its number and field.
        """
        check(
            len(data) >= HEADER_BYTES,
            f"a program must have a header of {HEADER_BYTES} bytes, not {len(data)} bytes",
        )
        words = np.frombuffer(data, WORD, HEADER_WORDS).copy()
        values = {field.name: field.of(int(words[field.word])) for field in HEADER_FIELDS}
        for name in ("magic", "version", "units"):
            HEADER_BY_NAME[name].checked(values[name])
        length = HEADER_BYTES + values["units"] * UNIT_BYTES
        check(len(data) == length, f"the program must have {length} bytes, not {len(data)}")
        words[_CRC] = 0
        found = zlib.crc32(words.tobytes() + data[HEADER_BYTES:])
        check(
            found == values["crc"],
            f"the CRC of the program must be {values['crc']:#010x} as in its header, "
            f"not {found:#010x}",
        )
        for place, (word, used) in enumerate(zip(words.tolist(), _USED, strict=True)):
            check(not word & ~used, f"unused bits of word {place} of the header must be zero")
        return cls(Requirements.of(values), tuple(_instructions(data)))


def _instructions(data: bytes):
    """Yield the instructions after the header; a refusal names the number of its instruction."""
    at, number = HEADER_BYTES, 0
    while at < len(data):
        try:
            instruction = Instruction.decode(data, at)
        except ValueError as error:
            raise ValueError(f"instruction {number}: {error}") from None
        yield instruction
        at += instruction.kind.bytes
        number += 1
