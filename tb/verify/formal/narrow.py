"""Units as small as can be: narrower than a configuration may be."""

from dataclasses import replace
from unittest.mock import patch

from weft.formats import IntegerFormat
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming

# Bits of a sum: the fewest that a configuration allows.
LEAST_ACCUMULATOR = 8


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
    config = MatrixUnitConfig(**{**given, "activation": "uint2"})
    object.__setattr__(config, "activation", IntegerFormat.parse(given["activation"]))
    object.__setattr__(config, "accumulator_width", accumulator_width)
    return config


def few_places(places: int):
    """While it lasts, units have so many rows of results, which are full soon."""
    usual = MatrixUnitTiming.of

    def with_few(config: MatrixUnitConfig) -> MatrixUnitTiming:
        return replace(usual(config), result_depth=places)

    return patch.object(MatrixUnitTiming, "of", staticmethod(with_few))
