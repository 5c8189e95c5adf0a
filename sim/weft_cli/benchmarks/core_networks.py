"""Layers of networks as programs of a core, and the least cycles that they can take."""

import csv
import dataclasses
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode
from weft_model.layers import WORKLOADS, read_network
from weft_model.programs.convolution import Convolution
from weft_model.programs.layer_program import layer_program, packed_columns
from weft_model.programs.products import convolved
from weft_model.programs.program_builder import INPUTS, OUTPUTS, BuiltProgram, ProgramBuilder
from weft_model.programs.quantized_layer import (
    random_layer,
    random_numbers,
    random_quantization,
)
from weft_model.programs.tensor import Tensor

MOST_LAYERS = 5
APPLICATIONS = ("mlp0", "mlp1", "lstm0", "lstm1", "cnn0", "cnn1")


@dataclass(frozen=True, kw_only=True)
class CoreLayer:
    """A layer with random weights, and how often the network has it.

    Parameters
    ----------
    name : str
    layer : Convolution
    images, height, width : int
        Of its input.
    packed : bool
    count : int
    """

    name: str
    layer: Convolution
    images: int = 1
    height: int = 1
    width: int = 1
    packed: bool = False
    count: int = 1

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.images, self.height, self.width, self.layer.channels

    def program(self, core: CoreConfig, memory_bytes: float) -> BuiltProgram:
        """Return the layer as a program, with bands that suit a memory."""
        sizes = {"images": self.images, "height": self.height, "width": self.width}
        return layer_program(
            core, self.layer, packed=self.packed, memory_bytes=memory_bytes, **sizes
        )

    def inputs(self) -> np.ndarray:
        """Return random inputs, the same in every call."""
        return random_numbers(np.random.default_rng(1), self.input_shape)

    @property
    def square(self) -> bool:
        """Its outputs can be inputs of the same layer."""
        return self.layer.channels == self.layer.outputs

    def bound(self, core: CoreConfig, read_bytes: float, *, inputs: bool = True) -> int:
        """Return the least cycles: those of the array, or of reading weights and inputs once.

        A tile takes as many cycles as it has rows, at least N, which its weights take to move into
        the array.
        """
        lanes, (lines, columns) = core.lanes, self.layer.output_sides(self.height, self.width)
        layer = packed_columns(self.layer) if self.packed else self.layer
        tiles = int(np.prod(layer.kernel)) * -(-layer.channels // lanes)
        tiles *= -(-layer.outputs // lanes)
        matrix = tiles * max(self.images * lines * columns, lanes)
        read = layer.weights.size + (int(np.prod(self.input_shape)) if inputs else 0)
        return max(matrix, -(-read // Fraction(read_bytes).limit_denominator(1000)))


def _random(shape: tuple[int, ...], **options) -> Convolution:
    source = np.random.default_rng(1)
    layer = random_layer(source, shape, random_quantization(source), **options)
    return layer.fully_connected() if len(shape) == 2 else layer.convolution()


def resnet50(lanes: int) -> list[CoreLayer]:
    """Return the distinct layers of ResNet-50; the padding of their inputs is that of a layer."""
    with (WORKLOADS / "resnet50.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    names, counts = {}, Counter()
    for name, *sizes in rows:
        shape = tuple(int(size) for size in sizes if size.strip())
        names.setdefault(shape, name)
        counts[shape] += 1
    layers = []
    for shape, count in counts.items():
        height, width, kernel, _, channels, outputs, stride, _ = shape
        common = {"name": names[shape], "count": count}
        if height == 1:
            layers.append(CoreLayer(layer=_random((channels, outputs)), **common))
            continue
        total = max(kernel - stride, 0)
        around = total // 2, total - total // 2
        layer = _random(
            (kernel, kernel, channels, outputs), relu=True, stride=stride, padding=(around, around)
        )
        sides = {"height": height - total, "width": width - total}
        layers.append(CoreLayer(layer=layer, packed=channels < lanes, **sides, **common))
    return layers


def application(name: str, lanes: int) -> CoreLayer:
    """Return the layer that one of TPU v1's applications repeats, at most MOST_LAYERS times.

    For a smaller core than 256 x 256, all of its sizes are divided alike.
    """
    layers = read_network(f"tpu_v1_{name}").layers
    first = layers[0]
    m, k, n = (max(1, round(size * lanes / 256)) for size in (first.m, first.k, first.n))
    found = CoreLayer(name=name, layer=_random((k, n)), images=m)
    return dataclasses.replace(found, count=min(len(layers), MOST_LAYERS))


def repeated(core: CoreConfig, one: CoreLayer) -> BuiltProgram:
    """Return a program of a layer as often as its count; its activations stay in the buffer.

    Each takes the outputs of the one before if it can, otherwise all take the inputs.
    """
    builder = ProgramBuilder(core)
    tensor = Tensor.new(builder, width=1, images=one.images, channels=one.layer.channels)
    tensor.move(builder, Opcode.LOAD, builder.array(INPUTS, one.input_shape))
    output = tensor
    for _ in range(one.count):
        output = convolved(builder, one.layer, output if one.square else tensor)
    shape = *one.input_shape[:-1], one.layer.outputs
    output.move(builder, Opcode.STORE, builder.array(OUTPUTS, shape))
    return builder.finish()


def repeated_outputs(one: CoreLayer, x: np.ndarray) -> np.ndarray:
    """Return the outputs of this program in numpy."""
    for _ in range(one.count if one.square else 1):
        x = one.layer(x)
    return x


def convolution(side: int, channels: int) -> CoreLayer:
    """Return a 3 x 3 convolution with as many outputs as channels."""
    layer = _random((3, 3, channels, channels), relu=True, padding=((1, 1), (1, 1)))
    return CoreLayer(name=f"{channels} to {channels}", layer=layer, height=side, width=side)
