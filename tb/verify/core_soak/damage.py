"""Damage to the bytes of a program."""

import zlib

import numpy as np

from benches.instructions import random_value
from weft.isa.fields import UNIT_BYTES
from weft.isa.program import Program
from weft.isa.requirements import HEADER_BY_NAME, HEADER_BYTES

_CRC = 4 * HEADER_BY_NAME["crc"].word
_UNITS = 4 * HEADER_BY_NAME["units"].word


def damaged(data: bytes, source: np.random.Generator) -> tuple[bytes, bool]:
    """Return the bytes of a program with other bits or fields, and whether its CRC is right again.

    The program does not become longer, because its host provides no memory behind it.
    """
    changed = bytearray(data)
    kind = source.choice(["field"] * 4 + ["body"] * 2 + ["unit", "swap", "header", "crc"])
    if kind == "field":
        return _other_fields(data, source), True
    if kind == "unit":
        at = _unit(data, source)
        changed[at : at + UNIT_BYTES] = source.bytes(UNIT_BYTES)
        # Else it has hardly ever a known opcode.
        changed[at] = int(source.choice([0x01, 0x10, 0x18, 0x20, 0x30, 0x40]))
    elif kind == "swap":
        one, two = _unit(data, source), _unit(data, source)
        changed[one : one + UNIT_BYTES] = data[two : two + UNIT_BYTES]
        changed[two : two + UNIT_BYTES] = data[one : one + UNIT_BYTES]
    else:
        low, high = (0, HEADER_BYTES) if kind == "header" else (HEADER_BYTES, len(data))
        _flip(changed, low, high, source)
    units, most = (int.from_bytes(text[_UNITS : _UNITS + 4], "little") for text in (changed, data))
    units = min(units, most)
    changed[_UNITS : _UNITS + 4] = units.to_bytes(4, "little")
    if kind == "crc":
        return bytes(changed), False
    changed[_CRC : _CRC + 4] = bytes(4)
    length = HEADER_BYTES + units * UNIT_BYTES
    changed[_CRC : _CRC + 4] = zlib.crc32(changed[:length]).to_bytes(4, "little")
    return bytes(changed), True


def _other_fields(data: bytes, source: np.random.Generator) -> bytes:
    """Return a program in which one or two fields have any other legal values."""
    program = Program.decode(data)
    instructions = list(program.instructions)
    for _ in range(int(source.integers(1, 3))):
        # Not of HALT, which is the last one.
        at = int(source.integers(0, len(instructions) - 1))
        fields = [field for field in instructions[at].kind.fields if field.name != "opcode"]
        field = fields[int(source.integers(len(fields)))]
        changes = {field.name: random_value(source, field)}
        instructions[at] = instructions[at].replaced(**changes)
    return Program(program.requirements, tuple(instructions)).encode()


def _unit(data: bytes, source: np.random.Generator) -> int:
    """Return where one of the units behind the header begins."""
    return HEADER_BYTES + UNIT_BYTES * int(
        source.integers(0, (len(data) - HEADER_BYTES) // UNIT_BYTES)
    )


def _flip(data: bytearray, low: int, high: int, source: np.random.Generator) -> None:
    # The CRC detects up to three flipped bits.
    places = source.choice(8 * (high - low), int(source.integers(1, 4)), replace=False)
    for place in places.tolist():
        data[low + place // 8] ^= 1 << place % 8
