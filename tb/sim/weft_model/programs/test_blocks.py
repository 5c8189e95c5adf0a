"""Blocks of networks as programs: accepted, and equal to numpy bit for bit."""

import os

import numpy as np
import pytest

from weft.core.core_config import CORES, SMALL, TINY, BufferConfig, core_of
from weft.isa.codes import Opcode
from weft.isa.program import Program
from weft_model.core.checker import faults
from weft_model.core.interleave import interleave
from weft_model.core.machine import execute
from weft_model.programs.attention_head import AttentionHead
from weft_model.programs.blocks import BLOCKS
from weft_model.programs.lstm_cell import LstmCell
from weft_model.programs.mobilenet_block import MobilenetBlock
from weft_model.programs.program_builder import BuiltProgram
from weft_model.programs.resnet_block import ResnetBlock


@pytest.fixture
def source() -> np.random.Generator:
    return np.random.default_rng(int(os.environ["SEED"]))


def run(built: BuiltProgram, memory: list[np.ndarray]) -> None:
    """Execute a program from its bytes, if the checker accepts it."""
    program = Program.decode(built.program.encode())
    assert not faults(program)
    execute(program, memory)


def check(block, core, source) -> BuiltProgram:
    """Compare the outputs of a block on a core with numpy."""
    built = block.program(core)
    inputs = block.random_inputs(source)
    memory = built.memory(*inputs)
    state = [place.read(memory) for place in built.state]
    run(built, memory)
    found, expected = built.results(memory), block.expected(*inputs, *state)
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one, other)
        assert np.ptp(other.astype(int)) > 20
    return built


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_on_every_named_core(name, core, source):
    check(BLOCKS[name](source, CORES[core].lanes), CORES[core], source)


@pytest.mark.parametrize("lanes, accumulators", [(12, 100), (20, 7), (8, 30)])
def test_sizes_that_nothing_divides(lanes, accumulators, source):
    """Channels that fill no block of lanes, and tiles of a part of a line."""
    core = core_of(lanes=lanes, buffer=BufferConfig(rows=2048), accumulators=accumulators)
    for block in (
        ResnetBlock.random(source, side=9, channels=13),
        MobilenetBlock.random(source, side=7, channels=9, expanded=31, stride=1),
        MobilenetBlock.random(source, side=7, channels=9, expanded=31, stride=2),
        AttentionHead.random(source, tokens=33, depth=18),
        AttentionHead.random(source, tokens=25, depth=18, heads=3),
        LstmCell.random(source, batch=3, inputs=14, units=25),
    ):
        check(block, core, source)


@pytest.mark.parametrize("name", BLOCKS)
def test_any_timing_gives_the_same_outputs(name, source):
    block = BLOCKS[name](source, TINY.lanes)
    built, inputs = block.program(TINY), block.random_inputs(source)
    memory = built.memory(*inputs)
    state = [place.read(memory) for place in built.state]
    assert interleave(built.program, memory, source) is not None
    (found,), (expected,) = built.results(memory), block.expected(*inputs, *state)
    assert np.array_equal(found, expected)


def test_the_state_of_an_lstm_stays_in_the_memory(source):
    """Only x is written between the steps."""
    cell = LstmCell.random(source, batch=2, inputs=20, units=17)
    built, (h, c) = cell.program(SMALL), cell.initial_state()
    (x,) = cell.random_inputs(source)
    memory = built.memory(x)
    for place, values in zip(built.state, (h, c), strict=True):
        place.write(memory, values)
    for _ in range(5):
        (x,) = cell.random_inputs(source)
        built.inputs[0].write(memory, x)
        run(built, memory)
        h, c = cell.step(x, h, c)
        found = [*built.results(memory), *(place.read(memory) for place in built.state)]
        assert all(map(np.array_equal, found, (h, h, c)))


def test_the_rows_of_attention_are_cut_into_chunks_that_fit(source):
    """197 tokens have 2,561 rows of scores on 16 lanes, which exceed a bank."""
    head = AttentionHead.random(source, tokens=197, depth=64)
    built = head.program(SMALL)
    heights = {one["x_count"] for one in built.program.instructions if one.opcode == Opcode.MATMUL}
    assert heights == {99, 98}


def test_a_head_that_does_not_fit_is_refused(source):
    core = core_of(lanes=4, buffer=BufferConfig(rows=128, banks=2), accumulators=16)
    with pytest.raises(ValueError) as refusal:
        AttentionHead.random(source, tokens=31, depth=8).program(core)
    assert str(refusal.value) == (
        "attention to 31 tokens needs a buffer of at least 148 rows, not 128"
    )
