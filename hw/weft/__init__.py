"""Weft: an open TPU in Amaranth."""

from .core.axi_matrix_unit import AxiMatrixUnit
from .formats import IntegerFormat
from .matrix.config import SMALL, TINY, TPU_V1, MatrixUnitConfig
from .matrix.layouts import Activity, Error
from .matrix.matrix_unit import MatrixUnit
from .version import __version__

__all__ = [
    "SMALL",
    "TINY",
    "TPU_V1",
    "Activity",
    "AxiMatrixUnit",
    "Error",
    "IntegerFormat",
    "MatrixUnit",
    "MatrixUnitConfig",
    "__version__",
]
