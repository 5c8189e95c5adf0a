"""The table of instructions: places that never overlap, bytes that decode to what was encoded."""

import os
import re

import numpy as np
import pytest

from benches.instructions import random_instruction, random_value
from weft.isa.codes import Format, Opcode, Unit
from weft.isa.fields import WORD_BITS, Field, Gap, placed
from weft.isa.instruction import WORD, Instruction
from weft.isa.instructions import KINDS
from weft.isa.kind import wait_name

OPCODES = list(KINDS)


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


@pytest.mark.parametrize("opcode", OPCODES, ids=lambda opcode: opcode.name)
def test_fields_do_not_overlap_and_stay_in_their_word(opcode):
    kind = KINDS[opcode]
    taken = set()
    for field in kind.fields:
        assert field.bit >= 0 and field.bit + field.width <= WORD_BITS
        assert field.word < kind.words
        bits = set(range(field.offset, field.offset + field.width))
        assert not taken & bits, field.name
        taken |= bits
        if field.codes is None:
            low, high = (-(1 << field.width - 1), (1 << field.width - 1) - 1)
            if not field.signed:
                low, high = 0, (1 << field.width) - 1
            assert low <= field.minimum <= field.maximum <= high
        else:
            assert max(field.codes) < 1 << field.width


def test_the_header_is_the_same_in_all_instructions():
    names = ["opcode", "tag", *(wait_name(unit) for unit in Unit)]
    places = {
        tuple((kind.by_name[name].word, kind.by_name[name].bit) for name in names)
        for kind in KINDS.values()
    }
    assert places == {((0, 0), (0, 16), (1, 0), (1, 8), (1, 16), (1, 24), (2, 0))}


@pytest.mark.parametrize("opcode", OPCODES, ids=lambda opcode: opcode.name)
def test_an_instruction_equals_its_decoded_bytes(opcode):
    draw = source()
    for _ in range(50):
        instruction = random_instruction(draw, opcode)
        data = instruction.encode()
        assert len(data) == instruction.kind.bytes == 32 * instruction.kind.units
        assert data[0] == opcode
        assert Instruction.decode(data) == instruction
        assert Instruction.decode(b"junk" + data, 4) == instruction


def test_each_field_is_at_its_place_in_the_bytes():
    """A field is found in the integer of all bytes, lowest first."""
    draw = source()
    for kind in KINDS.values():
        for field in kind.fields[1:]:
            value = random_value(draw, field)
            plain = Instruction.make(kind.opcode)
            changed = plain.replaced(**{field.name: value})
            before, after = (int.from_bytes(i.encode(), "little") for i in (plain, changed))
            old, new = (v & field.mask for v in (plain[field.name], value))
            assert after == before ^ (old ^ new) << field.offset, field.name


def test_waits_are_those_that_are_not_zero():
    given = {wait_name(Unit.LOAD): 3, wait_name(Unit.VECTOR): 255}
    assert Instruction.make(Opcode.STORE, **given).waits == {Unit.LOAD: 3, Unit.VECTOR: 255}


REFUSED = {
    "no such field": ({"rows": 1}, r"LOAD has no field rows: its fields are target, "),
    "opcode": ({"opcode": 1}, r"LOAD has no field opcode"),
    "too large": ({"row": 1 << 20}, r"LOAD: row must be an integer from 0 to 1048575, not 1048576"),
    "zero count": ({"lines": 0}, r"LOAD: lines must be an integer from 1 to 65535, not 0"),
    "not an integer": ({"row": 1.0}, r"LOAD: row must be an integer from 0 to 1048575, not 1\.0"),
    "code": ({"target": 4}, r"LOAD: target must be one of buffer, parameters, .*, not 4"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_illegal_fields_are_refused_in_one_sentence(case):
    given, sentence = REFUSED[case]
    with pytest.raises(ValueError, match=f"^{sentence}") as refusal:
        Instruction.make(Opcode.LOAD, **given)
    assert "\n" not in str(refusal.value)


def test_bytes_that_are_no_instruction_are_refused():
    data = bytearray(Instruction.make(Opcode.STORE).encode())
    with pytest.raises(ValueError, match=r"^STORE must have 32 bytes, but only 31 are left$"):
        Instruction.decode(bytes(data[:31]))
    with pytest.raises(ValueError, match=r"^the program ends in front of an instruction"):
        Instruction.decode(bytes(data), 32)
    for at, value, sentence in (
        (0, 0, r"opcode must be one of 0x01 \(HALT\), .*, not 0x00$"),
        (1, 1, r"STORE: unused bits of word 0 must be zero, not 0x00000100$"),
        (20, 0, r"STORE: lines must be an integer from 1 to 65535, not 0$"),
    ):
        broken = bytearray(data)
        broken[at] = value
        with pytest.raises(ValueError, match=f"^{sentence}"):
            Instruction.decode(bytes(broken))
    words = np.frombuffer(Instruction.make(Opcode.WEIGHTS).encode(), WORD).copy()
    words[0] |= 7 << 11
    with pytest.raises(ValueError, match=r"^WEIGHTS: format must be one of int8, .*, not 7$"):
        Instruction.decode(words.tobytes())


def test_words_with_too_many_bits_or_equal_names_are_refused():
    one = Field(name="one", meaning="", width=20)
    with pytest.raises(ValueError, match=r"^word 1 must have at most 32 bits, not 33$"):
        placed(((), (one, Gap(13))))
    with pytest.raises(ValueError, match=r"^a field is listed twice: one$"):
        placed(((one,), (one,)))


@pytest.mark.parametrize("number", Format, ids=lambda number: number.name)
def test_formats_have_a_width_and_a_range(number):
    match = re.fullmatch(r"(U?)INT(\d+)", number.name)
    if match:
        width = int(match[2])
        assert (number.width, number.signed) == (width, not match[1])
        assert number.maximum - number.minimum == (1 << width) - 1
        assert number.minimum == (0 if match[1] else -(1 << width - 1))
    else:
        assert number.width in (8, 16, 32)
