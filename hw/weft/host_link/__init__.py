"""The host link of a board: a core's registers and streams behind a serial line."""

from .host_link import HostLink
from .matrix_unit_host import MatrixUnitHost
from .uart import cycles_per_bit_of

__all__ = ["HostLink", "MatrixUnitHost", "cycles_per_bit_of"]
