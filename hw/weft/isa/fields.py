"""Field and Word: the parts of which the formats of instructions and headers are made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from ..checks import check, checked_integer, described

WORD_BITS = 32
UNIT_WORDS = 8
UNIT_BYTES = UNIT_WORDS * WORD_BITS // 8


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of an instruction or of a header; it never crosses a 32-bit word.

    Parameters
    ----------
    name, meaning : str
    width : int
        Bits, 1 to 32.
    signed : bool
        Two's complement.
    low, high : int, optional
        Legal range of the value, both included; by default all values of the width.
    default : int
        The value that an assembly text may leave out.
    codes : type of IntEnum, optional
        Legal values with names.
    word, bit : int
        Place: the word, and the lowest bit in that word.
    """

    name: str
    meaning: str
    width: int
    signed: bool = False
    low: int | None = None
    high: int | None = None
    default: int = 0
    codes: type[IntEnum] | None = None
    word: int = 0
    bit: int = 0

    @property
    def minimum(self) -> int:
        """Smallest legal value."""
        if self.low is not None:
            return self.low
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest legal value."""
        return (1 << (self.width - self.signed)) - 1 if self.high is None else self.high

    @property
    def offset(self) -> int:
        """Lowest bit, counted from the start of the instruction or header."""
        return self.word * WORD_BITS + self.bit

    @property
    def mask(self) -> int:
        return (1 << self.width) - 1

    @property
    def legal(self) -> str:
        """Legal values in words."""
        if self.codes is not None:
            return ", ".join(code.name.lower() for code in self.codes)
        return f"{self.minimum:,} to {self.maximum:,}"

    def checked(self, value: object) -> int:
        """Return a legal value as an int; raise ValueError with one sentence for others."""
        if self.codes is not None:
            if not isinstance(value, int) or value not in iter(self.codes):
                raise ValueError(f"{self.name} must be one of {self.legal}, not {described(value)}")
            return int(value)
        return checked_integer(self.name, value, low=self.minimum, high=self.maximum)

    def of(self, word: int) -> int:
        """Return the value of this field in a word."""
        raw = word >> self.bit & self.mask
        negative = self.signed and raw >> (self.width - 1)
        return raw - (1 << self.width) if negative else raw

    def text(self, value: int) -> str:
        """Return a value as an assembly text has it."""
        return str(value) if self.codes is None else self.codes(value).name.lower()

    def parse(self, text: str) -> int:
        """Return the value of a text; raise ValueError with one sentence if there is none."""
        if self.codes is not None:
            names = {code.name.lower(): int(code) for code in self.codes}
            check(text in names, f"{self.name} must be one of {self.legal}, not {text!r}")
            return names[text]
        try:
            value = int(text, 0)
        except ValueError:
            raise ValueError(f"{self.name} must be an integer, not {text!r}") from None
        return self.checked(value)


@dataclass(frozen=True)
class Gap:
    """Unused bits between two fields of a word; they are zero."""

    width: int


def code(name: str, codes: type[IntEnum], width: int, meaning: str) -> Field:
    """Return a field that holds one of a set of codes."""
    return Field(name=name, meaning=meaning, width=width, codes=codes)


def placed(words: Iterable[Sequence[Field | Gap]]) -> tuple[Field, ...]:
    """Return the fields of words, given from the lowest bit up, each with its place.

    Raises
    ------
    ValueError
        If a word has more than 32 bits, or two fields have the same name.
    """
    fields: list[Field] = []
    for number, parts in enumerate(words):
        bit = 0
        for part in parts:
            if isinstance(part, Field):
                fields.append(replace(part, word=number, bit=bit))
            bit += part.width
        check(bit <= WORD_BITS, f"word {number} must have at most {WORD_BITS} bits, not {bit}")
    names = [field.name for field in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    check(not twice, f"a field is listed twice: {', '.join(twice)}")
    return tuple(fields)


def used_bits(fields: Iterable[Field], words: int) -> list[int]:
    """Return, for each word, the bits that belong to a field."""
    used = [0] * words
    for field in fields:
        used[field.word] |= field.mask << field.bit
    return used
