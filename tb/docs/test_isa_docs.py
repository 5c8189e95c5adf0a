"""The examples of isa.md are programs that do what the page says."""

import re

import numpy as np

from benches.repository import DOCS
from weft.isa.assembly import assemble
from weft_model.core.machine import execute

PROGRAM = re.compile(r"(?ms)^```\n(\.needs .*?)^```")


def test_the_program_of_the_page_multiplies_two_matrices():
    """Z = A . B / 4, each 4 x 4; A is in front of B in the memory."""
    (text,) = PROGRAM.findall((DOCS / "isa.md").read_text())
    program = assemble(text)
    memory = [np.zeros(size, np.uint8) for size in program.requirements.regions]
    a, b = np.arange(-8, 8).reshape(4, 4), np.eye(4, k=1) * 4
    memory[0][:32] = np.concatenate([a, b]).astype(np.int8).ravel().view(np.uint8)
    execute(program, memory)
    assert np.array_equal(memory[1].view(np.int8).reshape(4, 4), a @ b / 4)
