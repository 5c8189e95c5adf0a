"""Units as small as can be: narrower than a configuration may be."""

from dataclasses import replace
from unittest.mock import patch

from weft.formats import IntegerFormat
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.matrix_unit import MatrixUnit

# Bits of a sum: the fewest that a configuration allows.
LEAST_ACCUMULATOR = 8


class NarrowConfig(MatrixUnitConfig):
    """A configuration whose sums may be narrower than one allows."""

    @property
    def checksum_column(self) -> MatrixUnitConfig:
        allowed = replace(self, accumulator_width=LEAST_ACCUMULATOR, checksum=False)
        column = super(NarrowConfig, allowed).checksum_column
        object.__setattr__(column, "accumulator_width", self.accumulator_width)
        return column


def narrow(accumulator_width: int, **changes) -> MatrixUnitConfig:
    """A unit as small as can be, with numbers that may be narrower than a configuration allows.

    It allows no activations of one bit with checksums, for what synthesis would do with their
    parities; that is not asked here.
    """
    least = {
        "rows": 1,
        "columns": 1,
        "activation": "uint1",
        "weight": "uint1",
        "accumulator_width": LEAST_ACCUMULATOR,
        "accumulator_depth": 2,
        "multiplier_stages": 0,
    }
    given = {**least, **changes}
    config = NarrowConfig(**{**given, "activation": "uint2"})
    object.__setattr__(config, "activation", IntegerFormat.parse(given["activation"]))
    object.__setattr__(config, "accumulator_width", accumulator_width)
    return config


def few_places(places: int):
    """While it lasts, units are drawn with so many rows of results, which are full soon."""
    return patch.object(MatrixUnit, "result_depth_of", staticmethod(lambda _: places))
