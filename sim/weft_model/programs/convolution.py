"""Convolution: a layer of int8, its shapes, and its result in numpy."""

from dataclasses import dataclass

import numpy as np

from weft.checks import check

from .requantization import Requantization

Padding = tuple[tuple[int, int], tuple[int, int]]
NO_PADDING: Padding = ((0, 0), (0, 0))


def same_padding(*, size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Return the zeros before and after one side, so that it has ⌈size / stride⌉ outputs.

    As TensorFlow's SAME: the odd zero comes after.
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution:
    """A convolution and its requantization.

    Parameters
    ----------
    weights : ndarray of int8, (kernel height, kernel width, channels, outputs)
        Without `outputs`, each channel has a kernel of its own: a depthwise convolution.
    zero_point : int
        Of the input; padding stands for zero.
    requantize : Requantization
    strides : pair of int
        Of y and of x.
    dilation : int
        Of both axes.
    padding : pair of pairs of int
        Above and below, left and right.

    Raises
    ------
    ValueError
        If a kernel has no channels, or the requantization another number of outputs.
    """

    weights: np.ndarray
    zero_point: int
    requantize: Requantization
    strides: tuple[int, int] = (1, 1)
    dilation: int = 1
    padding: Padding = NO_PADDING

    def __post_init__(self):
        check(
            self.weights.ndim in (3, 4) and self.weights.dtype == np.int8 and self.weights.size > 0,
            "weights must be int8 of three or four axes, not "
            f"{self.weights.dtype} of shape {self.weights.shape}",
        )
        outputs = len(self.requantize.bias)
        check(
            outputs == self.outputs,
            f"the requantization must have {self.outputs} outputs, as the weights, not {outputs}",
        )

    @property
    def depthwise(self) -> bool:
        return self.weights.ndim == 3

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weights.shape[:2]

    @property
    def channels(self) -> int:
        return self.weights.shape[2]

    @property
    def outputs(self) -> int:
        return self.weights.shape[-1]

    def output_sides(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and the width of the output.

        Raises
        ------
        ValueError
            If the kernel is larger than the padded input.
        """
        sides = []
        for axis, size in enumerate((height, width)):
            padded, extent = size + sum(self.padding[axis]), self.extent(axis)
            check(extent <= padded, f"a kernel of {extent} is larger than its input, {padded}")
            sides.append((padded - extent) // self.strides[axis] + 1)
        return sides[0], sides[1]

    def extent(self, axis: int) -> int:
        """Return the inputs that the kernel spans along an axis, 0 for y and 1 for x."""
        return (self.kernel[axis] - 1) * self.dilation + 1

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return int8 (images, height, width, outputs) for (images, height, width, channels)."""
        height, width = self.output_sides(*x.shape[1:3])
        # Sums of products of 8-bit numbers are exact in float64, whose products are fast.
        padded = np.pad(x.astype(float) - self.zero_point, ((0, 0), *self.padding, (0, 0)))
        sums = np.zeros((len(x), height, width, self.outputs))
        for ky in range(self.kernel[0]):
            for kx in range(self.kernel[1]):
                lines, columns = self._taken(0, ky, height), self._taken(1, kx, width)
                window = padded[:, lines, columns]
                weights = self.weights[ky, kx].astype(float)
                sums += window * weights if self.depthwise else window @ weights
        return self.requantize(sums.astype(np.int64))

    def _taken(self, axis: int, place: int, outputs: int) -> slice:
        """Return the padded inputs that one place of the kernel multiplies, along an axis."""
        first, stride = place * self.dilation, self.strides[axis]
        return slice(first, first + (outputs - 1) * stride + 1, stride)
