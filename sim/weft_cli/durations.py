"""Rough durations of long steps, measured on a machine with two cores; a busy one takes longer."""

from weft.core.core_config import CoreConfig
from weft.matrix.config import MatrixUnitConfig


def simulation_build(config: MatrixUnitConfig) -> str:
    """Return a sentence that announces a build, with the duration of Verilator and the compiler."""
    cells = config.rows * config.columns
    what = f"building the simulation of {config.rows} x {config.columns} cells"
    return f"{what}, about {rough(8 + cells / 550)}"


def core_build(core: CoreConfig) -> str:
    """Return a sentence that announces the build of the simulation of a core."""
    cells = core.lanes * core.lanes
    what = f"building the simulation of a core of {core.lanes} x {core.lanes} cells"
    return f"{what}, about {rough(45 + cells / 400)}"


def rough(seconds: float) -> str:
    """Return a duration in words, in steps of five seconds or one minute."""
    if seconds < 60:
        return f"{max(5, 5 * round(seconds / 5))} seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minute{'s' if minutes > 1 else ''}"
