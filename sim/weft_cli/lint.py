"""Lint the Verilog that Weft writes: every warning of Verilator, but the waivers with a reason."""

import subprocess
from pathlib import Path

from weft.emit.export import emit, write
from weft.matrix.config import SMALL, TINY, MatrixUnitConfig
from weft_sim import toolchain
from weft_sim.verilator import WAIVERS, SimulationFailed

CONFIGURATIONS = (
    TINY,
    SMALL,
    MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1),
    MatrixUnitConfig(rows=20, columns=9, activation="uint5", weight="int11", adder_stages=3),  # type: ignore[arg-type]
    MatrixUnitConfig(rows=3, columns=17, accumulator_width=20, multiplier_stages=0),
    MatrixUnitConfig(rows=18, columns=5, inner_product="fast", multiplier_stages=3),
    MatrixUnitConfig(rows=3, columns=8, weight="uint8", checksum=True),  # type: ignore[arg-type]
    MatrixUnitConfig(rows=4, columns=3, inner_product="fast", adder_stages=2, checksum=True),
)


def findings(path: Path, top: str) -> str:
    """What Verilator has to say of a file with top module `top`; nothing if it is clean."""
    toolchain.prepare_environment()
    command = ["verilator", "--lint-only", "-Wall", "--top-module", top, WAIVERS, path]
    lint = subprocess.run(command, capture_output=True, text=True)
    return lint.stderr or (f"exit code {lint.returncode}" if lint.returncode else "")


def lint_all() -> None:
    """Lint several units and say so; raise SimulationFailed on the first finding."""
    for config in CONFIGURATIONS:
        emission = emit(config)
        path = write(emission, toolchain.build_root() / "lint")
        if found := findings(path, emission.name):
            raise SimulationFailed(f"{path} does not lint clean:\n{found}")
        print(f"{emission.name}: clean")
