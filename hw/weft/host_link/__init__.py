"""The host link of a board: access to the registers and streams of a core over a serial line."""

from .host_link import HostLink
from .matrix_unit_host import MatrixUnitHost
from .uart import cycles_per_bit_of

__all__ = ["HostLink", "MatrixUnitHost", "cycles_per_bit_of"]
