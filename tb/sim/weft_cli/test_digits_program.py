"""The digits network as one program gives the scores of the integer network, bit for bit."""

import os

import numpy as np
import pytest

from benches.repository import DOCS
from weft.core.core_config import CORES, SMALL, BufferConfig, core_of
from weft.isa.codes import Opcode
from weft.isa.program import Program
from weft_cli import digits
from weft_cli.digits_memory import digits_memory, scores_in
from weft_cli.digits_program import digits_program
from weft_model.core.checker import faults
from weft_model.core.interleave import interleave
from weft_model.core.machine import execute


def run(core, images: np.ndarray) -> np.ndarray:
    """Return the scores of images, from the bytes of a checked program."""
    network = digits.load()
    program = Program.decode(digits_program(core, network, len(images)).encode())
    assert not faults(program)
    memory = digits_memory(network, images)
    execute(program, memory)
    return scores_in(memory, network)


def random_images(count: int) -> np.ndarray:
    source = np.random.default_rng(int(os.environ["SEED"]))
    return source.integers(-128, 128, (count, digits.SIDE, digits.SIDE)).astype(np.int8)


def test_all_held_out_digits_have_the_scores_of_the_integer_network():
    """And so the same accuracy."""
    images, labels = digits.held_out()
    (expected,) = digits.load().forward([images])
    scores = run(SMALL, images)
    assert np.array_equal(scores, expected)
    assert digits.accuracy(scores, labels) == digits.accuracy(expected, labels) > 0.99


@pytest.mark.parametrize("name", CORES)
def test_random_images_on_every_named_core(name):
    """Several batches, the last of which is smaller where a batch is large."""
    images = random_images(2 if name == "tiny" else 30)
    (expected,) = digits.load().forward([images])
    assert np.array_equal(run(CORES[name], images), expected)


@pytest.mark.parametrize("lanes, accumulators", [(12, 100), (64, 24), (20, 8)])
def test_other_sizes(lanes, accumulators):
    """N that does not divide the channels, and tiles of a part of an image."""
    images = random_images(3)
    (expected,) = digits.load().forward([images])
    core = core_of(lanes=lanes, buffer=BufferConfig(rows=2048), accumulators=accumulators)
    assert np.array_equal(run(core, images), expected)


def test_any_timing_gives_the_same_scores():
    images = random_images(3)
    network = digits.load()
    program = digits_program(SMALL, network, len(images))
    (expected,) = network.forward([images])
    memory = digits_memory(network, images)
    assert interleave(program, memory, np.random.default_rng(int(os.environ["SEED"]))) is not None
    assert np.array_equal(scores_in(memory, network), expected)


def test_no_wait_of_the_program_can_be_left_out():
    program = digits_program(SMALL, digits.load(), 60)
    waiting = [number for number, one in enumerate(program.instructions) if one.waits]
    assert waiting
    source = np.random.default_rng(int(os.environ["SEED"]))
    for number in source.choice(waiting, 5, replace=False):
        body = list(program.instructions)
        body[number] = body[number].replaced(
            **{f"wait_{unit.name.lower()}": 0 for unit in body[number].waits}
        )
        (first, *_) = faults(Program(program.requirements, tuple(body)))
        assert "may overlap" in first


def test_a_batch_is_loaded_while_another_is_computed():
    """A LOAD of pixels waits for nothing of the batch before it, only for the one before that."""
    program = digits_program(SMALL, digits.load(), 100)
    loads = [n for n, one in enumerate(program.instructions) if one.opcode == Opcode.LOAD]
    pixels = [n for n in loads if program.instructions[n]["region"] == 0]
    assert len(pixels) > 3
    assert not program.instructions[pixels[1]].waits
    assert program.instructions[pixels[2]].waits


@pytest.mark.parametrize("rows, accumulators", [(512, 16), (1024, 4)])
def test_a_core_that_is_too_small_is_refused(rows, accumulators):
    core = core_of(lanes=4, buffer=BufferConfig(rows=rows, banks=2), accumulators=accumulators)
    with pytest.raises(ValueError) as refusal:
        digits_program(core, digits.load(), 1)
    assert str(refusal.value) == (
        "the digits need a core with at least 806 buffer rows and 8 accumulators, not "
        f"{rows} and {accumulators}"
    )


def test_the_size_of_the_program_in_the_documentation():
    """docs/digits.md says how many instructions the 360 images take."""
    text = " ".join((DOCS / "digits.md").read_text().split())
    count = len(digits_program(SMALL, digits.load(), 360).instructions)
    assert f"the program of the 360 images has {count} instructions" in text
