"""QuantizedLayer: the weights of a layer and the scales of its numbers, as networks store them."""

from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Rounding

from .convolution import NO_PADDING, Convolution, Padding
from .requantization import Requantization
from .scales import Quantization, channel_factors, float32_factors, product_factor

# Random outputs have about this standard deviation.
SPREAD = 50
# That of random int8 around their mean.
DEVIATION = 74


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantizedLayer:
    """A convolution or a fully connected layer of int8.

    Parameters
    ----------
    weights : ndarray of int8
        As in `Convolution`.
    bias : ndarray of int32, (outputs,)
    weight_scales : ndarray of float32, (outputs,)
    source, output : Quantization
    relu : bool
    stride : int
    padding : pair of pairs of int
    """

    weights: np.ndarray
    bias: np.ndarray
    weight_scales: np.ndarray
    source: Quantization
    output: Quantization
    relu: bool = False
    stride: int = 1
    padding: Padding = NO_PADDING

    def convolution(self, rounding: Rounding = Rounding.DOUBLE) -> Convolution:
        """Return a convolution in integers; by default as LiteRT's reference kernels round."""
        find = float32_factors if rounding == Rounding.F32 else channel_factors
        factors = find(self.source, self.weight_scales, self.output)
        return self._in_integers(self.weights, factors, rounding)

    def fully_connected(self, rounding: Rounding = Rounding.UP) -> Convolution:
        """Return a fully connected layer in integers, as a 1 x 1 convolution, likewise.

        Its weights are (inputs, outputs), and all have one scale.
        """
        scale = Quantization(float(self.weight_scales[0]))
        factors = [product_factor(self.source, scale, self.output)] * self.weights.shape[1]
        return self._in_integers(self.weights[np.newaxis, np.newaxis], factors, rounding)

    def _in_integers(
        self, weights: np.ndarray, factors: list[float], rounding: Rounding
    ) -> Convolution:
        return Convolution(
            weights=weights,
            zero_point=self.source.zero_point,
            requantize=Requantization.of(
                bias=self.bias,
                factors=factors,
                output=self.output,
                rounding=rounding,
                relu=self.relu,
            ),
            strides=(self.stride, self.stride),
            padding=self.padding,
        )


def random_quantization(source: np.random.Generator) -> Quantization:
    """Return a random scale and zero point."""
    return Quantization(source.uniform(0.01, 0.2), int(source.integers(-128, 128)))


def random_layer(
    source: np.random.Generator,
    shape: tuple[int, ...],
    quantization: Quantization,
    *,
    output: Quantization | None = None,
    relu: bool = False,
    stride: int = 1,
    padding: Padding = NO_PADDING,
) -> QuantizedLayer:
    """Return a random layer whose outputs use most of int8.

    Parameters
    ----------
    source : numpy Generator
    shape : tuple of int
        Of the weights; with two axes, all have one scale.
    quantization : Quantization
        Of the input.
    output : Quantization, optional
        Of the output, to which the weights are scaled; random by default.
    relu, stride, padding
        As in `QuantizedLayer`.
    """
    weights = source.integers(-127, 128, shape).astype(np.int8)
    outputs, products = shape[-1], np.prod(shape[: 2 if len(shape) == 3 else -1])
    scales = source.uniform(0.004, 0.008, 1 if len(shape) == 2 else outputs)
    # Standard deviation of the sums.
    spread = DEVIATION * np.hypot(DEVIATION, quantization.zero_point) * np.sqrt(products)
    bias = source.integers(-spread, spread, outputs, endpoint=True).astype(np.int32)
    if output is None:
        zero_point = int(source.integers(-128, -90) if relu else source.integers(-40, 41))
        scale = quantization.scale * scales.mean() * spread / SPREAD
        output = Quantization(scale, zero_point)
    else:
        scales *= output.scale * SPREAD / (quantization.scale * scales.mean() * spread)
    return QuantizedLayer(
        weights=weights,
        bias=bias,
        weight_scales=np.broadcast_to(scales.astype(np.float32), outputs),
        source=quantization,
        output=output,
        relu=relu,
        stride=stride,
        padding=padding,
    )


def random_numbers(source: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return random int8."""
    return source.integers(-128, 128, shape).astype(np.int8)
