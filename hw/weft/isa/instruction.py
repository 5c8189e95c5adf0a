"""Instruction: one instruction of a program, and its bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from ..checks import check, described
from .codes import Opcode, Unit
from .fields import WORD_BITS, used_bits
from .instructions import KINDS
from .kind import Kind, wait_name

WORD = np.dtype("<u4")
_WAITS = {unit: wait_name(unit) for unit in Unit}
_USED = {kind.opcode: used_bits(kind.fields, kind.words) for kind in KINDS.values()}


@dataclass(frozen=True, eq=False)
class Instruction:
    """One instruction; `instruction["row"]` is the value of a field.

    Parameters
    ----------
    kind : Kind
    values : mapping of str to int
        The value of every field; `make` and `decode` return instructions whose values are legal.
    """

    kind: Kind
    values: Mapping[str, int]

    @classmethod
    def make(cls, opcode: Opcode, /, **given: int) -> "Instruction":
        """Return an instruction; fields that are not given have their defaults.

        Raises
        ------
        ValueError
            With one sentence that names the instruction, the field and its legal values.
        """
        kind = KINDS[opcode]
        return cls(kind, MappingProxyType(kind.defaults | _checked(kind, given)))

    def __getitem__(self, name: str) -> int:
        return self.values[name]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Instruction):
            return NotImplemented
        return self.kind is other.kind and self.values == other.values

    def __hash__(self) -> int:
        return hash(tuple(self.values.values()))

    def __repr__(self) -> str:
        given = (f"{n}={v}" for n, v in self.values.items() if v != self.kind.defaults[n])
        return f"Instruction.make({self.kind.name}, {', '.join(given)})"

    def replaced(self, **given: int) -> "Instruction":
        """Return this instruction with other values of some fields; raises as `make` does."""
        values = {**self.values, **_checked(self.kind, given)}
        return Instruction(self.kind, MappingProxyType(values))

    @property
    def opcode(self) -> Opcode:
        return self.kind.opcode

    @property
    def unit(self) -> Unit | None:
        return self.kind.unit

    @cached_property
    def waits(self) -> dict[Unit, int]:
        """Waits that are not zero, by unit."""
        return {unit: self.values[name] for unit, name in _WAITS.items() if self.values[name]}

    def encode(self) -> bytes:
        """Return the bytes of the instruction."""
        words = [0] * self.kind.words
        for field in self.kind.fields:
            words[field.word] |= (self.values[field.name] & field.mask) << field.bit
        return np.array(words, WORD).tobytes()

    @classmethod
    def decode(cls, data: bytes, at: int = 0) -> "Instruction":
        """Return the instruction that begins at byte `at`.

        Raises
        ------
        ValueError
            With one sentence, if it has an unknown opcode, is cut off, has an illegal value, or a
            bit that is neither zero nor part of a field.
        """
        check(at < len(data), "the program ends in front of an instruction: it must end with HALT")
        number = data[at]
        check(
            number in set(Opcode),
            f"opcode must be one of {', '.join(f'{o:#04x} ({o.name})' for o in Opcode)}, "
            f"not {number:#04x}",
        )
        kind = KINDS[Opcode(number)]
        check(
            len(data) - at >= kind.bytes,
            f"{kind.name} must have {kind.bytes} bytes, but only {len(data) - at} are left",
        )
        words = np.frombuffer(data, WORD, kind.words, at).tolist()
        for place, (word, used) in enumerate(zip(words, _USED[kind.opcode], strict=True)):
            check(
                not word & ~used,
                f"{kind.name}: unused bits of word {place} must be zero, not "
                f"{word & ~used:#0{2 + WORD_BITS // 4}x}",
            )
        values = {field.name: field.of(words[field.word]) for field in kind.fields}
        for field in kind.fields:
            value = values[field.name]
            if field.codes is not None or not field.minimum <= value <= field.maximum:
                try:
                    field.checked(value)
                except ValueError as error:
                    raise ValueError(f"{kind.name}: {error}") from None
        return cls(kind, MappingProxyType(values))


def _checked(kind: Kind, given: Mapping[str, int]) -> dict[str, int]:
    """Return values of fields that are legal."""
    values = {}
    for name, value in given.items():
        field = kind.free_fields.get(name)
        if field is None:
            fields = ", ".join(kind.free_fields)
            raise ValueError(f"{kind.name} has no field {name}: its fields are {fields}")
        try:
            values[name] = field.checked(value)
        except ValueError as error:
            raise ValueError(f"{kind.name}: {error}") from None
    return values


def check_instruction(value: object) -> None:
    """Raise TypeError unless the value is an Instruction."""
    if not isinstance(value, Instruction):
        raise TypeError(f"a program must hold instructions, not {described(value)}")
