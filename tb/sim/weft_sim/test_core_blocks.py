"""Blocks of networks on the RTL of a core: every number is that of numpy."""

import os

import numpy as np
import pytest

from weft.core.core_config import TINY
from weft_model.programs.blocks import BLOCKS
from weft_sim.core_simulator import CoreSimulator


@pytest.fixture(scope="module")
def core() -> CoreSimulator:
    return CoreSimulator(TINY)


@pytest.mark.parametrize("name", BLOCKS)
def test_the_outputs_of_the_rtl_are_those_of_numpy(name, core):
    source = np.random.default_rng(int(os.environ["SEED"]))
    block = BLOCKS[name](source, TINY.lanes)
    built, inputs = block.program(TINY), block.random_inputs(source)
    memory = built.memory(*inputs)
    state = [place.read(memory) for place in built.state]
    assert core.run(built.program, memory).sentence == ""
    expected = block.expected(*inputs, *state)
    assert all(map(np.array_equal, built.results(memory), expected))
