"""Configurations of minimal units, narrower than MatrixUnitConfig allows."""

from dataclasses import replace
from unittest.mock import patch

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming

# Smallest accumulator width that a configuration allows.
LEAST_ACCUMULATOR = 8


def narrow(accumulator_width: int, **changes) -> MatrixUnitConfig:
    """Return the configuration of a minimal unit, with numbers narrower than otherwise allowed.

    A configuration does not allow activations of one bit with checksums, because synthesis would
    merge them with their parities. That does not matter here.
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
    object.__setattr__(config, "activation", given["activation"])
    object.__setattr__(config, "accumulator_width", accumulator_width)
    return config


def few_places(places: int):
    """Patch the depth of result buffers to `places` rows, so that they soon fill up."""
    usual = MatrixUnitTiming.of

    def with_few(config: MatrixUnitConfig) -> MatrixUnitTiming:
        return replace(usual(config), result_depth=places)

    return patch.object(MatrixUnitTiming, "of", staticmethod(with_few))
