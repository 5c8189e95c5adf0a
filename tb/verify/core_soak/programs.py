"""Random programs that the checker accepts, with instructions of every kind."""

import numpy as np

from weft.core.core_config import CoreConfig
from weft.isa.codes import Format, Opcode, Target, Unit, XSource
from weft.isa.instruction import Instruction
from weft.isa.kind import wait_name
from weft.isa.program import Program
from weft.isa.requirements import Requirements
from weft_model.core import checker, legal, places
from weft_model.core.accesses import accesses
from weft_model.core.blocking import blocks
from weft_model.core.hazards import with_waits
from weft_model.core.state import OPERANDS
from weft_model.core.walks import row_bytes_of

from .vectors import RandomVector
from .walks import Draws

# What the host allows of each region: 1 to read, 2 to write.
PERMISSIONS = (1, 3, 1, 2, 0, 0, 0, 0)
# Region 2 has words that are legal as multipliers of f32 and as inputs of a reciprocal.
ANY, BOTH, EXACT, OUTPUT = range(4)
ATTEMPTS = 60


def needs_of(config: CoreConfig, source: np.random.Generator) -> Requirements:
    """Return sizes so small that instructions often touch what others touch."""
    draws, queues = Draws(source), config.queues
    row = config.lanes * config.operand_width // 8
    rows = min(config.buffer.rows, draws.pick((24, 40, 64)))
    return Requirements(
        lanes=config.lanes,
        queue_slots=draws.number(1, queues.slots),
        fifo_tiles=draws.number(1, queues.tiles),
        result_rows=draws.number(1, min(queues.result_rows, 24)),
        buffer_rows=rows,
        accumulators=min(config.matrix.accumulator_depth, 24),
        parameter_rows=3,
        tables=2,
        row_scalars=16,
        regions=(draws.number(600, 700), draws.number(200, 500), 800, 2 * rows * row + 3),
        readable=(ANY, BOTH, EXACT),
        writable=(BOTH, OUTPUT),
    )


def memory_of(needs: Requirements, source: np.random.Generator) -> list[np.ndarray]:
    """Return random regions."""
    memory = [source.integers(0, 256, size).astype(np.uint8) for size in needs.regions]
    words = source.integers(1, 1 << 24, needs.regions[EXACT] // 4, endpoint=True).astype("<i4")
    memory[EXACT][:] = words.view(np.uint8)
    return memory


class ProgramWriter:
    """Writes random instructions; everything that they read has been written.

    Parameters
    ----------
    needs : Requirements
    source : numpy Generator
    """

    def __init__(self, needs: Requirements, source: np.random.Generator):
        self.needs, self.draws = needs, Draws(source)
        self.body: list[Instruction] = []
        self.exact = self.draws.chance(0.5)
        self.vectors = RandomVector(self.draws, needs, exact=self.exact)

    def program(self, operations: int) -> Program:
        self._fill()
        makers = (
            *(self.load, self.store, self.constants, self.products, self.products),
            *(self.vector, self.vector, self.vector, self.reciprocal),
        )
        for _ in range(operations):
            makers[self.draws.number(0, len(makers) - 1)]()
        self._empty()
        self.add(Opcode.HALT)
        return self._with_more_waits(with_waits(Program(self.needs, tuple(self.body))))

    def add(self, opcode: Opcode, **fields: int) -> bool:
        """Add an instruction, unless it is illegal by itself; return whether it was added."""
        instruction = Instruction.make(opcode, tag=len(self.body), **fields)
        if next(legal.violations(instruction, self.needs), None):
            return False
        found = list(accesses(instruction, self.needs))
        if next(places.violations(found, self.needs), None):
            return False
        self.body.append(instruction)
        return True

    def _fill(self) -> None:
        """Write every memory of the core."""
        needs, constants = self.needs, EXACT if self.exact else ANY
        step = 4 if self.exact else 7
        rows, row = needs.buffer_rows, needs.row_bytes
        self.add(Opcode.LOAD, lines=rows, bytes=row, line_pitch=min(row, 600 // rows))
        for target, lines, size in (
            (Target.PARAMETERS, needs.parameter_rows, 12 * needs.lanes),
            (Target.TABLES, needs.tables, 200),
            (Target.SCALARS, needs.row_scalars, 8),
        ):
            fields = dict(target=target, lines=lines, bytes=size, line_pitch=step)
            self.add(Opcode.LOAD, region=constants, **fields)

    def _empty(self) -> None:
        """Store the whole buffer, and then the row scalars."""
        needs, row = self.needs, self.needs.row_bytes
        lines = dict(bytes=row, line_pitch=row, region=OUTPUT)
        self.add(Opcode.STORE, lines=needs.buffer_rows, **lines)
        count = min(needs.row_scalars, needs.buffer_rows // 4)
        self.add(
            Opcode.VECTOR,
            **dict(x_source=XSource.SCALARS, x_inner=1, inner_count=count, write=1),
            **dict(destination_format=Format.INT32, destination_inner=4, valid_lanes=needs.lanes),
        )
        offset = needs.buffer_rows * row + 3
        self.add(Opcode.STORE, lines=4 * count, offset=offset, **lines)

    def _with_more_waits(self, program: Program) -> Program:
        """Return a program in which some instructions wait for more than they must."""
        instructions = []
        for instruction in program.instructions:
            if instruction.unit is not None and self.draws.chance(0.1):
                name = wait_name(Unit(self.draws.pick(Unit)))
                value = self.draws.number(1, 3)
                if not instruction[name] or value < instruction[name]:
                    instruction = instruction.replaced(**{name: value})
            instructions.append(instruction)
        changed = Program(program.requirements, tuple(instructions))
        return program if checker.faults(changed) else changed

    def _lines(self, region: int) -> dict[str, int] | None:
        """Return lines between the buffer and a region, or None if they do not fit."""
        row_bytes, rows = self.needs.row_bytes, self.needs.buffer_rows
        draws, size = self.draws, self.draws.number(1, 3 * row_bytes)
        if draws.chance(0.5):
            size = draws.number(1, row_bytes)
        counts = draws.counts(2, 12)
        pitches = draws.strides(2, 2 * row_bytes)
        offset = draws.start(counts, pitches, size, self.needs.regions[region])
        per_line = -(-size // row_bytes)
        row = draws.start([counts[0] * counts[1]], [per_line], per_line, rows)
        if offset is None or row is None:
            return None
        return dict(
            **dict(groups=counts[0], lines=counts[1], group_pitch=pitches[0]),
            **dict(line_pitch=pitches[1], bytes=size, offset=offset, row=row, region=region),
        )

    def load(self) -> None:
        lines = self._lines(self.draws.pick((ANY, BOTH, EXACT)))
        if lines:
            self.add(Opcode.LOAD, fill=self.draws.number(0, 255), **lines)

    def store(self) -> None:
        lines = self._lines(self.draws.pick((BOTH, BOTH, OUTPUT)))
        if lines:
            self.add(Opcode.STORE, **lines)

    def constants(self) -> None:
        """Load parameters, tables or row scalars; only words that are exact if there are such."""
        draws, needs = self.draws, self.needs
        target = Target(draws.number(1, 3))
        rows = {1: needs.parameter_rows, 2: needs.tables, 3: needs.row_scalars}[target]
        row_bytes = row_bytes_of(target, lanes=needs.lanes, buffer_row=needs.row_bytes)
        size = draws.pick((row_bytes, draws.number(1, row_bytes), 2 * row_bytes))
        step = 1
        if self.exact:
            size, step = max(1, size // 4) * 4, 4
        lines = draws.number(1, max(1, rows * row_bytes // (2 * size)))
        size = min(size, 600)
        pitch = draws.number(-4, 4) * step
        region = EXACT if self.exact else ANY
        offset = draws.start([lines], [pitch], size, needs.regions[region] // 4 * 4 - 8)
        per_line = -(-size // row_bytes)
        if offset is None or lines * per_line > rows:
            return
        # What is behind a line must be exact as well.
        fill = 0 if self.exact else draws.number(0, 255)
        self.add(
            Opcode.LOAD,
            **dict(target=target, lines=lines, bytes=size, line_pitch=pitch, region=region),
            **dict(offset=offset // step * step + 4 * (pitch < 0), fill=fill),
            row=draws.number(0, rows - lines * per_line),
        )

    def vector(self) -> None:
        for _ in range(ATTEMPTS):
            fields = self.vectors.fields()
            if fields and self.add(Opcode.VECTOR, **fields):
                return

    def reciprocal(self) -> None:
        if not self.exact and not self.draws.chance(0.02):
            return
        fields = self.vectors.reciprocal()
        if fields:
            self.add(Opcode.VECTOR, **fields)

    def products(self) -> None:
        """One sum, or two whose instructions alternate; all or nothing is added."""
        before = len(self.body)
        most = self.needs.accumulators
        sums = [(0, most)] if self.draws.chance(0.7) else [(0, most // 2), (most // 2, most)]
        rows = [self.draws.counts(3, min(12, high - low)) for low, high in sums]
        heights = [int(np.prod(counts)) for counts in rows]
        bottoms = [
            self.draws.number(low, high - height)
            for (low, high), height in zip(sums, heights, strict=True)
        ]
        parts = self.draws.number(1, 2)
        done = all(
            self._part(rows[n], bottoms[n], first=part == 0, last=part == parts - 1)
            for part in range(parts)
            for n in range(len(sums))
        )
        done = done and all(self._drain(height) for height in heights)
        if not done or next(blocks(self._so_far()), None):
            del self.body[before:]

    def _so_far(self) -> Program:
        halt = Instruction.make(Opcode.HALT)
        return with_waits(Program(self.needs, (*self.body, halt)))

    def _part(self, rows: list[int], bottom: int, *, first: bool, last: bool) -> bool:
        kernel = self.draws.counts(3, 5)
        return self._weights(int(np.prod(kernel))) and self._matmul(
            rows, kernel, accumulator=bottom, first=int(first), last=int(last)
        )

    def _weights(self, tiles: int) -> bool:
        """Put tiles into the FIFO by one instruction or two."""
        if tiles > 1 and self.draws.chance(0.3):
            some = self.draws.number(1, tiles - 1)
            return self._weights(some) and self._weights(tiles - some)
        return any(self._one_weights(tiles) for _ in range(ATTEMPTS))

    def _operand(self) -> dict[str, int]:
        number = Format(self.draws.pick(OPERANDS))
        point = self.draws.pick((0, number.minimum, number.maximum, self.draws.number(0, 127)))
        return dict(format=number, zero_point=point)

    def _one_weights(self, tiles: int) -> bool:
        draws, needs, lanes = self.draws, self.needs, self.needs.lanes
        groups = draws.pick([n for n in range(1, tiles + 1) if tiles % n == 0])
        from_buffer, diagonal = draws.number(0, 1), int(draws.chance(0.2))
        transpose = int(from_buffer and not diagonal and draws.chance(0.4))
        valid = [lanes if draws.chance(0.4) else draws.number(1, lanes) for _ in range(2)]
        most, total = (3, needs.buffer_rows) if from_buffer else (2 * lanes, 0)
        region = draws.pick((ANY, BOTH, EXACT))
        pitches = draws.strides(3, most)
        size = 1 if from_buffer else lanes
        height = 1 if diagonal else lanes
        total = total or needs.regions[region]
        offset = draws.start([groups, tiles // groups, height], pitches, size, total)
        return offset is not None and self.add(
            Opcode.WEIGHTS,
            **dict(from_buffer=from_buffer, transpose=transpose, diagonal=diagonal),
            **dict(region=0 if from_buffer else region, tiles=tiles // groups, groups=groups),
            **dict(valid_rows=valid[0], valid_columns=valid[1], offset=offset),
            **dict(group_pitch=pitches[0], tile_pitch=pitches[1], row_pitch=pitches[2]),
            **self._operand(),
        )

    def _matmul(self, rows: list[int], kernel: list[int], **fields: int) -> bool:
        draws = self.draws
        axes = ("image", "y", "x", "ky", "kx", "block")
        fields |= {f"{axis}_count": n for axis, n in zip(axes, rows + kernel, strict=True)}
        for _ in range(ATTEMPTS):
            # A walk of which some rows are outside of the image may leave the buffer there.
            walk = {f"{axis}_stride": draws.number(-4, 6) for axis in axes}
            walk |= {f"{axis}_step": draws.number(1, 3) for axis in ("y", "x", "ky", "kx")}
            walk |= {f"{axis}_origin": draws.number(-3, 2) for axis in "yx"}
            walk |= {"height": draws.number(1, 8), "width": draws.number(1, 8)}
            walk["row"] = draws.number(-4, self.needs.buffer_rows)
            operand = self._operand() | {"zero_point": draws.number(-128, 127)}
            if operand["format"] == Format.UINT8:
                operand["zero_point"] += 128
            if self.add(Opcode.MATMUL, **fields, **walk, **operand):
                return True
        return False

    def _drain(self, rows: int) -> bool:
        """Drain result rows by one instruction or two."""
        if rows > 1 and self.draws.chance(0.3):
            some = self.draws.number(1, rows - 1)
            return self._drain(some) and self._drain(rows - some)
        for _ in range(ATTEMPTS):
            fields = self.vectors.fields(rows)
            if fields and self.add(Opcode.VECTOR, **fields):
                return True
        return False


def random_program(needs: Requirements, source: np.random.Generator) -> Program:
    """Return a random program; the checker accepts it."""
    operations = int(source.integers(2, 20))
    return ProgramWriter(needs, source).program(operations)
