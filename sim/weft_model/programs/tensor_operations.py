"""Operations of LiteRT on tensors of int8, in numpy: sum, product, and functions of one number."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Rounding

from ..core.rounding import scaled
from .requantization import LEAST, MOST
from .scales import Quantization, Scale, fixed_point, product_factor

# All numbers of int8, in the order of the entries of a table.
NUMBERS = np.arange(LEAST, MOST + 1)
_LEFT_SHIFT = 20


def rescaled(x: np.ndarray, scale: Scale) -> np.ndarray:
    """Return x times a scale, rounded twice, as gemmlowp does."""
    scales = {name: np.array(getattr(scale, name), np.int64) for name in ("multiplier", "shift")}
    return scaled(Rounding.DOUBLE, x.astype(np.int64), **scales)


@dataclass(frozen=True, kw_only=True, eq=False)
class Addition:
    """A sum of two tensors: each is brought to a common scale, with 20 more bits, by a table.

    Parameters
    ----------
    x_table, y_table : ndarray of int64, (256,)
        For -128 to 127.
    scale : Scale
    offset, minimum : int
        Of the output.
    """

    x_table: np.ndarray
    y_table: np.ndarray
    scale: Scale
    offset: int
    minimum: int

    @classmethod
    def of(
        cls, x: Quantization, y: Quantization, output: Quantization, *, relu: bool = False
    ) -> "Addition":
        """Return the sum of tensors of these quantizations."""
        twice = 2 * max(x.scale, y.scale)
        tables = [
            rescaled((NUMBERS - one.zero_point) << _LEFT_SHIFT, fixed_point(one.scale / twice))
            for one in (x, y)
        ]
        return cls(
            x_table=tables[0],
            y_table=tables[1],
            scale=fixed_point(twice / ((1 << _LEFT_SHIFT) * output.scale)),
            offset=output.zero_point,
            minimum=max(LEAST, output.zero_point) if relu else LEAST,
        )

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return int8 for two arrays of int8 of one shape."""
        sums = self.x_table[x.astype(np.int64) - LEAST] + self.y_table[y.astype(np.int64) - LEAST]
        values = rescaled(sums, self.scale) + self.offset
        return np.clip(values, self.minimum, MOST).astype(np.int8)


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product of two tensors: LiteRT's MUL of their elements, or BATCH_MATMUL of matrices.

    Parameters
    ----------
    x_zero_point, y_zero_point : int
    scale : Scale
    offset : int
        Zero point of the output.
    """

    x_zero_point: int
    y_zero_point: int
    scale: Scale
    offset: int

    @classmethod
    def of(cls, x: Quantization, y: Quantization, output: Quantization) -> "Product":
        """Return the product of tensors of these quantizations."""
        return cls(
            x_zero_point=x.zero_point,
            y_zero_point=y.zero_point,
            scale=fixed_point(product_factor(x, y, output)),
            offset=output.zero_point,
        )

    def elements(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return int8 for two arrays of int8 of one shape."""
        return self._finished(self._centered_x(x) * self._centered_y(y))

    def matrices(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return int8 (rows, columns) for int8 (rows, K) and (K, columns)."""
        return self._finished(self._centered_x(x) @ self._centered_y(y))

    def _centered_x(self, x: np.ndarray) -> np.ndarray:
        return x.astype(np.int64) - self.x_zero_point

    def _centered_y(self, y: np.ndarray) -> np.ndarray:
        return y.astype(np.int64) - self.y_zero_point

    def _finished(self, sums: np.ndarray) -> np.ndarray:
        return np.clip(rescaled(sums, self.scale) + self.offset, LEAST, MOST).astype(np.int8)


def lookup_table(
    function: Callable[[np.ndarray], np.ndarray], x: Quantization, output: Quantization
) -> np.ndarray:
    """Return a function of one number as a table, int64 (256,), for -128 to 127.

    It is computed in float32, and rounded half away from zero.
    """
    values = function(np.float32(x.scale) * (NUMBERS - x.zero_point).astype(np.float32))
    steps = values / np.float32(output.scale)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps)).astype(np.int64)
    return np.clip(rounded + output.zero_point, LEAST, MOST)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the logistic function, in float32."""
    # The exponential of float32 in numpy is less exact than that of C.
    return 1 / (1 + np.exp(-x.astype(np.float64)).astype(np.float32))


def tanh(x: np.ndarray) -> np.ndarray:
    """Return the hyperbolic tangent, in float32."""
    return np.tanh(x.astype(np.float64)).astype(np.float32)
