"""A program for one layer of any shape gives the numbers of numpy, bit for bit."""

import dataclasses
import os

import numpy as np
import pytest

from weft.core.core_config import CORES, SMALL, BufferConfig, core_of
from weft.isa.codes import Opcode, Rounding
from weft_model.core.checker import faults
from weft_model.core.machine import execute
from weft_model.core.walks import tile_count
from weft_model.programs.convolution import Convolution
from weft_model.programs.layer_program import layer_program
from weft_model.programs.quantized_layer import (
    random_layer,
    random_numbers,
    random_quantization,
)

# Small buffers need bands, and few accumulators tiles of a part of a line.
OTHERS = (
    core_of(lanes=4, buffer=BufferConfig(rows=256, banks=2), accumulators=8),
    core_of(lanes=12, buffer=BufferConfig(rows=1024, banks=2), accumulators=40),
)
ROUNDINGS = (Rounding.UP, Rounding.DOUBLE, Rounding.F32)


@pytest.fixture
def source() -> np.random.Generator:
    return np.random.default_rng(int(os.environ["SEED"]))


def plain_layer(source: np.random.Generator, shape: tuple[int, ...], **options) -> Convolution:
    """Return a random layer with padding of 1 pixel."""
    padding = ((1, 1), (1, 1))
    layer = random_layer(source, shape, random_quantization(source), padding=padding)
    return dataclasses.replace(layer.convolution(), **options)


def check(core, layer: Convolution, source, *, packed: bool = False, **sizes: int):
    """Compare a program with numpy; return the program."""
    built = layer_program(core, layer, packed=packed, **sizes)
    assert not faults(built.program)
    sizes = {"images": 1, "height": 1, "width": 1} | sizes
    shape = sizes["images"], sizes["height"], sizes["width"], layer.channels
    x = random_numbers(source, shape)
    memory = built.memory(x)
    execute(built.program, memory)
    (found,) = built.results(memory)
    assert np.array_equal(found, layer(x))
    return built


def random_case(source: np.random.Generator, lanes: int) -> tuple[Convolution, dict[str, int]]:
    """Return a layer and the sizes of its input."""

    def pick(low: int, high: int) -> int:
        return int(source.integers(low, high))

    while True:
        most, depthwise = min(lanes, 32), source.random() < 0.25
        kernel, channels = (pick(1, 5), pick(1, 5)), pick(1, 3 * most)
        shape = (*kernel, channels) if depthwise else (*kernel, channels, pick(1, 4 * most))
        padding = ((pick(0, 4), pick(0, 4)), (pick(0, 4), pick(0, 4)))
        layer = random_layer(source, shape, random_quantization(source), padding=padding)
        found = dataclasses.replace(
            layer.convolution(ROUNDINGS[pick(0, 3)]),
            strides=(pick(1, 4), pick(1, 4)),
            dilation=pick(1, 3),
        )
        sizes = {"height": pick(1, 15), "width": pick(1, 15), "images": pick(1, 6)}
        try:
            found.output_sides(sizes["height"], sizes["width"])
            return found, sizes
        except ValueError:
            continue  # The kernel is larger than the image.


@pytest.mark.parametrize("case", range(8))
@pytest.mark.parametrize("core", [*CORES.values(), *OTHERS], ids=lambda core: f"{core.lanes}")
def test_random_layers(core, case):
    """Any stride, dilation, padding and rounding, depthwise or not, packed or not."""
    source = np.random.default_rng((int(os.environ["SEED"]), case, core.lanes))
    layer, sizes = random_case(source, core.lanes)
    packed = case % 2 == 1 and not layer.depthwise and layer.dilation == 1
    check(core, layer, source, packed=packed, **sizes)


def test_rows_of_a_fully_connected_layer_are_images(source):
    layer = random_layer(source, (100, 70), random_quantization(source)).fully_connected()
    built = check(SMALL, layer, source, images=600)
    body = built.program.instructions
    rows = [one["image_count"] for one in body if one.opcode == Opcode.MATMUL]
    # 5 blocks of outputs in bands of at most 512 images, for which there are accumulators.
    assert sum(rows) == 5 * 600
    assert max(rows) <= 512
    # One instruction brings the weights of the 4 blocks that are full.
    assert built.counts()["WEIGHTS"] == 2 * len(rows) / 5


def test_more_outputs_than_parameter_rows(source):
    """70 blocks of outputs, of which the parameters of 64 fit: each band loads them again."""
    layer = random_layer(source, (1, 1, 8, 16 * 70), random_quantization(source)).convolution()
    small = core_of(lanes=16, buffer=BufferConfig(rows=1024, banks=2), accumulators=64)
    built = check(small, layer, source, height=16, width=5)
    loads = [one for one in built.program.instructions if one.opcode == Opcode.LOAD]
    bands = sum(one["target"] == 0 for one in loads)
    assert bands > 1
    assert sum(one["target"] == 1 for one in loads) == 3 * bands


def test_a_band_is_loaded_while_another_is_computed(source):
    """The load of a band waits for the products of the one before the last, not for the last."""
    core, layer = OTHERS[1], plain_layer(source, (3, 3, 24, 24))
    built = check(core, layer, source, height=60, width=8)
    body = built.program.instructions
    loads = [
        number
        for number, one in enumerate(body)
        if one.opcode == Opcode.LOAD and one["target"] == 0
    ]
    assert len(loads) > 3
    assert not body[loads[1]]["wait_matrix"]
    products = [one.opcode for one in body[loads[1] : loads[2]]].count(Opcode.MATMUL)
    assert body[loads[2]]["wait_matrix"] == 1
    assert products > 1


def test_the_first_band_and_the_last_are_small(source):
    """Nothing overlaps with the load of the one and the store of the other."""
    layer = random_layer(source, (64, 64), random_quantization(source)).fully_connected()
    body = layer_program(SMALL, layer, images=4000).program.instructions
    rows = [one["groups"] for one in body if one.opcode == Opcode.LOAD and one["target"] == 0]
    assert rows[0] == rows[-1] <= max(rows) / 2


def test_a_kernel_of_one_pixel_loads_only_what_it_visits(source):
    layer = random_layer(source, (1, 1, 20, 9), random_quantization(source)).convolution()
    layer = dataclasses.replace(layer, strides=(2, 3))
    built = check(SMALL, layer, source, height=14, width=9)
    (load,) = (
        one
        for one in built.program.instructions
        if one.opcode == Opcode.LOAD and one["target"] == 0
    )
    assert load["lines"] * load["groups"] == 7 * 3


def test_channels_are_stored_while_others_are_computed(source):
    """A part of the channels is stored as soon as it is there, into the lines of all channels."""
    layer = random_layer(source, (1, 1, 64, 16 * 32), random_quantization(source)).convolution()
    built = check(SMALL, layer, source, height=7, width=7)
    stores = [one for one in built.program.instructions if one.opcode == Opcode.STORE]
    assert len(stores) > 1
    assert {one["line_pitch"] for one in stores} == {16 * 32}
    # They read a bank that MATRIX does not.
    assert {one["row"] // 2048 for one in stores} == {1}


@pytest.mark.parametrize("packed", [False, True])
def test_lines_longer_than_the_buffer_are_cut(packed, source):
    """Parts of a line, each with the pixels beside it that the kernel needs."""
    layer = plain_layer(source, (3, 3, 7, 9), strides=(1, 2))
    built = check(OTHERS[0], layer, source, packed=packed, height=3, width=201, images=2)
    stores = [one for one in built.program.instructions if one.opcode == Opcode.STORE]
    assert len(stores) > 3 * 2
    assert {one["groups"] for one in stores} == {1}


def test_packed_columns_save_tiles(source):
    """A 7 x 7 kernel over 3 channels has 49 tiles on 16 lanes; its lines have 21 lanes, 2 tiles."""
    layer = plain_layer(source, (7, 7, 3, 16), strides=(2, 2))
    sizes = {"height": 20, "width": 20}
    tiles = []
    for packed in (False, True):
        built = check(SMALL, layer, source, packed=packed, **sizes)
        body = built.program.instructions
        tiles.append({tile_count(one) for one in body if one.opcode == Opcode.MATMUL})
    assert tiles == [{49}, {14}]


def test_what_is_refused(source):
    core = core_of(lanes=4, buffer=BufferConfig(rows=64, banks=2), accumulators=8)
    depthwise = plain_layer(source, (3, 3, 8))
    dense = plain_layer(source, (3, 3, 32, 8))
    with pytest.raises(ValueError) as refusal:
        layer_program(core, dense, height=20, width=20)
    assert str(refusal.value) == "a pixel of the output needs a buffer of at least 73 rows, not 64"
    with pytest.raises(ValueError) as refusal:
        layer_program(core, dense, height=0, width=20)
    assert str(refusal.value) == "a kernel of 3 is larger than its input, 2"
    for layer in (depthwise, dataclasses.replace(dense, dilation=2)):
        with pytest.raises(ValueError) as refusal:
            layer_program(SMALL, layer, height=20, width=20, packed=True)
        sentence = "a layer must be neither depthwise nor dilated to be packed"
        assert str(refusal.value) == sentence
