"""The digits in floats: the float network with operands cast to the formats of a unit.

There is no training and no scaling after the cast. Biases are added, and negative sums become zero,
in float32.
"""

from dataclasses import dataclass

import numpy as np

from weft.checks import check
from weft.float_format import FloatFormat
from weft.matrix.config import MatrixUnitConfig

from .digits import LARGEST_PIXEL, Multiply, patches, squares


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatNetwork:
    """A convolution, a hidden layer and an output layer.

    Parameters
    ----------
    parameters : list of ndarray of float32
        Weights (K, N) and bias (N,) of each layer, as `train_digits.stored_parameters` returns.
    activation, weight : numpy dtype
        To which the operands of each product are cast, to nearest.
    """

    parameters: list[np.ndarray]
    activation: np.dtype
    weight: np.dtype

    @classmethod
    def of(cls, config: MatrixUnitConfig, parameters: list[np.ndarray]) -> "FloatNetwork":
        """Return the network in the first formats of a unit.

        Raises
        ------
        ValueError
            Unless both operands and the results of the unit are floats.
        """
        for what, number in (
            ("activation", config.activation.default),
            ("weight", config.weight.default),
            ("result", config.result_format),
        ):
            check(
                isinstance(number, FloatFormat),
                f"{what} must be a float for digits in floats, not {number}: the network has "
                "integers only, or floats only",
            )
        return cls(
            parameters=parameters,
            activation=config.activation.default.dtype,
            weight=config.weight.default.dtype,
        )

    def forward(self, batches: list[np.ndarray], multiply: Multiply) -> list[np.ndarray]:
        """Return the scores of the ten digits, float32 (images, 10), of each batch.

        Parameters
        ----------
        batches : list of ndarray of int8, (images, 8, 8), 0 to 16
        multiply : callable
            Called once per layer, with the operands of all batches; returns their products.
        """
        kernel, kernel_bias, hidden, hidden_bias, output, output_bias = self.parameters
        pixels = [images.astype(np.float32) / np.float32(LARGEST_PIXEL) for images in batches]
        sums = self._layer([patches(one) for one in pixels], kernel, kernel_bias, multiply)
        pooled = [squares(np.maximum(one, 0)).max(axis=(2, 4)) for one in sums]
        flat = [one.reshape(len(one), -1) for one in pooled]
        sums = self._layer(flat, hidden, hidden_bias, multiply)
        active = [np.maximum(one, 0) for one in sums]
        return self._layer(active, output, output_bias, multiply)

    def _layer(
        self, inputs: list[np.ndarray], weights: np.ndarray, bias: np.ndarray, multiply: Multiply
    ) -> list[np.ndarray]:
        """Return inputs . weights + bias, float32."""
        cast = weights.astype(self.weight)
        products = multiply([(one.astype(self.activation), cast) for one in inputs])
        return [product.astype(np.float32) + bias for product in products]
