"""Streams: the tiles and result rows that instructions put and take, in program order."""

from dataclasses import dataclass

from weft.isa.codes import Opcode, XSource
from weft.isa.instruction import Instruction

from .walks import matmul_height, tile_count, vector_height, window_size


def drained_rows(instruction: Instruction) -> int:
    """Return the result rows that an instruction drains."""
    if instruction.opcode != Opcode.VECTOR or instruction["x_source"] != XSource.RESULTS:
        return 0
    return vector_height(instruction) * window_size(instruction)


@dataclass(frozen=True)
class Streams:
    """Counts after each instruction, one entry per instruction.

    Parameters
    ----------
    pushed, taken : list of int
        Tiles that this and earlier WEIGHTS push, and that MATMULs take.
    emitted, drained : list of int
        Result rows that this and earlier MATMULs emit, and that VECTORs drain.
    """

    pushed: list[int]
    taken: list[int]
    emitted: list[int]
    drained: list[int]

    @classmethod
    def of(cls, instructions: tuple[Instruction, ...]) -> "Streams":
        streams = cls([], [], [], [])
        pushed = taken = emitted = drained = 0
        for instruction in instructions:
            if instruction.opcode == Opcode.WEIGHTS:
                pushed += tile_count(instruction)
            elif instruction.opcode == Opcode.MATMUL:
                taken += tile_count(instruction)
                emitted += matmul_height(instruction) if instruction["last"] else 0
            drained += drained_rows(instruction)
            streams.pushed.append(pushed)
            streams.taken.append(taken)
            streams.emitted.append(emitted)
            streams.drained.append(drained)
        return streams
