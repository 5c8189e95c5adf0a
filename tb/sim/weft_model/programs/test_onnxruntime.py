"""Programs of layers with the rounding `f32` equal onnxruntime, bit for bit."""

import dataclasses
import os

import numpy as np
import pytest

from benches.runner import judge
from weft.core.core_config import SMALL, TINY
from weft.isa.codes import Rounding
from weft_model.core.machine import execute
from weft_model.programs.convolution import Convolution
from weft_model.programs.layer_program import layer_program
from weft_model.programs.quantized_layer import (
    random_layer,
    random_numbers,
    random_quantization,
)

layers = judge("onnx_layers")


@pytest.fixture(params=range(3))
def source(request) -> np.random.Generator:
    return np.random.default_rng((int(os.environ["SEED"]), request.param))


def outputs(core, layer: Convolution, x: np.ndarray) -> np.ndarray:
    """Return the outputs of a program, int8 (images, height, width, outputs)."""
    images, height, width, _ = x.shape
    built = layer_program(core, layer, images=images, height=height, width=width)
    memory = built.memory(x)
    execute(built.program, memory)
    return built.results(memory)[0]


@pytest.mark.parametrize("core", [TINY, SMALL], ids=["tiny", "small"])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(3, 3, 8, 24), (3, 3, 20), (1, 1, 30, 12)])
def test_convolutions(shape, stride, relu, core, source):
    """QLinearConv, with padding that differs on each side; ReLU is another operator."""
    padding = ((1, 0), (2, 1))
    quantization = random_quantization(source)
    options = {"stride": stride, "relu": relu, "padding": padding}
    layer = random_layer(source, shape, quantization, **options)
    x = random_numbers(source, (2, 9, 11, shape[2]))
    found = outputs(core, layer.convolution(Rounding.F32), x)
    assert np.array_equal(found, layers.convolve(layer, x))


def test_matrix_products(source):
    """QLinearMatMul, without a bias, with a scale for each column."""
    layer = random_layer(source, (90, 40), random_quantization(source))
    scales = source.uniform(0.004, 0.008, 40).astype(np.float32)
    layer = dataclasses.replace(layer, bias=np.zeros(40, np.int32), weight_scales=scales)
    x = random_numbers(source, (33, 90))
    dense = dataclasses.replace(layer, weights=layer.weights[np.newaxis, np.newaxis])
    pixels = x[:, np.newaxis, np.newaxis]
    found = outputs(SMALL, dense.convolution(Rounding.F32), pixels)
    assert np.array_equal(found[:, 0, 0], layers.multiply(layer, x))
