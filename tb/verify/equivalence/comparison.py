"""Compare simulators: run one plan on each, and compare every port in every cycle."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from weft.emit.export import Emission
from weft.matrix.config import MatrixUnitConfig
from weft_sim import toolchain

from .transcript import Transcript, first_difference, record

# The tests use the first two units, the command uses all.
UNITS = {
    "3x5": MatrixUnitConfig(
        rows=3,
        columns=5,
        activation="uint5",  # type: ignore[arg-type]
        weight="int11",  # type: ignore[arg-type]
        accumulator_depth=9,
        adder_stages=2,
    ),
    "4x2 bfloat16": MatrixUnitConfig(
        rows=4,
        columns=2,
        activation="bfloat16",  # type: ignore[arg-type]
        weight="bfloat16",  # type: ignore[arg-type]
        accumulator_depth=6,
    ),
    "4x3 fast": MatrixUnitConfig(rows=4, columns=3, inner_product="fast", accumulator_depth=7),
    "1x1": MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1),
    "5x7": MatrixUnitConfig(rows=5, columns=7, accumulator_depth=16, multiplier_stages=3),
    "4x9, 4 soft": MatrixUnitConfig(rows=4, columns=9, accumulator_depth=12, soft_columns=4),
    "2x6 fast, 3 soft": MatrixUnitConfig(
        rows=2, columns=6, inner_product="fast", accumulator_depth=5, soft_columns=3
    ),
    "8x4 fast, int16": MatrixUnitConfig(
        rows=8,
        columns=4,
        inner_product="fast",
        activation="int16",  # type: ignore[arg-type]
        weight="int16",  # type: ignore[arg-type]
        accumulator_width=48,
        accumulator_depth=20,
        multiplier_stages=0,
    ),
    "4x5 with checksums": MatrixUnitConfig(rows=4, columns=5, accumulator_depth=8, checksum=True),
    "4x3 fast with checksums": MatrixUnitConfig(
        rows=4, columns=3, inner_product="fast", accumulator_depth=8, checksum=True
    ),
    "3x4, 8 or 16 bits in pieces, zero points": MatrixUnitConfig(
        rows=3,
        columns=4,
        activation="int8,uint8,int16",  # type: ignore[arg-type]
        weight="uint8,int16",  # type: ignore[arg-type]
        cell_width=8,
        zero_points=True,
        accumulator_width=40,
        accumulator_depth=6,
        checksum=True,
    ),
    "5x3 of float6 by float4": MatrixUnitConfig(
        rows=5,
        columns=3,
        activation="float6_e3m2fn",  # type: ignore[arg-type]
        weight="float4_e2m1fn",  # type: ignore[arg-type]
        accumulator_depth=7,
        result="bfloat16",
    ),
    "16x16": MatrixUnitConfig(rows=16, columns=16, accumulator_depth=64),
    "16x16 fast": MatrixUnitConfig(rows=16, columns=16, inner_product="fast", accumulator_depth=64),
}


@dataclass(frozen=True)
class Comparison:
    """Transcripts of one plan, one per simulator; all are compared with the first."""

    seed: int
    transcripts: list[Transcript]

    @property
    def differences(self) -> list[str]:
        """The first difference of each other transcript, in a sentence; empty if all are equal."""
        first, *others = self.transcripts
        found = (first_difference(first, other) for other in others)
        return [difference for difference in found if difference is not None]

    def as_dict(self) -> dict:
        """Return the entry of the report; counts are those of the first transcript."""
        first = self.transcripts[0]
        return {
            "seed": self.seed,
            "equal": not self.differences,
            "differences": self.differences,
            "cycles": len(first.lines),
            "cycles_in_reset": first.cycles_in_reset,
            "cycles_with_errors": first.cycles_with_errors,
            "transfers": first.transfers,
            "sha256": {t.simulator: t.sha256 for t in self.transcripts},
            "seconds": {t.simulator: round(t.seconds, 2) for t in self.transcripts},
        }


def compare(
    emission: Emission,
    seed: int,
    simulators: list[str],
    directory: Path,
    *,
    building: Callable[[], None] = lambda: None,
) -> Comparison:
    """Run the plan of a seed on each simulator; raises the errors of `transcript.record`."""
    transcripts = [
        record(emission, seed, name, directory / f"{seed}-{name}", building=building)
        for name in simulators
    ]
    return Comparison(seed, transcripts)


def available() -> tuple[list[str], dict[str, str]]:
    """Return the installed simulators, and for each of the others what is missing."""
    installed, missing = [], {}
    for name in toolchain.SIMULATORS:
        try:
            toolchain.require(name)
            installed.append(name)
        except toolchain.ToolMissing as error:
            missing[name] = str(error)
    return installed, missing
