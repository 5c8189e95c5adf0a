"""Random programs of a small core that mean something: loads, products, passes and stores."""

import dataclasses

import numpy as np

from benches.core import NEEDS
from weft.isa.codes import (
    Bias,
    Combine,
    Format,
    Opcode,
    Reduce,
    Rounding,
    ScaleSource,
    Subtrahend,
    Target,
    XSource,
    YSource,
)
from weft.isa.instruction import Instruction
from weft.isa.program import Program
from weft_model.core.hazards import with_waits

# Small memories, so that instructions often touch what others touch.
CORE = dataclasses.replace(
    NEEDS,
    buffer_rows=48,
    accumulators=16,
    parameter_rows=3,
    tables=2,
    row_scalars=12,
    regions=(256, 64),
    readable=(0, 1),
    writable=(1,),
)
N = CORE.lanes


class RandomProgram:
    """Makes random instructions; everything that they read has been written.

    Parameters
    ----------
    source : numpy Generator
    """

    def __init__(self, source: np.random.Generator):
        self.source = source
        self.body: list[Instruction] = []

    def number(self, low: int, high: int) -> int:
        return int(self.source.integers(low, high, endpoint=True))

    def add(self, opcode: Opcode, **fields: int) -> None:
        self.body.append(Instruction.make(opcode, tag=len(self.body), **fields))

    def program(self, operations: int) -> Program:
        """Return a program with the waits that it needs."""
        self._fill()
        makers = (
            *(self._load, self._store, self._product, self._product, self._add),
            *(self._maximum, self._scaled, self._constants),
        )
        for _ in range(operations):
            makers[self.source.integers(len(makers))]()
        self.add(Opcode.HALT)
        return with_waits(Program(CORE, tuple(self.body)))

    def _fill(self) -> None:
        """Write every memory of the core."""
        self.add(Opcode.LOAD, lines=48, bytes=N, line_pitch=N)
        self.add(Opcode.LOAD, target=Target.PARAMETERS, lines=3, bytes=12 * N, line_pitch=9)
        self.add(Opcode.LOAD, target=Target.TABLES, lines=2, bytes=200, line_pitch=30)
        self.add(Opcode.LOAD, target=Target.SCALARS, lines=12, bytes=8, line_pitch=8)

    def _load(self) -> None:
        rows = self.number(1, 8)
        self.add(
            Opcode.LOAD,
            **dict(region=self.number(0, 1), row=self.number(0, 48 - rows), lines=rows),
            **dict(offset=self.number(0, 20), bytes=self.number(1, N), line_pitch=N),
        )

    def _store(self) -> None:
        rows = self.number(1, 8)
        self.add(
            Opcode.STORE,
            **dict(region=1, row=self.number(0, 48 - rows), lines=rows),
            **dict(offset=self.number(0, 30), bytes=self.number(1, N), line_pitch=N),
        )

    def _constants(self) -> None:
        target = Target(self.number(1, 3))
        size = {Target.PARAMETERS: 12 * N, Target.TABLES: 200, Target.SCALARS: 8}[target]
        most = {Target.PARAMETERS: 2, Target.TABLES: 1, Target.SCALARS: 11}[target]
        self.add(
            Opcode.LOAD,
            **dict(target=target, region=0, row=self.number(0, most), bytes=size),
            offset=self.number(0, 50),
        )

    def _product(self) -> None:
        """Some tiles, some rows, and a drain to where others may read."""
        rows, tiles = self.number(1, 6), self.number(1, 3)
        from_buffer = self.number(0, 1)
        pitch = self.number(0, 4) if from_buffer else N
        self.add(
            Opcode.WEIGHTS,
            **dict(from_buffer=from_buffer, tiles=tiles, row_pitch=pitch, tile_pitch=2),
            **dict(offset=self.number(0, 30), valid_rows=self.number(1, N), valid_columns=N),
            transpose=from_buffer & self.number(0, 1),
        )
        self.add(
            Opcode.MATMUL,
            **dict(row=self.number(2, 30), x_count=rows, x_stride=1, width=self.number(1, 6)),
            **dict(x_origin=self.number(-2, 0), block_count=tiles, block_stride=3),
            **dict(accumulator=self.number(0, 16 - rows), first=1, last=1),
        )
        self.add(
            Opcode.VECTOR,
            **dict(x_source=XSource.RESULTS, inner_count=rows, bias=Bias.CHANNEL),
            **dict(rounding=Rounding.UP, scale_source=ScaleSource.CHANNEL),
            **dict(parameters=self.number(0, 2), valid_lanes=self.number(1, N), write=1),
            **dict(destination_row=self.number(0, 48 - rows), destination_inner=1),
        )

    def _add(self) -> None:
        """The sum of two tensors; the destination is x itself, or far from both."""
        rows = self.number(1, 6)
        x, y = self.number(0, 10), self.number(18, 24)
        self.add(
            Opcode.VECTOR,
            **dict(y_source=YSource.BUFFER, combine=Combine.ADD, inner_count=rows, x_row=x),
            **dict(x_inner=1, y_row=y, y_inner=self.number(0, 1), write=1, valid_lanes=N),
            **dict(destination_row=x if self.number(0, 1) else self.number(31, 42)),
            **dict(destination_inner=1, x_table=self.number(0, 2)),
        )

    def _maximum(self) -> None:
        rows = self.number(1, 6)
        self.add(
            Opcode.VECTOR,
            **dict(reduce=Reduce.LANES_MAX, inner_count=rows, x_row=self.number(0, 20)),
            **dict(x_inner=self.number(0, 3), reduce_inner_count=2, x_reduce_inner=4),
            **dict(reduce_scalar=self.number(0, 12 - rows), scalar_inner=1, valid_lanes=3),
            **dict(accumulate=self.number(0, 1), destination_format=Format.INT32),
        )

    def _scaled(self) -> None:
        rows = self.number(1, 6)
        self.add(
            Opcode.VECTOR,
            **dict(subtrahend=Subtrahend.SCALAR, subtract_scalar=self.number(0, 12 - rows)),
            **dict(scalar_inner=1, inner_count=rows, x_row=self.number(0, 18), x_inner=1),
            **dict(write=1, destination_row=self.number(24, 42), destination_inner=1),
            **dict(valid_lanes=N, output_table=self.number(0, 2)),
        )


def random_core_program(source: np.random.Generator, operations: int = 12) -> Program:
    """Return a program that the checker accepts."""
    return RandomProgram(source).program(operations)


def random_memory(source: np.random.Generator, program: Program) -> list[np.ndarray]:
    """Return random regions."""
    sizes = program.requirements.regions
    return [source.integers(0, 256, size).astype(np.uint8) for size in sizes]
