"""Operators and blocks equal LiteRT, bit for bit: which of its kernels, with which rounding."""

import os
import platform

import numpy as np
import pytest

from benches.runner import judge
from weft.core.core_config import SMALL, TINY
from weft.isa.codes import Rounding
from weft_model.core.machine import execute
from weft_model.programs.attention_head import AttentionHead
from weft_model.programs.lstm_cell import SIGMOID, TANH, LstmCell
from weft_model.programs.mobilenet_block import MobilenetBlock
from weft_model.programs.quantized_layer import (
    random_layer,
    random_numbers,
    random_quantization,
)
from weft_model.programs.resnet_block import ResnetBlock
from weft_model.programs.scales import Quantization
from weft_model.programs.softmax import OUTPUT, Softmax
from weft_model.programs.tensor_operations import (
    NUMBERS,
    Addition,
    Product,
    lookup_table,
    sigmoid,
    tanh,
)

litert, graphs = judge("litert"), judge("litert_blocks")
Graph, Kernels = litert.Graph, litert.Kernels
REFERENCE = Kernels.REFERENCE
# The kernels of other processors may round in another way.
ON_X86 = platform.machine() in ("x86_64", "AMD64")
XNNPACK = pytest.param(
    *(Kernels.XNNPACK, Rounding.F32), marks=pytest.mark.skipif(not ON_X86, reason="not on x86")
)


# All pairs of numbers.
PAIRS = np.meshgrid(*[NUMBERS.astype(np.int8)] * 2)


@pytest.fixture(params=range(3))
def source(request) -> np.random.Generator:
    return np.random.default_rng((int(os.environ["SEED"]), request.param))


@pytest.mark.parametrize("kernels, rounding", [(REFERENCE, Rounding.DOUBLE), XNNPACK])
@pytest.mark.parametrize("shape", [(3, 3, 12, 24), (3, 3, 20), (1, 1, 40, 16)])
def test_convolutions(shape, kernels, rounding, source):
    layer = random_layer(source, shape, random_quantization(source), relu=True)
    # Kernels that round in another way differ in one number of a thousand or more.
    x = random_numbers(source, (1, 30, 30, shape[2]))
    graph = Graph()
    y = graphs.add_convolution(graph, layer, graph.input(x.shape, layer.source), x.shape[1])
    graph.output(y)
    assert np.array_equal(graph.run(kernels, x)[0], layer.convolution(rounding)(x))


@pytest.mark.parametrize("kernels, rounding", [(REFERENCE, Rounding.UP), XNNPACK])
def test_fully_connected_layers(kernels, rounding, source):
    layer = random_layer(source, (60, 100), random_quantization(source))
    x = random_numbers(source, (200, 60))
    graph = Graph()
    y = graphs.add_fully_connected(graph, layer, graph.input(x.shape, layer.source), len(x))
    graph.output(y)
    expected = layer.fully_connected(rounding)(x[np.newaxis, np.newaxis])[0, 0]
    assert np.array_equal(graph.run(kernels, x)[0], expected)


def operate(name: str, operands, quantizations, output, shape=None, **options) -> np.ndarray:
    """Return the output of one operator, with the reference kernels."""
    graph = Graph()
    inputs = [graph.input(x.shape, one) for x, one in zip(operands, quantizations, strict=True)]
    shape = shape or operands[0].shape
    graph.output(graph.operator(name, inputs, shape, output, **options))
    return graph.run(REFERENCE, *operands)[0]


def operands_and_output(source, ties: bool, step: float) -> tuple[Quantization, ...]:
    """Return the quantizations of two operands and of an output that is `step` times as coarse.

    With ties, many results are halfway between two numbers.
    """
    x, y = (random_quantization(source) for _ in range(2))
    if ties:
        x, y = (Quantization(0.5, one.zero_point) for one in (x, y))
    return x, y, Quantization(step, int(source.integers(-40, 41)))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("relu", [False, True])
def test_sums(relu, ties, source):
    x, y, output = operands_and_output(source, ties, 1.0 if ties else 0.2)
    options = {"fusedActivationFunction": graphs.activation(relu)}
    found = operate("ADD", PAIRS, (x, y), output, **options)
    assert np.array_equal(found, Addition.of(x, y, output, relu=relu)(*PAIRS))


@pytest.mark.parametrize("ties", [False, True])
def test_products(ties, source):
    x, y, output = operands_and_output(source, ties, 32.0 if ties else 0.7)
    found = operate("MUL", PAIRS, (x, y), output)
    assert np.array_equal(found, Product.of(x, y, output).elements(*PAIRS))


@pytest.mark.parametrize("transpose", [False, True])
def test_products_of_tensors(transpose, source):
    x, y = (random_quantization(source) for _ in range(2))
    output = Quantization(700 * x.scale * y.scale, int(source.integers(-40, 41)))
    a = random_numbers(source, (1, 200, 50))
    b = random_numbers(source, (1, 300, 50) if transpose else (1, 50, 300))
    found = operate("BATCH_MATMUL", (a, b), (x, y), output, (1, 200, 300), adjY=transpose)
    expected = Product.of(x, y, output).matrices(a[0], b[0].T if transpose else b[0])
    assert np.array_equal(found[0], expected)


@pytest.mark.parametrize("scale", [0.002, 0.03, 0.2, 3.0])
def test_softmax(scale, source):
    """Small scales make all exponentials equal; large ones leave only the maximum."""
    x = Quantization(scale, int(source.integers(-128, 128)))
    rows = random_numbers(source, (20, 197))
    # Narrow rows have larger results.
    rows[10:] //= 8
    found = operate("SOFTMAX", (rows,), (x,), OUTPUT, beta=1.0)
    assert np.array_equal(found, Softmax.of(x)(rows))


@pytest.mark.parametrize(
    "name, function, output", [("LOGISTIC", sigmoid, SIGMOID), ("TANH", tanh, TANH)]
)
def test_functions_of_one_number(name, function, output, source):
    """For all 256 numbers."""
    x = random_quantization(source)
    numbers = NUMBERS.astype(np.int8)[np.newaxis]
    found = operate(name, (numbers,), (x,), output)
    assert np.array_equal(found[0], lookup_table(function, x, output))


def execute_block(block, core, inputs, state=()) -> list[np.ndarray]:
    """Return the outputs of the program of a block, and its state."""
    built = block.program(core)
    memory = built.memory(*inputs)
    for place, values in zip(built.state, state, strict=True):
        place.write(memory, values)
    execute(built.program, memory)
    return [*built.results(memory), *(place.read(memory) for place in built.state)]


@pytest.mark.parametrize("core, side, channels", [(TINY, 6, 8), (SMALL, 10, 40)])
def test_the_program_of_a_resnet_block(core, side, channels, source):
    block = ResnetBlock.random(source, side=side, channels=channels)
    inputs = block.random_inputs(source)
    (expected,) = graphs.resnet_graph(block).run(REFERENCE, *inputs)
    assert np.array_equal(execute_block(block, core, inputs)[0], expected)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("core, side, channels", [(TINY, 6, 6), (SMALL, 9, 24)])
def test_the_program_of_a_mobilenet_block(core, side, channels, stride, source):
    sizes = {"side": side, "channels": channels, "expanded": 3 * channels}
    block = MobilenetBlock.random(source, stride=stride, **sizes)
    inputs = block.random_inputs(source)
    (expected,) = graphs.mobilenet_graph(block).run(REFERENCE, *inputs)
    assert np.array_equal(execute_block(block, core, inputs)[0], expected)


@pytest.mark.parametrize("core, tokens, depth", [(TINY, 21, 8), (SMALL, 197, 64)])
def test_the_program_of_an_attention_head(core, tokens, depth, source):
    head = AttentionHead.random(source, tokens=tokens, depth=depth)
    inputs = head.random_inputs(source)
    expected = graphs.attention_graph(head).run(REFERENCE, *(x[np.newaxis] for x in inputs))
    assert np.array_equal(execute_block(head, core, inputs)[0], expected[0][0])


@pytest.mark.parametrize("core, inputs, units", [(TINY, 7, 9), (SMALL, 40, 24)])
def test_the_program_of_an_lstm_cell(core, inputs, units, source):
    """Four steps; the state of each is that of the one before."""
    cell = LstmCell.random(source, batch=3, inputs=inputs, units=units)
    graph, state = graphs.lstm_graph(cell), cell.initial_state()
    for _ in range(4):
        (x,) = cell.random_inputs(source)
        expected = graph.run(REFERENCE, x, *state)
        output, *after = execute_block(cell, core, (x,), state)
        assert np.array_equal(output, expected[0])
        assert all(map(np.array_equal, after, expected))
        state = after
