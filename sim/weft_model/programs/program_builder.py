"""ProgramBuilder: collects the instructions of a program, its constants, and the places it uses."""

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from weft.checks import check
from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode, Target
from weft.isa.instruction import Instruction
from weft.isa.kind import REGIONS
from weft.isa.program import Program

from ..core.hazards import with_waits
from ..core.walks import TABLE_BYTES
from .requantization import RECORD

# Regions of the memory. The last one keeps its contents from one execution to the next.
INPUTS, CONSTANTS, OUTPUTS, STATE = range(4)
# Constants begin at a multiple of the longest beat of the memory bus.
ALIGNMENT = 128


@dataclass(frozen=True, kw_only=True)
class PlacedArray:
    """Where an int8 array is in the memory.

    Parameters
    ----------
    region, offset : int
        `offset` is its first byte.
    shape : tuple of int
    margins : pair of int
        Pixels in front of each line and after it; the last two axes are pixels and channels.
    fill : int
        What the margins hold.
    """

    region: int
    offset: int
    shape: tuple[int, ...]
    margins: tuple[int, int] = (0, 0)
    fill: int = 0

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape with the margins."""
        *others, pixels, channels = self.shape
        return (*others, pixels + sum(self.margins), channels)

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.stored_shape)

    def read(self, memory: list[np.ndarray]) -> np.ndarray:
        """Return a copy of the array."""
        data = memory[self.region][self.offset : self.offset + self.size].view(np.int8)
        first = self.margins[0]
        return data.reshape(self.stored_shape)[..., first : first + self.shape[-2], :].copy()

    def write(self, memory: list[np.ndarray], values: np.ndarray) -> None:
        """Replace the array.

        Raises
        ------
        ValueError
            If the values are not int8 of its shape.
        """
        check(
            values.shape == self.shape and values.dtype == np.int8,
            f"the array must be int8 of shape {self.shape}, not {values.dtype} of {values.shape}",
        )
        widths = [(0, 0)] * (len(self.shape) - 2)
        padded = np.pad(values, [*widths, self.margins, (0, 0)], constant_values=self.fill)
        memory[self.region][self.offset : self.offset + self.size] = padded.view(np.uint8).ravel()


@dataclass(frozen=True, kw_only=True, eq=False)
class BuiltProgram:
    """A program with its constants, and where its operands are in the memory.

    Parameters
    ----------
    program : Program
    constants : ndarray of uint8
        The region of this name.
    inputs, outputs, state : tuple of PlacedArray
    """

    program: Program
    constants: np.ndarray
    inputs: tuple[PlacedArray, ...]
    outputs: tuple[PlacedArray, ...]
    state: tuple[PlacedArray, ...]

    def memory(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Return the memory at the start, uint8 regions; the state is zero."""
        memory = [np.zeros(size, np.uint8) for size in self.program.requirements.regions]
        memory[CONSTANTS][:] = self.constants
        for place, values in zip(self.inputs, inputs, strict=True):
            place.write(memory, values)
        return memory

    def counts(self) -> dict[str, int]:
        """Return how many instructions of each kind there are, by name."""
        return dict(Counter(one.kind.name for one in self.program.instructions))

    def results(self, memory: list[np.ndarray]) -> list[np.ndarray]:
        """Return the outputs, after the program has ended."""
        return [place.read(memory) for place in self.outputs]


class _ParameterRows:
    """Rows of parameters that are used in turn; the oldest contents are replaced first.

    Parameters
    ----------
    rows : int
    """

    def __init__(self, rows: int):
        self.rows = rows
        self._next = 0
        # First byte in the memory of what the rows hold: its first row, and the row after it.
        self._held: dict[int, tuple[int, int]] = {}

    def find(self, offset: int) -> int | None:
        """Return the first row of contents that are still there."""
        return self._held[offset][0] if offset in self._held else None

    def add(self, offset: int, count: int) -> int:
        """Return the first of some rows for new contents."""
        first = self._next if self._next + count <= self.rows else 0
        self._next = first + count
        kept = {
            o: rows for o, rows in self._held.items() if rows[1] <= first or rows[0] >= self._next
        }
        self._held = {**kept, offset: (first, self._next)}
        return first


class ProgramBuilder:
    """Collects a program in program order; its waits are added at the end.

    Parameters
    ----------
    core : CoreConfig
    """

    def __init__(self, core: CoreConfig):
        self.core = core
        self.needs = core.capacity
        self.lanes = core.lanes
        self.tag = 0
        self._body: list[Instruction] = []
        self._constants = bytearray()
        self._offsets: dict[bytes, int] = {}
        self._placed: dict[int, list[PlacedArray]] = {INPUTS: [], OUTPUTS: [], STATE: []}
        self._rows = 0
        self._parameters = _ParameterRows(self.needs.parameter_rows)
        # First byte in the memory of each table that is in the core: its number.
        self._tables: dict[int, int] = {}

    def emit(self, opcode: Opcode, /, **fields: int) -> None:
        """Append an instruction; its tag is that of the layer."""
        self._body.append(Instruction.make(opcode, tag=self.tag, **fields))

    def rows(self, count: int) -> int:
        """Return the first of some buffer rows that nothing else uses.

        Raises
        ------
        ValueError
            If the buffer has too few rows.
        """
        first, has = self._rows, self.needs.buffer_rows
        check(
            first + count <= has,
            f"the program needs a buffer of at least {first + count:,} rows, not {has:,}",
        )
        self._rows += count
        return first

    @property
    def free_rows(self) -> int:
        """Buffer rows that nothing uses yet."""
        return self.needs.buffer_rows - self._rows

    def blocks(self, channels: int) -> int:
        """Return the rows of a pixel: blocks of N channels."""
        return -(-channels // self.lanes)

    def valid(self, channels: int, block: int) -> int:
        """Return the channels of a block."""
        return min(self.lanes, channels - block * self.lanes)

    def array(
        self,
        region: int,
        shape: tuple[int, ...],
        *,
        margins: tuple[int, int] = (0, 0),
        fill: int = 0,
    ) -> PlacedArray:
        """Return a place for an input, an output or state; see `PlacedArray`."""
        placed = self._placed[region]
        offset = aligned(placed[-1].offset + placed[-1].size if placed else 0)
        array = PlacedArray(region=region, offset=offset, shape=shape, margins=margins, fill=fill)
        placed.append(array)
        return array

    def constant(self, data: bytes) -> int:
        """Add constants to the memory, unless they are there, and return their first byte."""
        if data not in self._offsets:
            self._constants += bytes(aligned(len(self._constants)) - len(self._constants))
            self._offsets[data] = len(self._constants)
            self._constants += data
        return self._offsets[data]

    def parameters(self, offset: int, channels: int) -> int:
        """Return the first parameter row of records in the memory; load them if they are not there.

        They stay until as many parameter rows as the core has were asked for.
        """
        row = self._parameters.find(offset)
        if row is None:
            row = self._parameters.add(offset, self.blocks(channels))
            size = channels * RECORD.itemsize
            source = {"region": CONSTANTS, "offset": offset, "bytes": size}
            self.emit(Opcode.LOAD, target=Target.PARAMETERS, row=row, **source)
        return row

    def tables(self, *functions: np.ndarray) -> list[int]:
        """Return the numbers of tables, counted from 1, for the fields of one VECTOR.

        Those that the core does not have yet replace the ones that were used longest ago.

        Parameters
        ----------
        functions : ndarrays of integers, (256,)
            Entries of -128 to 127.

        Raises
        ------
        ValueError
            If the core has fewer tables.
        """
        check(
            len(functions) <= self.needs.tables,
            f"the program needs at least {len(functions)} tables, not {self.needs.tables}",
        )
        return [self._table(np.roll(values, 128).astype("<i4").tobytes()) for values in functions]

    def _table(self, data: bytes) -> int:
        offset, source = self.constant(data), {"region": CONSTANTS, "bytes": TABLE_BYTES}
        number = self._tables.pop(offset, None)
        if number is None:
            number = len(self._tables) + 1
            if number > self.needs.tables:
                number = self._tables.pop(next(iter(self._tables)))
            self.emit(Opcode.LOAD, target=Target.TABLES, row=number - 1, offset=offset, **source)
        # Dictionaries keep the order of insertion.
        self._tables[offset] = number
        return number

    def finish(self) -> BuiltProgram:
        """Return the program, with HALT and its waits."""
        body = (*self._body, Instruction.make(Opcode.HALT))
        sizes = {CONSTANTS: len(self._constants)}
        for region, placed in self._placed.items():
            sizes[region] = placed[-1].offset + placed[-1].size if placed else 0
        used = {region for region, size in sizes.items() if size}
        needs = dataclasses.replace(
            self.needs,
            regions=tuple(sizes.get(region, 0) for region in range(REGIONS)),
            readable=tuple(used - {OUTPUTS}),
            writable=tuple(used & {OUTPUTS, STATE}),
        )
        return BuiltProgram(
            program=with_waits(Program(needs, body)),
            constants=np.frombuffer(bytes(self._constants), np.uint8),
            inputs=tuple(self._placed[INPUTS]),
            outputs=tuple(self._placed[OUTPUTS]),
            state=tuple(self._placed[STATE]),
        )


def aligned(offset: int) -> int:
    """Return the first place from `offset` on where constants can begin."""
    return -(-offset // ALIGNMENT) * ALIGNMENT
