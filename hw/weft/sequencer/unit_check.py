"""UnitCheck: find illegal bits and values in 32 bytes of an instruction."""

from typing import NamedTuple

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..isa.fields import UNIT_WORDS, WORD_BITS, Field, used_bits
from ..isa.instructions import KINDS
from ..isa.kind import Kind
from .ports import UNIT_BITS


class Part(NamedTuple):
    """32 bytes of a kind of instruction, by their number."""

    kind: Kind
    number: int

    @property
    def is_last(self) -> bool:
        return self.number == self.kind.units - 1


# The parts of a kind follow each other.
PARTS = tuple(Part(kind, number) for kind in KINDS.values() for number in range(kind.units))


class UnitCheck(wiring.Component):
    """Compare 32 bytes with the fields of the part of an instruction that they are.

    Latency 0 cycles.

    Members
    -------
    bits : 32 bytes, in
    part : one bit for each of PARTS, in
    unused : one bit per word, out. Bits of this word that belong to no field are not zero.
    illegal : one bit per word, out. A field of this word has an illegal value.
    """

    def __init__(self):
        super().__init__(
            {
                "bits": In(UNIT_BITS),
                "part": In(len(PARTS)),
                "unused": Out(UNIT_WORDS),
                "illegal": Out(UNIT_WORDS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        words = [self.bits.word_select(word, WORD_BITS) for word in range(UNIT_WORDS)]
        for word, bits in enumerate(words):
            unused, illegal = [], []
            for part, chosen in zip(PARTS, self.part, strict=True):
                kind, place = part.kind, part.number * UNIT_WORDS + word
                spare = ~used_bits(kind.fields, kind.words)[place] & ((1 << WORD_BITS) - 1)
                unused.append(chosen & (bits & spare).any())
                fields = [field for field in kind.fields if field.word == place]
                illegal.append(chosen & Cat(*[is_illegal(field, bits) for field in fields]).any())
            m.d.comb += [
                self.unused[word].eq(Cat(*unused).any()),
                self.illegal[word].eq(Cat(*illegal).any()),
            ]
        return m


def is_illegal(field: Field, word: Value) -> Value:
    """Return whether the value of a field in its word is illegal.

    The decoder checks opcodes: this accepts all of them.
    """
    bits = word[field.bit : field.bit + field.width]
    if field.codes is not None:
        codes = {int(code) for code in field.codes}
        others = [code for code in range(1 << field.width) if code not in codes]
        return Cat(*[bits == code for code in others]).any()
    value = bits.as_signed() if field.signed else bits
    every = Field(name=field.name, meaning="", width=field.width, signed=field.signed)
    return Cat(
        *([value < field.minimum] if field.minimum > every.minimum else []),
        *([value > field.maximum] if field.maximum < every.maximum else []),
    ).any()
