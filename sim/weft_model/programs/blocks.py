"""Blocks by name: each with random weights, and with sizes that suit a core."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from weft.core.core_config import CoreConfig

from .attention_head import AttentionHead
from .convolution import Convolution, same_padding
from .layer_program import layer_program
from .lstm_cell import LstmCell
from .mobilenet_block import MobilenetBlock
from .program_builder import BuiltProgram
from .quantized_layer import random_layer, random_numbers, random_quantization
from .resnet_block import ResnetBlock

SIDE = 8


class Block(Protocol):
    """A part of a network that is one program."""

    def random_inputs(self, source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return operands, int8."""
        ...

    @property
    def expected(self) -> Callable[..., tuple[np.ndarray, ...]]:
        """The outputs in numpy, as a function of the inputs and the state."""
        ...

    def program(self, core: CoreConfig) -> BuiltProgram:
        """Return the program for a core."""
        ...


@dataclass(frozen=True, kw_only=True)
class SingleLayer:
    """A layer as a block; see `layer_program`."""

    layer: Convolution
    height: int = 1
    width: int = 1
    images: int = 1
    packed: bool = False

    def random_inputs(self, source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return int8 (images, height, width, channels)."""
        shape = self.images, self.height, self.width, self.layer.channels
        return (random_numbers(source, shape),)

    def expected(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the output in numpy."""
        return (self.layer(x),)

    def program(self, core: CoreConfig) -> BuiltProgram:
        """Return the layer as a program of a core."""
        sizes = {"height": self.height, "width": self.width, "images": self.images}
        return layer_program(core, self.layer, packed=self.packed, **sizes)


def _convolution(source: np.random.Generator, lanes: int) -> Block:
    """An image of few channels, whose kernel columns are lanes."""
    around = same_padding(size=3 * SIDE, kernel=3, stride=2)
    shape, padding = (3, 3, 3, 2 * lanes), (around, around)
    layer = random_layer(
        source, shape, random_quantization(source), relu=True, stride=2, padding=padding
    )
    sides = {"height": 3 * SIDE, "width": 3 * SIDE}
    return SingleLayer(layer=layer.convolution(), packed=True, **sides)


def _fully_connected(source: np.random.Generator, lanes: int) -> Block:
    layer = random_layer(source, (5 * lanes, 3 * lanes), random_quantization(source))
    return SingleLayer(layer=layer.fully_connected(), images=20)


def _resnet(source: np.random.Generator, lanes: int) -> Block:
    """Two blocks of lanes, the second of which is not full."""
    return ResnetBlock.random(source, side=SIDE, channels=lanes + lanes // 4)


def _mobilenet(source: np.random.Generator, lanes: int, stride: int) -> Block:
    sizes = {"side": SIDE, "channels": lanes, "expanded": 3 * lanes}
    return MobilenetBlock.random(source, stride=stride, **sizes)


def _attention(source: np.random.Generator, lanes: int) -> Block:
    tokens, depth = (197, 64) if lanes > 4 else (21, 8)
    return AttentionHead.random(source, tokens=tokens, depth=depth)


BLOCKS: dict[str, Callable[[np.random.Generator, int], Block]] = {
    "convolution": _convolution,
    "fully-connected": _fully_connected,
    "resnet": _resnet,
    "mobilenet": lambda source, lanes: _mobilenet(source, lanes, 1),
    "mobilenet-stride-2": lambda source, lanes: _mobilenet(source, lanes, 2),
    "attention": _attention,
    "lstm": lambda source, lanes: LstmCell.random(source, batch=4, inputs=lanes, units=2 * lanes),
}
