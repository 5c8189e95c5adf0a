"""The blocks of weft_model.programs as graphs of LiteRT."""

import numpy as np
from ai_edge_litert.schema_py_generated import ActivationFunctionType, Padding

from weft_model.programs.attention_head import AttentionHead
from weft_model.programs.convolution import same_padding
from weft_model.programs.lstm_cell import (
    ADDED,
    GATES,
    KEPT,
    SIGMOID,
    TANH,
    LstmCell,
)
from weft_model.programs.mobilenet_block import MobilenetBlock
from weft_model.programs.quantized_layer import QuantizedLayer
from weft_model.programs.resnet_block import ResnetBlock
from weft_model.programs.softmax import OUTPUT

from .litert import Graph


def activation(relu: bool) -> int:
    """Return the code of the activation function at the end of an operator."""
    return ActivationFunctionType.RELU if relu else ActivationFunctionType.NONE


def add_convolution(graph: Graph, layer: QuantizedLayer, x: int, side: int) -> int:
    """Add a convolution of a square image; padding is SAME, or VALID without padding."""
    depthwise = layer.weights.ndim == 3
    if depthwise:
        weights = graph.constant(layer.weights[np.newaxis], layer.weight_scales, axis=3)
    else:
        ordered = np.ascontiguousarray(layer.weights.transpose(3, 0, 1, 2))
        weights = graph.constant(ordered, layer.weight_scales)
    kernel = layer.weights.shape[0]
    around = same_padding(size=side, kernel=kernel, stride=layer.stride)
    assert layer.padding in ((around, around), ((0, 0), (0, 0)))
    same = layer.padding == (around, around)
    size = -(-side // layer.stride) if same else (side - kernel) // layer.stride + 1
    return graph.operator(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [x, weights, _bias(graph, layer)],
        (1, size, size, layer.weights.shape[-1]),
        layer.output,
        strideW=layer.stride,
        strideH=layer.stride,
        padding=Padding.SAME if same else Padding.VALID,
        fusedActivationFunction=activation(layer.relu),
        **({"depthMultiplier": 1} if depthwise else {}),
    )


def add_fully_connected(graph: Graph, layer: QuantizedLayer, x: int, rows: int) -> int:
    """Add a fully connected layer, all of whose weights have one scale."""
    weights = graph.constant(np.ascontiguousarray(layer.weights.T), float(layer.weight_scales[0]))
    bias = graph.constant(layer.bias, np.float32(layer.source.scale) * layer.weight_scales[0])
    shape = rows, layer.weights.shape[1]
    return graph.operator("FULLY_CONNECTED", [x, weights, bias], shape, layer.output)


def _bias(graph: Graph, layer: QuantizedLayer) -> int:
    return graph.constant(layer.bias, np.float32(layer.source.scale) * layer.weight_scales)


def resnet_graph(block: ResnetBlock) -> Graph:
    """Return the graph of a block; its input is x."""
    graph = Graph()
    shape = (1, block.side, block.side, block.first.weights.shape[2])
    x = graph.input(shape, block.first.source)
    y = add_convolution(graph, block.first, x, block.side)
    y = add_convolution(graph, block.second, y, block.side)
    graph.output(
        graph.operator("ADD", [x, y], shape, block.output, fusedActivationFunction=activation(True))
    )
    return graph


def mobilenet_graph(block: MobilenetBlock) -> Graph:
    """Return the graph of a block; its input is x."""
    graph = Graph()
    shape = (1, block.side, block.side, block.expand.weights.shape[2])
    x = graph.input(shape, block.expand.source)
    y = add_convolution(graph, block.expand, x, block.side)
    y = add_convolution(graph, block.depthwise, y, block.side)
    y = add_convolution(graph, block.project, y, -(-block.side // block.depthwise.stride))
    if block.residual:
        y = graph.operator("ADD", [x, y], shape, block.output)
    graph.output(y)
    return graph


def attention_graph(head: AttentionHead) -> Graph:
    """Return the graph of a head; its inputs are query, key and value, (1, tokens, depth)."""
    graph = Graph()
    shape = (1, head.tokens, head.depth)
    query, key, value = (graph.input(shape, one) for one in (head.query, head.key, head.value))
    square = (1, head.tokens, head.tokens)
    scores = graph.operator("BATCH_MATMUL", [query, key], square, head.scores, adjY=True)
    weights = graph.operator("SOFTMAX", [scores], square, OUTPUT, beta=1.0)
    graph.output(graph.operator("BATCH_MATMUL", [weights, value], shape, head.output))
    return graph


def lstm_graph(cell: LstmCell) -> Graph:
    """Return the graph of one step; its inputs are x, h and c, its outputs the next h and c."""
    graph = Graph()
    shape = cell.batch, cell.units
    x = graph.input((cell.batch, cell.inputs), TANH)
    h, c = graph.input(shape, TANH), graph.input(shape, cell.cell)
    whole = cell.batch, cell.inputs + cell.units
    both = graph.operator("CONCATENATION", [x, h], whole, TANH, axis=1)
    sums = {name: add_fully_connected(graph, cell.gates[name], both, cell.batch) for name in GATES}
    i, f, o = (graph.operator("LOGISTIC", [sums[name]], shape, SIGMOID) for name in GATES[:3])
    g = graph.operator("TANH", [sums["candidate"]], shape, TANH)
    kept = graph.operator("MUL", [f, c], shape, KEPT)
    added = graph.operator("MUL", [i, g], shape, ADDED)
    c = graph.operator("ADD", [kept, added], shape, cell.cell)
    h = graph.operator("MUL", [o, graph.operator("TANH", [c], shape, TANH)], shape, TANH)
    graph.output(h)
    graph.output(c)
    return graph
