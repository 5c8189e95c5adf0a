"""The decoder in Python, for its bench: instructions up to the first fault, and the fault."""

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benches.instructions import random_instruction
from weft.isa.codes import Opcode
from weft.isa.fields import UNIT_BYTES, UNIT_WORDS, WORD_BITS, Field, used_bits
from weft.isa.instruction import Instruction
from weft.isa.instructions import KINDS
from weft.isa.kind import Kind
from weft.sequencer.ports import FaultCode


class Decoded(NamedTuple):
    """Instructions up to the first fault, each with the number of its last unit; and the fault."""

    instructions: list[tuple[Kind, int, int]]
    code: FaultCode
    unit: int
    word: int


def decode(units: Sequence[int]) -> Decoded:
    """Return the instructions of a program and its first fault; it has code NONE without one."""
    found = []
    number = 0
    while number < len(units):
        opcode = units[number] & 0xFF
        if opcode not in set(Opcode):
            return Decoded(found, FaultCode.UNKNOWN_OPCODE, number, 0)
        kind = KINDS[Opcode(opcode)]
        bits = 0
        for part in range(kind.units):
            unit = units[number]
            code, word = fault_in(kind, part, unit)
            if code != FaultCode.NONE:
                return Decoded(found, code, number, word)
            is_last = number == len(units) - 1
            if is_last != (kind.opcode == Opcode.HALT):
                return Decoded(found, FaultCode.WRONG_END, number, 0)
            bits |= unit << (8 * UNIT_BYTES * part)
            number += 1
        found.append((kind, bits, number - 1))
    return Decoded(found, FaultCode.NONE, len(units) - 1, 0)


def fault_in(kind: Kind, part: int, unit: int) -> tuple[FaultCode, int]:
    """Return the first fault in a part of an instruction, and its word."""
    used = used_bits(kind.fields, kind.words)
    for word in range(UNIT_WORDS):
        bits = unit >> (WORD_BITS * word) & ((1 << WORD_BITS) - 1)
        place = part * UNIT_WORDS + word
        if bits & ~used[place]:
            return FaultCode.UNUSED_BITS, word
        fields = [field for field in kind.fields if field.word == place]
        if not all(is_legal(field, field.of(bits)) for field in fields):
            return FaultCode.ILLEGAL_FIELD, word
    return FaultCode.NONE, 0


def is_legal(field: Field, value: int) -> bool:
    """Return whether the table allows a value."""
    try:
        field.checked(value)
    except ValueError:
        return False
    return True


def units_of(data: bytes) -> list[int]:
    """Return bytes as units of 32 bytes."""
    return [
        int.from_bytes(data[at : at + UNIT_BYTES], "little")
        for at in range(0, len(data), UNIT_BYTES)
    ]


def random_units(source: random.Random, count: int) -> list[int]:
    """Return a legal program of `count` random instructions and HALT."""
    numbers = np.random.default_rng(source.getrandbits(32))
    body = [random_instruction(numbers) for _ in range(count)]
    return units_of(b"".join(i.encode() for i in (*body, Instruction.make(Opcode.HALT))))


def damaged(source: random.Random, units: list[int]) -> list[int]:
    """Return a program with one or two faults in one of its units, or with a wrong end."""
    units = list(units)
    place = source.randrange(len(units))
    for _ in range(source.choice([1, 1, 2])):
        fault = source.choice(["bit", "word", "zero", "opcode", "halt", "end"])
        word = source.randrange(UNIT_WORDS) * WORD_BITS
        if fault == "bit":
            units[place] ^= 1 << source.randrange(8 * UNIT_BYTES)
        elif fault == "word":
            units[place] |= (source.getrandbits(WORD_BITS) & source.getrandbits(WORD_BITS)) << word
        elif fault == "zero":
            units[place] &= ~(((1 << source.choice([8, 16, 32])) - 1) << word)
        elif fault == "opcode":
            units[place] = units[place] & ~0xFF | source.choice([*Opcode, source.randrange(256)])
        elif fault == "halt":
            units.insert(place, int(Opcode.HALT))
        elif len(units) > 1:
            del units[-1:]
            place = min(place, len(units) - 1)
    return units
