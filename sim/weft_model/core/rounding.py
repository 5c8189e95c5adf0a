"""How VECTOR multiplies by a scale: UP, DOUBLE and F32."""

import numpy as np

from weft.checks import check
from weft.isa.codes import Rounding

# Multipliers of F32 are integers that float32 holds exactly.
MOST_F32_MULTIPLIER = 1 << 24


def scaled(
    rounding: Rounding, x: np.ndarray, *, multiplier: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Return x * multiplier / 2**shift, rounded, as int64 that do not wrap.

    Parameters
    ----------
    x, multiplier : ndarray of int64
        In the range of int32.
    shift : ndarray of int64, 0 to 63

    Raises
    ------
    ValueError
        If a multiplier of F32 is not exact as a float32.
    """
    return _MODES[rounding](x, multiplier, shift)


def _up(x: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Round half up: TOSA's RESCALE with a single rounding."""
    return _shifted_half_up(x * multiplier, shift)


def _double(x: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Round twice: TOSA's RESCALE with double rounding, and gemmlowp's fixed-point product."""
    nudge = np.where(x >= 0, 1 << 30, -(1 << 30))
    return _shifted_half_up(x * multiplier + np.where(shift > 31, nudge, 0), shift)


def _f32(x: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Round a product of float32 half to even: as onnxruntime requantizes."""
    check(
        bool((np.abs(multiplier) <= MOST_F32_MULTIPLIER).all()),
        f"a multiplier of f32 must be from {-MOST_F32_MULTIPLIER} to {MOST_F32_MULTIPLIER}, not "
        f"{np.max(np.abs(multiplier))}",
    )
    scale = np.ldexp(multiplier.astype(np.float32), -shift)
    return np.rint(x.astype(np.float32) * scale).astype(np.int64)


def _none(x: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return x


def _shifted_half_up(product: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return (product + 2**(shift - 1)) >> shift without the sum, which may not fit 64 bits."""
    rounded = ((product >> np.maximum(shift - 1, 0)) + 1) >> 1
    return np.where(shift > 0, rounded, product)


_MODES = {
    Rounding.NONE: _none,
    Rounding.UP: _up,
    Rounding.DOUBLE: _double,
    Rounding.F32: _f32,
}
