"""UnitCheck: it finds the words with faults that the table of fields says."""

import cocotb

from benches.coroutines import TIMEOUT, randomness, read, start, tick
from benches.decoder_model import is_legal, random_units
from weft.isa.fields import UNIT_BYTES, UNIT_WORDS, WORD_BITS, used_bits
from weft.isa.instruction import Instruction
from weft.sequencer.unit_check import PARTS, Part, UnitCheck


def test_unit_check(simulate):
    simulate([finds_every_illegal_word], UnitCheck)


def faults(part: Part, unit: int) -> tuple[int, int]:
    """Return the words with unused bits and with illegal fields, one bit for each."""
    kind, unused, illegal = part.kind, 0, 0
    for word in range(UNIT_WORDS):
        place = part.number * UNIT_WORDS + word
        bits = unit >> (WORD_BITS * word) & ((1 << WORD_BITS) - 1)
        unused |= bool(bits & ~used_bits(kind.fields, kind.words)[place]) << word
        fields = [f for f in kind.fields if f.word == place and f.name != "opcode"]
        illegal |= (not all(is_legal(f, f.of(bits)) for f in fields)) << word
    return unused, illegal


@cocotb.test(**TIMEOUT)
async def finds_every_illegal_word(dut):
    """Checks legal units, units with every single bit inverted, and random ones."""
    source = randomness()
    await start(dut)
    for number, part in enumerate(PARTS):
        legal = Instruction.make(part.kind.opcode).encode()[part.number * UNIT_BYTES :]
        base = int.from_bytes(legal[:UNIT_BYTES], "little")
        units = [0, base, *(base ^ 1 << bit for bit in range(8 * UNIT_BYTES))]
        units += [source.getrandbits(8 * UNIT_BYTES) & base_mask(source) for _ in range(50)]
        units += random_units(source, 10)
        dut.part.value = 1 << number
        for unit in units:
            dut.bits.value = unit
            await tick(dut)
            got = read(dut, "unused"), read(dut, "illegal")
            assert got == faults(part, unit), f"{part.kind.name}, part {part.number}, {unit:#x}"


def base_mask(source) -> int:
    """Return a mask that keeps few or many bits."""
    mask = source.getrandbits(8 * UNIT_BYTES)
    return mask & source.getrandbits(8 * UNIT_BYTES) if source.getrandbits(1) else mask
