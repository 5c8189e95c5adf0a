"""Random instructions and programs: legal fields, no meaning."""

import numpy as np

from weft.isa.codes import Opcode
from weft.isa.fields import Field
from weft.isa.instruction import Instruction
from weft.isa.instructions import KINDS
from weft.isa.program import Program
from weft.isa.requirements import Requirements

NEEDS = Requirements(
    lanes=8,
    queue_slots=4,
    fifo_tiles=2,
    result_rows=64,
    buffer_rows=100_000,
    accumulators=512,
    parameter_rows=3,
    regions=(0, 1 << 31, 7),
    readable=(1,),
    writable=(1, 4),
)
BODY = tuple(opcode for opcode in Opcode if opcode != Opcode.HALT)


def random_value(source: np.random.Generator, field: Field) -> int:
    """Return a legal value of a field; half the time the default or an extreme."""
    if field.codes is not None:
        return int(source.choice([int(code) for code in field.codes]))
    if source.integers(2):
        return int(source.choice([field.default, field.minimum, field.maximum]))
    return int(source.integers(field.minimum, field.maximum, endpoint=True))


def random_instruction(source: np.random.Generator, opcode: Opcode | None = None) -> Instruction:
    """Return an instruction whose fields are all random."""
    opcode = Opcode(source.choice(BODY)) if opcode is None else opcode
    fields = KINDS[opcode].free_fields
    return Instruction.make(opcode, **{n: random_value(source, f) for n, f in fields.items()})


def random_program(source: np.random.Generator, length: int = 10) -> Program:
    """Return a program of random instructions; only its fields are legal."""
    body = [random_instruction(source) for _ in range(length)]
    return Program(NEEDS, (*body, Instruction.make(Opcode.HALT)))
