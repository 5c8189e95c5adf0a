"""Kind: the format of one instruction, and the fields of which such formats are made."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .codes import Opcode, Unit
from .fields import UNIT_BYTES, UNIT_WORDS, Field, Gap, placed

# Bits of the numbers of buffer rows and of strides in buffer rows.
ROW_BITS = 20
# Most rows of a buffer. The row of a MATMUL is signed, because with padding it can be in front of
# the buffer.
MOST_ROWS = 1 << (ROW_BITS - 1)
# Bits of the numbers of accumulators, parameter rows and row scalars.
INDEX_BITS = 12
MOST_ENTRIES = 1 << INDEX_BITS
TABLE_BITS = 4
# A field of 0 names no table.
MOST_TABLES = (1 << TABLE_BITS) - 1
MOST_LANES = 256
REGIONS = 8
MOST_WAIT = 255
# After so many instructions, the sequencer waits until all have finished.
DRAIN_INTERVAL = (1 << 15) - 1


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of instruction.

    Parameters
    ----------
    opcode : Opcode
    unit : Unit, optional
        The unit that executes it; None for the sequencer itself.
    units : int
        Length in units of 32 bytes.
    meaning : str
    fields : tuple of Field
        Header included, in order of their places.
    """

    opcode: Opcode
    unit: Unit | None
    units: int
    meaning: str
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        return self.opcode.name

    @property
    def words(self) -> int:
        """Length in words of 32 bits."""
        return self.units * UNIT_WORDS

    @property
    def bytes(self) -> int:
        """Length in bytes."""
        return self.units * UNIT_BYTES

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def free_fields(self) -> dict[str, Field]:
        """Fields other than the opcode, by name."""
        return {name: field for name, field in self.by_name.items() if name != "opcode"}

    @cached_property
    def defaults(self) -> dict[str, int]:
        return {field.name: field.default for field in self.fields} | {"opcode": self.opcode}


def wait_name(unit: Unit) -> str:
    """Return the name of the field that waits for a unit."""
    return f"wait_{unit.name.lower()}"


def _wait(unit: Unit) -> Field:
    meaning = (
        f"0: no wait. k: start when at most k - 1 of the {unit.name} instructions before this one "
        "in the program are unfinished."
    )
    return Field(name=wait_name(unit), meaning=meaning, width=8)


def kind_of(
    opcode: Opcode,
    meaning: str,
    *,
    unit: Unit | None,
    units: int,
    flags: Sequence[Field | Gap] = (),
    head: Sequence[Field | Gap] = (),
    words: Sequence[Sequence[Field | Gap]] = (),
) -> Kind:
    """Return a kind of instruction; `flags` have 8 bits of word 0, `head` 24 bits of word 2."""
    spare = Gap(8 - sum(part.width for part in flags))
    header = (
        (
            Field(name="opcode", meaning="Kind of the instruction.", width=8),
            *flags,
            spare,
            Field(name="tag", meaning="Free for the compiler; shown in traces.", width=16),
        ),
        tuple(_wait(waited) for waited in tuple(Unit)[:4]),
        (_wait(Unit.VECTOR), *head),
    )
    return Kind(
        opcode=opcode, unit=unit, units=units, meaning=meaning, fields=placed((*header, *words))
    )


def row_field(name: str, meaning: str) -> Field:
    """Return the number of a buffer row."""
    return Field(name=name, meaning=meaning, width=ROW_BITS)


def stride(name: str, meaning: str) -> Field:
    """Return a distance in buffer rows."""
    return Field(name=name, meaning=meaning, width=ROW_BITS, signed=True)


def count(name: str, meaning: str, width: int = 16, high: int | None = None) -> Field:
    """Return a number of steps: at least 1."""
    return Field(name=name, meaning=meaning, width=width, low=1, high=high, default=1)


def index(name: str, meaning: str, *, signed: bool = False) -> Field:
    """Return the number of an accumulator, parameter row or row scalar; or a distance, signed."""
    return Field(name=name, meaning=meaning, width=INDEX_BITS, signed=signed)


def int16(name: str, meaning: str, default: int = 0) -> Field:
    """Return a number of 16 bits."""
    return Field(name=name, meaning=meaning, width=16, signed=True, default=default)


def pitch(name: str, meaning: str) -> Field:
    """Return a distance, or another number, of 32 bits."""
    return Field(name=name, meaning=meaning, width=32, signed=True)


def flag(name: str, meaning: str) -> Field:
    """Return a bit."""
    return Field(name=name, meaning=meaning, width=1)
