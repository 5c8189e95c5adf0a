"""The design behind a serial line that a configuration asks for."""

from ..core.core_config import CoreConfig
from ..hierarchy import Part
from ..matrix.config import MatrixUnitConfig
from .core_host import CoreHost
from .core_host_registers import CoreHostParameters
from .matrix_unit_host import MatrixUnitHost
from .registers import HostParameters


def host_part(
    config: MatrixUnitConfig | CoreConfig,
    *,
    cycles_per_bit: int,
    clock_hz: int,
    payload_bytes: int,
    memory_bytes: int,
) -> Part:
    """Return a MatrixUnitHost, or the CoreHost of a core, whose memory has `memory_bytes`.

    Raises
    ------
    TypeError, ValueError
        As in HostParameters or CoreHostParameters.
    """
    link = {
        "cycles_per_bit": cycles_per_bit,
        "clock_hz": clock_hz,
        "payload_bytes": payload_bytes,
    }
    if isinstance(config, CoreConfig):
        core = CoreHostParameters(config=config, memory_bytes=memory_bytes, **link)
        return Part(CoreHost, vars(core))
    return Part(MatrixUnitHost, vars(HostParameters(config=config, **link)))
