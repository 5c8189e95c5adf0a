"""Requirements: what a program needs of a machine; the header of a program."""

import dataclasses
from dataclasses import dataclass

from ..checks import check, checked_integer
from .fields import UNIT_BYTES, WORD_BITS, Field, placed
from .kind import MOST_ENTRIES, MOST_LANES, MOST_ROWS, MOST_TABLES, REGIONS

MAGIC = int.from_bytes(b"WFTP", "little")
VERSION = 1


def _number(name: str, meaning: str, width: int, *, low: int = 0, high: int | None = None) -> Field:
    return Field(name=name, meaning=meaning, width=width, low=low, high=high, default=low)


_NEEDS = (
    (
        Field(
            name="lanes",
            meaning="N: lanes of a buffer row and sides of the array; a multiple of 4.",
            width=16,
            low=4,
            high=MOST_LANES,
            default=4,
        ),
        Field(
            name="operand_width",
            meaning="Bits of an operand in a buffer row.",
            width=8,
            low=8,
            high=16,
            default=8,
        ),
    ),
    (
        _number("queue_slots", "Unfinished instructions that each unit holds.", 8, low=1),
        _number("fifo_tiles", "Tiles in the weight FIFO.", 8, low=1),
        _number(
            "result_rows",
            "Result rows between the matrix and the vector unit.",
            16,
            low=1,
            high=MOST_ENTRIES,
        ),
    ),
    (_number("buffer_rows", "Rows of the buffer.", 32, low=1, high=MOST_ROWS),),
    (
        _number("accumulators", "Rows of accumulators.", 16, low=1, high=MOST_ENTRIES),
        _number("parameter_rows", "Rows of N parameter records.", 16, high=MOST_ENTRIES),
    ),
    (
        _number("tables", "Tables of 256 words.", 16, high=MOST_TABLES),
        _number("row_scalars", "Row scalars.", 16, high=MOST_ENTRIES),
    ),
    (
        _number("readable", "Regions that are read, one bit for each.", REGIONS),
        _number("writable", "Regions that are written, one bit for each.", REGIONS),
    ),
    *(
        (_number(f"region_{number}", f"Bytes of region {number}.", 32),)
        for number in range(REGIONS)
    ),
)
HEADER_FIELDS = placed(
    (
        (
            Field(
                name="magic",
                meaning='The bytes "WFTP".',
                width=WORD_BITS,
                low=MAGIC,
                high=MAGIC,
                default=MAGIC,
            ),
        ),
        (
            Field(
                name="version",
                meaning="Version of the instruction set.",
                width=16,
                low=VERSION,
                high=VERSION,
                default=VERSION,
            ),
        ),
        (_number("units", f"Units of {UNIT_BYTES} bytes after the header.", WORD_BITS, low=1),),
        (
            _number(
                "crc", "CRC-32 of the program (polynomial 0x04c11db7), with this word zero.", 32
            ),
        ),
        *_NEEDS,
    )
)
# Three units of 32 bytes.
HEADER_WORDS = 24
HEADER_BYTES = HEADER_WORDS * WORD_BITS // 8
HEADER_BY_NAME = {field.name: field for field in HEADER_FIELDS}


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a program needs of a machine.

    `lanes` and `operand_width` must be equal to the machine's. Of everything else, the machine
    must have at least as much.

    Parameters
    ----------
    lanes, operand_width, queue_slots, fifo_tiles, result_rows, buffer_rows, accumulators : int
    parameter_rows, tables, row_scalars : int
    regions : tuple of int
        Bytes of each region of the memory; up to 8 regions.
    readable, writable : tuple of int
        Numbers of the regions that the program reads and writes.

    Raises
    ------
    ValueError
        With one sentence that names the field, its value and the legal values.
    """

    lanes: int
    operand_width: int = 8
    queue_slots: int
    fifo_tiles: int
    result_rows: int
    buffer_rows: int
    accumulators: int
    parameter_rows: int = 0
    tables: int = 0
    row_scalars: int = 0
    regions: tuple[int, ...] = ()
    readable: tuple[int, ...] = ()
    writable: tuple[int, ...] = ()

    def __post_init__(self):
        for name in NUMBERS:
            HEADER_BY_NAME[name].checked(getattr(self, name))
        check(self.lanes % 4 == 0, f"lanes must be a multiple of 4, not {self.lanes}")
        check(
            len(self.regions) <= REGIONS,
            f"a program must have at most {REGIONS} regions, not {len(self.regions)}",
        )
        object.__setattr__(self, "regions", (*self.regions, *[0] * (REGIONS - len(self.regions))))
        for number, size in enumerate(self.regions):
            HEADER_BY_NAME[f"region_{number}"].checked(size)
        for name in ("readable", "writable"):
            for region in getattr(self, name):
                checked_integer(f"a region in {name}", region, low=0, high=REGIONS - 1)
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))

    @property
    def row_bytes(self) -> int:
        """Bytes of a buffer row."""
        return self.lanes * self.operand_width // 8

    def values(self) -> dict[str, int]:
        """Return the values of the fields of a header."""
        return {
            **{name: getattr(self, name) for name in NUMBERS},
            **{f"region_{number}": size for number, size in enumerate(self.regions)},
            "readable": sum(1 << region for region in self.readable),
            "writable": sum(1 << region for region in self.writable),
        }

    @classmethod
    def of(cls, values: dict[str, int]) -> "Requirements":
        """Return the requirements that the fields of a header hold."""
        named = {
            name: tuple(region for region in range(REGIONS) if values[name] >> region & 1)
            for name in ("readable", "writable")
        }
        regions = tuple(values[f"region_{number}"] for number in range(REGIONS))
        return cls(**{name: values[name] for name in NUMBERS}, regions=regions, **named)


# Fields that are plain numbers.
NUMBERS = tuple(field.name for field in dataclasses.fields(Requirements))[:-3]
