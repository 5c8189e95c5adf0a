"""Amaranth layouts of instructions: every field is at the place of the table."""

import os

import numpy as np
import pytest
from amaranth.hdl import Const

from benches.instructions import NEEDS, random_instruction, random_program
from weft.isa.instructions import KINDS
from weft.isa.layouts import header_layout, instruction_layout
from weft.isa.program import Program
from weft.isa.requirements import HEADER_BYTES, MAGIC


@pytest.mark.parametrize("opcode", KINDS, ids=lambda opcode: opcode.name)
def test_a_layout_reads_every_field_of_the_bytes(opcode):
    draw = np.random.default_rng(int(os.environ["SEED"]))
    kind = KINDS[opcode]
    layout = instruction_layout(kind)
    assert layout.size == 8 * kind.bytes
    for _ in range(10):
        instruction = random_instruction(draw, opcode)
        view = layout.from_bits(int.from_bytes(instruction.encode(), "little"))
        assert {name: view[name] for name in kind.by_name} == dict(instruction.values)


def test_a_layout_writes_the_bytes_of_an_instruction():
    draw = np.random.default_rng(int(os.environ["SEED"]))
    for kind in KINDS.values():
        instruction = random_instruction(draw, kind.opcode)
        constant = Const.cast(instruction_layout(kind).const(dict(instruction.values)))
        assert constant.value == int.from_bytes(instruction.encode(), "little")


def test_the_layout_of_the_header_reads_the_requirements():
    program = random_program(np.random.default_rng(int(os.environ["SEED"])))
    data = program.encode()
    layout = header_layout()
    assert layout.size == 8 * HEADER_BYTES
    view = layout.from_bits(int.from_bytes(data[:HEADER_BYTES], "little"))
    assert view["magic"] == MAGIC == int.from_bytes(b"WFTP", "little")
    assert view["units"] == (len(data) - HEADER_BYTES) // 32
    values = NEEDS.values()
    assert {name: view[name] for name in values} == values
    assert Program.decode(data) == program
