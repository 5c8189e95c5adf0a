"""Random operands of matrix products, including extreme values."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from weft.float_format import FloatFormat
from weft.formats import NumberFormat
from weft.matrix.config import MatrixUnitConfig

from .quantized import Quantized


class _Draw(NamedTuple):
    source: np.random.Generator
    number: NumberFormat
    shape: tuple[int, ...]

    @property
    def corners(self) -> list[float]:
        """The minimum and maximum of the format, zero and a neighbour of zero.

        For a format with chained sums, -1 and 1 instead of minimum and maximum.
        """
        number = self.number
        if isinstance(number, FloatFormat):
            neighbour = -(2.0**number.least_exponent)
            if number.chains:
                # Products of larger numbers would leave nothing but infinities and NaN.
                return [-1, 1, 0, neighbour]
        else:
            neighbour = -1 if number.signed else 1
        return [number.minimum, number.maximum, 0, neighbour]


def _uniform(draw: _Draw) -> np.ndarray:
    number = draw.number
    if isinstance(number, FloatFormat) and number.chains:
        return _balanced(draw)
    if isinstance(number, FloatFormat):
        values = _any_code(draw).astype(np.float64)
        # Most NaNs and infinities become zero, so that they do not fill the product.
        return np.where(np.isfinite(values) | (draw.source.random(draw.shape) > 0.9), values, 0)
    return draw.source.integers(number.minimum, number.maximum, draw.shape, endpoint=True)


def _any_code(draw: _Draw) -> np.ndarray:
    """Return numbers of a floating-point format with random bits."""
    number = draw.number
    codes = draw.source.integers(0, 1 << number.width, draw.shape, np.uint32)
    return codes.astype(f"u{number.dtype.itemsize}").view(number.dtype)


def _balanced(draw: _Draw) -> np.ndarray:
    """Return numbers whose sums of products cancel, round and underflow, but seldom overflow."""
    source, number = draw.source, draw.number
    fraction = 1 + source.integers(0, 1 << number.fraction, draw.shape) / (1 << number.fraction)
    exponent = source.integers(-12, 12, draw.shape)
    small = source.random(draw.shape) < 0.02
    exponent = np.where(small, source.integers(-140, -60, draw.shape), exponent)
    values = np.ldexp(fraction * source.choice([-1, 1], draw.shape), exponent)
    values = values.astype(number.dtype)
    return np.where(source.random(draw.shape) < 0.001, _any_code(draw), values)


def _minimum(draw: _Draw) -> np.ndarray:
    return np.full(draw.shape, draw.number.minimum)


def _maximum(draw: _Draw) -> np.ndarray:
    return np.full(draw.shape, draw.number.maximum)


def _corners(draw: _Draw) -> np.ndarray:
    return draw.source.choice(draw.corners, draw.shape)


def _mixed(draw: _Draw) -> np.ndarray:
    chosen = draw.source.random(draw.shape) < 1 / 3
    return np.where(chosen, _corners(draw), _uniform(draw))


def _zeros(draw: _Draw) -> np.ndarray:
    return np.zeros(draw.shape, int)


def _one_hot(draw: _Draw) -> np.ndarray:
    largest = draw.number.maximum or draw.number.minimum
    values = np.zeros(draw.shape, type(largest))
    values.flat[draw.source.integers(values.size)] = largest
    return values


def _digits(draw: _Draw) -> np.ndarray:
    low, high = max(-9, int(draw.number.minimum)), min(9, int(draw.number.maximum))
    values = [value for value in range(low, high + 1) if value]
    rows, columns = draw.shape
    decks = np.resize(values, (columns, max(rows, len(values))))
    return draw.source.permuted(decks, axis=1)[:, :rows].T


KINDS: dict[str, Callable[[_Draw], np.ndarray]] = {
    # All numbers of the format, equally likely; with chained sums, mostly those near 1.
    "uniform": _uniform,
    "minimum": _minimum,
    "maximum": _maximum,
    # Only minimum, maximum, zero and a neighbour of zero: see `_Draw.corners`.
    "corners": _corners,
    # One third corners, two thirds uniform.
    "mixed": _mixed,
    "zeros": _zeros,
    # All zero except for one number.
    "one-hot": _one_hot,
    # Easy to read in waves: -9 to 9 without 0, without repeats in columns of up to 18 rows.
    "digits": _digits,
}


def draw_matrix(
    source: np.random.Generator, number: NumberFormat, shape: tuple[int, ...], kind: str = "mixed"
) -> np.ndarray:
    """Return a random matrix of numbers of a format, in its dtype.

    Parameters
    ----------
    kind : str
        A key of KINDS; "digits" requires two dimensions.
    """
    return KINDS[kind](_Draw(source, number, shape)).astype(number.dtype)


def draw_operands(
    config: MatrixUnitConfig, m: int, k: int, n: int, *, seed: int, kind: str = "mixed"
) -> tuple[np.ndarray, np.ndarray]:
    """Return A, (M, K), and B, (K, N), from `draw_matrix`, in the first formats of the unit.

    Equal seeds give equal operands.
    """
    source = np.random.default_rng(seed)
    return (
        draw_matrix(source, config.activation.default, (m, k), kind),
        draw_matrix(source, config.weight.default, (k, n), kind),
    )


def draw_products(
    config: MatrixUnitConfig, m: int, k: int, n: int, *, seed: int
) -> list[tuple[Quantized, Quantized]]:
    """Return random A and B for each pair of formats of the unit, with zero points if it has them.

    The first pair has the first formats; without zero points, it equals `draw_operands`.
    """
    source = np.random.default_rng(seed)

    def draw(number: NumberFormat, shape: tuple[int, int], zero_points: int) -> Quantized:
        values = draw_matrix(source, number, shape)
        if not config.zero_points:
            return Quantized(values, number)
        return Quantized(values, number, draw_matrix(source, number, (zero_points,)))

    return [
        (draw(activation, (m, k), m), draw(weight, (k, n), n))
        for activation, weight in itertools.product(config.activation, config.weight)
    ]
