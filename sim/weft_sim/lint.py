"""Lint the Verilog that Weft writes: every warning of Verilator, but the waivers with a reason."""

import subprocess

from weft.config import SMALL, TINY, MatrixUnitConfig
from weft.export import emit, write

from . import toolchain
from .simulator import WAIVERS, SimulationFailed

CONFIGURATIONS = (
    TINY,
    SMALL,
    MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1),
    MatrixUnitConfig(rows=20, columns=9, activation="uint5", weight="int11", adder_stages=3),  # type: ignore[arg-type]
    MatrixUnitConfig(rows=3, columns=17, accumulator_width=20, multiplier_stages=0),
)


def lint_all() -> None:
    """Lint several units and say so; raise SimulationFailed on the first finding."""
    toolchain.prepare_environment()
    for config in CONFIGURATIONS:
        emission = emit(config)
        path = write(emission, toolchain.build_root() / "lint")
        command = ["verilator", "--lint-only", "-Wall", "--top-module", emission.name]
        found = subprocess.run([*command, WAIVERS, path], capture_output=True, text=True)
        if found.returncode or "%Warning" in found.stderr:
            raise SimulationFailed(f"{path} does not lint clean:\n{found.stderr}")
        print(f"{emission.name}: clean")
