"""A block of MobileNetV2: it expands the channels, convolves each, and projects them."""

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
class MobilenetBlock:
    """Convolutions of 1 x 1, 3 x 3 depthwise and 1 x 1; with stride 1, x is added.

    Parameters
    ----------
    side : int
        Height and width of the image.
    expand, depthwise, project : QuantizedLayer
    output : Quantization
        Of the sum.
    """

    side: int
    expand: QuantizedLayer
    depthwise: QuantizedLayer
    project: QuantizedLayer
    output: Quantization

    @classmethod
    def random(
        cls, source: np.random.Generator, *, side: int, channels: int, expanded: int, stride: int
    ) -> "MobilenetBlock":
        """Return a block with random weights and scales."""
        around = same_padding(size=side, kernel=KERNEL, stride=stride)
        x = random_quantization(source)
        expand = random_layer(source, (1, 1, channels, expanded), x, relu=True)
        depthwise = random_layer(
            source,
            (KERNEL, KERNEL, expanded),
            expand.output,
            relu=True,
            stride=stride,
            padding=(around, around),
        )
        project = random_layer(source, (1, 1, expanded, channels), depthwise.output)
        output = Quantization(x.scale + project.output.scale, int(source.integers(-40, 41)))
        layers = {"expand": expand, "depthwise": depthwise, "project": project}
        return cls(side=side, output=output, **layers)

    @property
    def residual(self) -> bool:
        """Whether x is added."""
        return self.depthwise.stride == 1

    def random_inputs(self, source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return an image, int8 (1, side, side, channels)."""
        return (random_numbers(source, (1, self.side, self.side, self.expand.weights.shape[2])),)

    def expected(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the output in numpy, int8 (1, side / stride, side / stride, channels)."""
        y = x
        for layer in self._convolutions():
            y = layer(y)
        return (self._addition()(x, y) if self.residual else y,)

    def program(self, core: CoreConfig) -> BuiltProgram:
        """Return the block as a program of a core."""
        builder = ProgramBuilder(core)
        x = loaded_image(builder, side=self.side, channels=self.expand.weights.shape[2])
        y = x
        for layer in self._convolutions():
            y = convolved(builder, layer, y)
        if self.residual:
            add(builder, self._addition(), x=x, y=y, output=y)
        store_image(builder, y)
        return builder.finish()

    def _convolutions(self) -> list[Convolution]:
        layers = self.expand, self.depthwise, self.project
        return [layer.convolution() for layer in layers]

    def _addition(self) -> Addition:
        return Addition.of(self.expand.source, self.project.output, self.output)
