"""Scales: real factors as the integer multipliers and shifts of VECTOR."""

import math
from dataclasses import dataclass

import numpy as np

from weft.checks import check

_BITS = 31
_F32_BITS = 24


@dataclass(frozen=True)
class Quantization:
    """A tensor's: its integers stand for `scale * (integer - zero_point)`.

    Parameters
    ----------
    scale : float
        Rounded to a float32, as files of networks hold it.
    zero_point : int
    """

    scale: float
    zero_point: int = 0

    def __post_init__(self):
        object.__setattr__(self, "scale", float(np.float32(self.scale)))


@dataclass(frozen=True)
class Scale:
    """The factor multiplier / 2**shift."""

    multiplier: int
    shift: int


def fixed_point(factor: float) -> Scale:
    """Return a positive factor as a multiplier of 31 bits and a shift: LiteRT's QuantizeMultiplier.

    Raises
    ------
    ValueError
        If the factor is not from 2**-31 to 2**31.
    """
    check(2**-31 <= factor < 2**31, f"a factor must be from 2**-31 to 2**31, not {factor}")
    fraction, exponent = math.frexp(factor)
    # Python rounds half to even, C++ away from zero.
    multiplier = math.floor(fraction * (1 << _BITS) + 0.5)
    if multiplier == 1 << _BITS:
        multiplier, exponent = multiplier // 2, exponent + 1
    return Scale(multiplier, _BITS - exponent)


def float32_scale(factor: float) -> Scale:
    """Return the float32 next to a positive factor, exactly, for the rounding `f32`."""
    fraction, exponent = math.frexp(float(np.float32(factor)))
    return Scale(int(fraction * (1 << _F32_BITS)), _F32_BITS - exponent)


def channel_factors(
    source: Quantization, weight_scales: np.ndarray, output: Quantization
) -> list[float]:
    """Return the factors from sums to the output, one for each channel, in float64 as LiteRT."""
    return [source.scale * float(scale) / output.scale for scale in weight_scales]


def float32_factors(
    source: Quantization, weight_scales: np.ndarray, output: Quantization
) -> list[float]:
    """Return the same in float32, as onnxruntime and XNNPACK."""
    products = np.float32(source.scale) * weight_scales.astype(np.float32)
    return (products / np.float32(output.scale)).tolist()


def product_factor(a: Quantization, b: Quantization, output: Quantization) -> float:
    """Return the factor of products of two tensors; LiteRT rounds that of the operands first."""
    return float(np.float32(a.scale) * np.float32(b.scale)) / output.scale
