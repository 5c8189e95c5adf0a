"""A basic block of a ResNet: two 3 x 3 convolutions and a residual sum."""

from dataclasses import dataclass

import numpy as np

from weft.core.core_config import CoreConfig

from .convolution import Convolution, same_padding
from .passes import add
from .products import convolved
from .program_builder import BuiltProgram, ProgramBuilder
from .quantized_layer import QuantizedLayer, random_layer, random_numbers, random_quantization
from .scales import Quantization
from .tensor import loaded_image, store_image
from .tensor_operations import Addition

KERNEL = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class ResnetBlock:
    """relu(x + convolution(relu(convolution(x)))), in int8.

    Parameters
    ----------
    side : int
        Height and width of the image.
    first, second : QuantizedLayer
    output : Quantization
    """

    side: int
    first: QuantizedLayer
    second: QuantizedLayer
    output: Quantization

    @classmethod
    def random(cls, source: np.random.Generator, *, side: int, channels: int) -> "ResnetBlock":
        """Return a block with random weights and scales."""
        shape = (KERNEL, KERNEL, channels, channels)
        around = same_padding(size=side, kernel=KERNEL, stride=1)
        padding, x = (around, around), random_quantization(source)
        first = random_layer(source, shape, x, relu=True, padding=padding)
        second = random_layer(source, shape, first.output, padding=padding)
        output = Quantization((first.source.scale + second.output.scale) / 2, -128)
        return cls(side=side, first=first, second=second, output=output)

    def random_inputs(self, source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return an image, int8 (1, side, side, channels)."""
        return (random_numbers(source, (1, self.side, self.side, self.first.weights.shape[2])),)

    def expected(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the output in numpy, int8 of the shape of x."""
        first, second = self._convolutions()
        return (self._addition()(x, second(first(x))),)

    def program(self, core: CoreConfig) -> BuiltProgram:
        """Return the block as a program of a core."""
        builder = ProgramBuilder(core)
        first, second = self._convolutions()
        x = loaded_image(builder, side=self.side, channels=first.channels)
        y = convolved(builder, second, convolved(builder, first, x))
        add(builder, self._addition(), x=x, y=y, output=y)
        store_image(builder, y)
        return builder.finish()

    def _convolutions(self) -> tuple[Convolution, Convolution]:
        first, second = self.first, self.second
        return first.convolution(), second.convolution()

    def _addition(self) -> Addition:
        return Addition.of(self.first.source, self.second.output, self.output, relu=True)
