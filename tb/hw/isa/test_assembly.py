"""The text form of programs: it comes back as the same program, and mistakes name their line."""

import os

import numpy as np
import pytest

from benches.instructions import random_program
from weft.isa.assembly import assemble, disassemble
from weft.isa.codes import Opcode

HEAD = (
    ".needs lanes=4 queue_slots=2 fifo_tiles=2 result_rows=16 buffer_rows=64 accumulators=16\n"
    ".region 1 bytes=0x40 read write\n"
)


def test_a_text_comes_back_as_the_same_program():
    draw = np.random.default_rng(int(os.environ["SEED"]))
    for length in (0, 1, 40):
        program = random_program(draw, length)
        text = disassemble(program)
        assert assemble(text) == program
        assert disassemble(assemble(text)) == text


def test_a_program_as_people_write_it():
    program = assemble(
        HEAD
        + """
        # Two rows through the buffer.
        LOAD  region=1 lines=2 bytes=4 line_pitch=0x10
        STORE region=1 row=1 bytes=4 wait_load=1   # the second row
        HALT
        """
    )
    load, store, halt = program.instructions
    assert (load.opcode, store.opcode, halt.opcode) == (Opcode.LOAD, Opcode.STORE, Opcode.HALT)
    assert (load["lines"], load["line_pitch"], store["row"], store["wait_load"]) == (2, 16, 1, 1)
    needs = program.requirements
    assert (needs.regions[:2], needs.readable, needs.writable) == ((0, 64), (1,), (1,))
    assert needs.operand_width == 8


MISTAKES = {
    "instruction": ("JUMP", r"line 3: an instruction must be one of HALT, LOAD, .*, not JUMP"),
    "field": ("LOAD rows=1", r"line 3: LOAD has no field rows: its fields are target,"),
    "opcode": ("LOAD opcode=1", r"line 3: LOAD has no field opcode"),
    "range": ("LOAD row=-1", r"line 3: LOAD: row must be an integer from 0 to 1048575, not -1"),
    "number": ("LOAD row=one", r"line 3: LOAD: row must be an integer, not 'one'"),
    "code": ("LOAD target=disk", r"line 3: LOAD: target must be one of buffer, .*, not 'disk'"),
    "twice": ("LOAD row=1 row=1", r"line 3: row is given twice"),
    "no value": ("LOAD row", r"line 3: write name=value, not 'row'"),
    "region": (".region 8 bytes=1", r"line 3: write \.region NUMBER bytes=SIZE, NUMBER from 0 to"),
    "region twice": (".region 1 bytes=1", r"line 3: region 1 is listed twice"),
    "need": (".needs speed=1", r"line 3: \.needs has no speed: it takes lanes, "),
    "no HALT": ("LOAD", r"a program must end with HALT, but has none"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_name_their_line(case):
    line, sentence = MISTAKES[case]
    with pytest.raises(ValueError, match=f"^{sentence}") as refusal:
        assemble(HEAD + line)
    assert "\n" not in str(refusal.value)


def test_sizes_without_a_default_must_be_stated():
    with pytest.raises(ValueError, match=r"^\.needs must state queue_slots, buffer_rows$"):
        assemble(".needs lanes=4 fifo_tiles=2 result_rows=16 accumulators=16\nHALT")
