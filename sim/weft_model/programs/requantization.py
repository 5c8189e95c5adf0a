"""Requantization: from 32-bit sums of products to the numbers of the next operation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.isa.codes import Rounding

from ..core.rounding import scaled
from .scales import Quantization, fixed_point, float32_scale

LEAST, MOST = -128, 127
RECORD = np.dtype([("bias", "<i4"), ("multiplier", "<i4"), ("shift", "<i4")])


@dataclass(frozen=True, kw_only=True, eq=False)
class Requantization:
    """(sum + bias) * multiplier / 2**shift + offset, rounded and clamped.

    Parameters
    ----------
    bias, multiplier, shift : ndarray of int32, (outputs,)
    rounding : Rounding
    offset : int
        The zero point of the output.
    minimum, maximum : int
    """

    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    rounding: Rounding
    offset: int = 0
    minimum: int = LEAST
    maximum: int = MOST

    @classmethod
    def of(
        cls,
        *,
        bias: np.ndarray,
        factors: Sequence[float],
        output: Quantization,
        rounding: Rounding,
        relu: bool = False,
    ) -> "Requantization":
        """Return that of sums whose unit is a factor of the output's scale.

        Parameters
        ----------
        bias : ndarray of int32, (outputs,)
        factors : sequence of float, (outputs,)
        output : Quantization
        rounding : Rounding
        relu : bool
            The least output stands for 0.
        """
        find = float32_scale if rounding == Rounding.F32 else fixed_point
        scales = [find(factor) for factor in factors]
        return cls(
            bias=bias.astype(np.int32),
            multiplier=np.array([scale.multiplier for scale in scales], np.int32),
            shift=np.array([scale.shift for scale in scales], np.int32),
            rounding=rounding,
            offset=output.zero_point,
            minimum=max(LEAST, output.zero_point) if relu else LEAST,
        )

    def __call__(self, sums: np.ndarray) -> np.ndarray:
        """Return int8 for sums (..., outputs)."""
        scales = {"multiplier": self.multiplier.astype(np.int64), "shift": self.shift}
        values = scaled(self.rounding, sums.astype(np.int64) + self.bias, **scales)
        return np.clip(values + self.offset, self.minimum, self.maximum).astype(np.int8)

    def records(self) -> np.ndarray:
        """Return the records of the parameters of a core, (outputs,)."""
        records = np.zeros(len(self.bias), RECORD)
        for name in RECORD.names or ():
            records[name] = getattr(self, name)
        return records
