"""The small units that are mutated; together they have every module of the matrix unit."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from weft.core.axi_matrix_unit import AxiMatrixUnit
from weft.emit.verilog import PASSES, rtlil_of
from weft.formats import IntegerFormat
from weft.hierarchy import EmittedModule, ModuleLibrary
from weft.matrix.config import MatrixUnitConfig
from weft_sim.yosys import run_yosys

TOP = "weft"


@dataclass(frozen=True)
class Unit:
    """A matrix unit, and the components to mutate; all components if none is named.

    `whole`: the coroutines of benches of the whole unit that its formats allow; all if none is
    named. Operands are narrow, so that proofs of their multipliers end. Memories, including those
    of results, have a power of two of words, so that every address that can be read exists.
    """

    name: str
    config: MatrixUnitConfig
    components: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


# Coroutines for operands of any kind.
ANY_OPERANDS = (
    "multiplies",
    "runs_back_to_back",
    "stalls_change_nothing_but_time",
    "works_as_new_after_a_reset",
    "unknown_inputs_stay_out",
)
UNITS = (
    Unit(
        "plain",
        MatrixUnitConfig(
            rows=4,
            columns=3,
            activation=IntegerFormat(4),
            weight=IntegerFormat(3, signed=False),
            accumulator_depth=32,
            accumulator_width=16,
            multiplier_stages=2,
            adder_stages=2,
        ),
    ),
    Unit(
        "fast",
        MatrixUnitConfig(
            rows=4,
            columns=5,
            activation=IntegerFormat(3, signed=False),
            weight=IntegerFormat(4),
            accumulator_depth=8,
            accumulator_width=16,
            inner_product="fast",
            soft_columns=1,
        ),
        (
            "FastArray",
            "Chain",
            "ActivationProducts",
            "WeightProducts",
            "WeightProductsControl",
            "ActivationCorrection",
            "FastCell",
            "SoftFastCell",
            "SoftMultiplier",
        ),
    ),
    Unit(
        "packed",
        MatrixUnitConfig(
            rows=4,
            columns=3,
            activation=IntegerFormat(3),
            weight=IntegerFormat(2),
            accumulator_depth=4,
            accumulator_width=8,
            adder_stages=2,
            inner_product="packed",
            soft_columns=1,
        ),
        ("PackedArray", "PackedCell", "SoftPackedCell"),
    ),
    # Wide enough for a nested hierarchy of columns, and with the fewest registers.
    Unit(
        "wide",
        MatrixUnitConfig(
            rows=2,
            columns=22,
            activation=IntegerFormat(2),
            weight=IntegerFormat(2),
            accumulator_depth=4,
            accumulator_width=8,
            multiplier_stages=0,
            soft_columns=1,
        ),
        ("SoftCell", "SystolicArray", "Chain"),
    ),
    # Operands of several formats, in one piece or two, with zero points. The first formats are
    # unsigned, so that rows without the bit `signed` are of these formats.
    Unit(
        "operands",
        MatrixUnitConfig(
            rows=3,
            columns=3,
            activation="uint2,int2,int4",  # type: ignore[arg-type]
            weight="uint2,int4",  # type: ignore[arg-type]
            cell_width=2,
            zero_points=True,
            accumulator_depth=4,
            accumulator_width=12,
            adder_stages=2,
        ),
        ("MatrixUnit", "OperandEdge", "SumShift", "RowCheck"),
        (*ANY_OPERANDS, "takes_any_sign_zero_point_and_shift"),
    ),
    Unit(
        "floats",
        MatrixUnitConfig(
            rows=2,
            columns=2,
            activation="float4_e2m1fn",  # type: ignore[arg-type]
            weight="float4_e2m1fn",  # type: ignore[arg-type]
            accumulator_depth=4,
            result="bfloat16",
        ),
        ("FloatEdge", "FloatResults", "ToFloat"),
        ANY_OPERANDS,
    ),
    Unit(
        "magnitudes",
        MatrixUnitConfig(
            rows=2,
            columns=2,
            activation="float8_e4m3fn",  # type: ignore[arg-type]
            weight="float4_e2m1fn",  # type: ignore[arg-type]
            accumulator_depth=4,
            soft_columns=1,
        ),
        ("MagnitudeCell", "SoftMagnitudeCell", "FloatEdge", "FloatResults", "AccumulatorBank"),
        ANY_OPERANDS,
    ),
    Unit(
        "infinities",
        MatrixUnitConfig(
            rows=2,
            columns=2,
            activation="float8_e5m2",  # type: ignore[arg-type]
            weight="float8_e4m3fn",  # type: ignore[arg-type]
            accumulator_depth=4,
            soft_columns=1,
        ),
        ("SteppedCell", "SoftSteppedCell", "FloatEdge", "FloatResults"),
        ANY_OPERANDS,
    ),
    # A format narrower than bfloat16 would not be one of a unit.
    Unit(
        "chained",
        MatrixUnitConfig(
            rows=2,
            columns=2,
            activation="bfloat16",  # type: ignore[arg-type]
            weight="bfloat16",  # type: ignore[arg-type]
            accumulator_depth=4,
            result="bfloat16",
            soft_columns=1,
        ),
        (
            *("MatrixUnit", "Admission", "RowSpacing", "AccumulatorControl"),
            *("FloatAccumulatorBank", "FloatAdder", "FloatCell", "SoftFloatCell"),
            *("NormalizingEdge", "NarrowFloat", "FloatResults"),
        ),
        (
            *ANY_OPERANDS,
            "waits_within_a_sum",
            "ends_a_job_with_every_result",
            "counts_every_activity_for_long",
        ),
    ),
    # Components that checksums add or change. Most act only after a flip, so the benches flip bits.
    Unit(
        "checksum",
        MatrixUnitConfig(
            rows=4,
            columns=4,
            activation=IntegerFormat(3),
            weight=IntegerFormat(2, signed=False),
            accumulator_depth=4,
            accumulator_width=8,
            checksum=True,
        ),
        ("MatrixUnit", "Admission", "ResultBuffer", "ChecksumColumn", "ResultCheck", "SumTree"),
    ),
    Unit(
        "checksum-fast",
        MatrixUnitConfig(
            rows=4,
            columns=3,
            activation=IntegerFormat(2, signed=False),
            weight=IntegerFormat(3),
            accumulator_depth=4,
            accumulator_width=8,
            adder_stages=2,
            inner_product="fast",
            checksum=True,
        ),
        ("MatrixUnit", "CheckedFastArray", "FastChecksumColumn", "PairsCheck", "PairCell"),
    ),
)


@dataclass(frozen=True)
class MutableDesign:
    """An emitted unit.

    Members
    -------
    unit : Unit
    rtlil : str
        All modules, with the line of Python of each cell.
    modules : dict
        Module name to its Verilog.
    emitted : dict
        Module name to its component and parameters.
    harnesses : tuple
        Names of the modules that are not part of the unit.
    """

    unit: Unit
    rtlil: str
    modules: dict[str, str]
    emitted: dict[str, EmittedModule]
    harnesses: tuple[str, ...] = ()

    @property
    def mutable(self) -> list[str]:
        """Names of the modules to mutate."""
        chosen = self.unit.components
        return [
            name
            for name in self.modules
            if name not in self.harnesses
            and (not chosen or self.emitted[name].component.__name__ in chosen)
        ]

    def verilog(self, mutated: dict[str, str]) -> str:
        """Return all modules, with some replaced by their mutated texts."""
        return "\n\n".join({**self.modules, **mutated}.values()) + "\n"

    def parents_of(self, module: str) -> list[str]:
        """Return the modules that instantiate a module."""
        instance = re.compile(rf"(?m)^  {module} \w+ \($")
        return [name for name, text in self.modules.items() if instance.search(text)]


def make_design(unit: Unit, *harnesses: tuple[type, str]) -> MutableDesign:
    """Emit a unit, and further components around some of its modules, with its configuration.

    Parameters
    ----------
    harnesses : (component, module name)

    Raises
    ------
    ToolMissing, YosysFailed
    """
    library = ModuleLibrary(TOP, sources=True)
    library.add(AxiMatrixUnit, TOP, config=unit.config)
    for component, name in harnesses:
        library.add(component, name, config=unit.config)
    with tempfile.TemporaryDirectory(prefix="weft-mutation-") as scratch:
        folder = Path(scratch)
        (folder / "emitted.il").write_text(rtlil_of(library))
        run_yosys(
            "read_rtlil emitted.il",
            # Every emitted module is marked as a top; unset this, so that none is pruned.
            "setattr -mod -unset top",
            "hierarchy -check",
            *PASSES,
            "write_rtlil clean.il",
            "write_verilog -noattr clean.v",
            folder=folder,
        )
        rtlil = (folder / "clean.il").read_text()
        modules = split_modules((folder / "clean.v").read_text())
    names = tuple(name for _, name in harnesses)
    return MutableDesign(unit, rtlil, modules, library.modules, names)


def split_modules(verilog: str) -> dict[str, str]:
    """Split Verilog into the texts of its modules, by name."""
    texts = re.finditer(r"(?ms)^module (\w+).*?^endmodule$", verilog)
    return {text[1]: text[0] for text in texts}
