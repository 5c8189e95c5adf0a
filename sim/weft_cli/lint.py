"""Lint the Verilog that Weft writes with Verilator, with its default warnings and with -Wall."""

import subprocess
from pathlib import Path

from weft.core.core_config import TINY as TINY_CORE
from weft.core.core_config import BufferConfig, core_of
from weft.emit.core_export import emit_core
from weft.emit.export import emit, write
from weft.matrix.config import SMALL, TINY, MatrixUnitConfig
from weft_sim import toolchain
from weft_sim.verilator import SimulationFailed

CONFIGURATIONS = (
    TINY,
    SMALL,
    MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1),
    MatrixUnitConfig(rows=20, columns=9, activation="uint5", weight="int11", adder_stages=3),
    MatrixUnitConfig(rows=3, columns=17, accumulator_width=20, multiplier_stages=0),
    MatrixUnitConfig(rows=18, columns=5, inner_product="fast", multiplier_stages=3),
    MatrixUnitConfig(rows=3, columns=8, weight="uint8", checksum=True),
    MatrixUnitConfig(rows=4, columns=3, inner_product="fast", adder_stages=2, checksum=True),
    MatrixUnitConfig(rows=4, columns=8, soft_columns=3),
    MatrixUnitConfig(rows=2, columns=2, activation="uint1", weight="uint1", accumulator_width=8),
    MatrixUnitConfig(
        rows=2,
        columns=3,
        activation="int2",
        weight="uint1",
        accumulator_depth=5,
        checksum=True,
    ),
    MatrixUnitConfig(
        rows=6,
        columns=5,
        activation="uint16",
        weight="int16",
        accumulator_width=64,
        multiplier_stages=4,
        adder_stages=4,
        inner_product="fast",
        soft_columns=2,
        checksum=True,
    ),
    MatrixUnitConfig(
        rows=3,
        columns=4,
        activation="int8,uint8,int16",
        weight="int16",
        cell_width=8,
        zero_points=True,
        checksum=True,
    ),
    MatrixUnitConfig(
        rows=4,
        columns=2,
        activation="float4_e2m1fn",
        weight="float6_e3m2fn",
        result="bfloat16",
        inner_product="fast",
    ),
    MatrixUnitConfig(
        rows=4,
        columns=5,
        activation="int4",
        weight="uint4",
        inner_product="packed",
        adder_stages=2,
        soft_columns=2,
    ),
    MatrixUnitConfig(rows=2, columns=1, activation="uint5", weight="int4", inner_product="packed"),
    MatrixUnitConfig(rows=2, columns=3, activation="float8_e4m3fn", weight="float8_e4m3fn"),
    MatrixUnitConfig(rows=2, columns=3, activation="float8_e4m3fn", weight="float8_e5m2"),
    MatrixUnitConfig(
        rows=3,
        columns=4,
        activation="bfloat16",
        weight="bfloat16",
        result="bfloat16",
        soft_columns=1,
    ),
)
CORES = (TINY_CORE, core_of(lanes=8, buffer=BufferConfig(rows=96, banks=3), accumulators=40))
LEVELS = ((), ("-Wall",))


def findings(*arguments: Path | str) -> str:
    """Return the first warnings of Verilator on the given files and options, or an empty text."""
    toolchain.prepare_environment()
    for level in LEVELS:
        command = ["verilator", "--lint-only", *level, *arguments]
        lint = subprocess.run(command, capture_output=True, text=True)
        if lint.stderr or lint.returncode:
            return lint.stderr or f"exit code {lint.returncode}"
    return ""


def lint_all() -> None:
    """Lint units and cores and print their names; raise SimulationFailed on the first finding."""
    emissions = (*map(emit, CONFIGURATIONS), *map(emit_core, CORES))
    for emission in emissions:
        path = write(emission, toolchain.build_root() / "lint")
        if found := findings(path):
            raise SimulationFailed(f"{path} does not lint clean:\n{found}")
        print(f"{emission.name}: clean")
