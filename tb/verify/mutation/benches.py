"""Benches for a mutant: those of its own module, then those of the whole unit."""

import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benches.accumulators import Accumulators, FloatAccumulators
from benches.repository import ROOT, TB
from weft.array.cell import PLAIN
from weft.array.row import SystolicRow
from weft.array.systolic_array import SystolicArray
from weft.core.axi_matrix_unit import AxiMatrixUnit
from weft_sim.cache import digest

from .units import TOP, MutableDesign, Unit, make_design

SIM = ROOT / "sim"
WHOLE = ("benches.unit_products", "benches.unit_stalls", "benches.unit_misuse")
WITH_CHECKSUMS = (*WHOLE, "hw.matrix.test_corruption")
# Component, of the hardware or of a bench, to the Python module of its bench and a prefix of the
# names of its coroutines; "" selects all.
MODULE_BENCHES = {
    "Accumulators": ("hw.matrix.test_accumulators", ""),
    "ActivationCorrection": ("hw.array.test_activation_correction", ""),
    "ActivationProducts": ("hw.array.test_activation_products", ""),
    "Admission": ("hw.matrix.test_admission", ""),
    "AxiMatrixUnit": ("hw.core.test_axi_matrix_unit", ""),
    "BegunRows": ("hw.matrix.test_begun", ""),
    "Cell": ("hw.array.test_cell", ""),
    "CheckedFastArray": ("hw.array.test_fast_array", ""),
    "ChecksumColumn": ("hw.matrix.test_checksum_column", ""),
    "CycleCounters": ("hw.matrix.test_counters", ""),
    "DelayLine": ("hw.blocks.test_delay_line", ""),
    "FastArray": ("hw.array.test_fast_array", ""),
    "FloatAccumulators": ("hw.matrix.test_float_accumulators", ""),
    "FloatAdder": ("hw.blocks.test_float_adder", ""),
    "FloatCell": ("hw.array.test_float_cell", ""),
    "FloatEdge": ("hw.array.test_float_edge", ""),
    "FloatResults": ("hw.matrix.test_float_results", ""),
    "FastCell": ("hw.array.test_fast_cell", ""),
    "FastChecksumColumn": ("hw.matrix.test_checksum_column", ""),
    "OperandEdge": ("hw.array.test_operand_edge", ""),
    "MagnitudeCell": ("benches.magnitudes", ""),
    "NarrowFloat": ("hw.blocks.test_narrow_float", ""),
    "NormalizingEdge": ("hw.array.test_normalizing_edge", ""),
    "PackedArray": ("hw.array.test_packed_array", ""),
    # Every pair of weights takes 65,536 cycles in all, too long for a mutant.
    "PackedCell": ("hw.array.test_packed_cell", "passes"),
    "PairsCheck": ("hw.array.test_pairs_check", ""),
    "ResultBuffer": ("hw.matrix.test_results", ""),
    "ResultCheck": ("hw.matrix.test_result_check", ""),
    "RowCheck": ("hw.matrix.test_row_check", ""),
    "RowSpacing": ("hw.matrix.test_row_spacing", ""),
    "Skew": ("hw.blocks.test_skew", ""),
    "SoftFloatCell": ("hw.array.test_float_cell", ""),
    "SoftCell": ("hw.array.test_cell", ""),
    "SoftMagnitudeCell": ("benches.magnitudes", ""),
    "SoftSteppedCell": ("benches.magnitudes", ""),
    "SoftFastCell": ("hw.array.test_fast_cell", ""),
    "SoftPackedCell": ("hw.array.test_packed_cell", "passes"),
    "SoftMultiplier": ("hw.primitives.test_soft_multiplier", ""),
    "SteppedCell": ("benches.magnitudes", ""),
    "SumTree": ("hw.blocks.test_sum_tree", ""),
    "SystolicArray": ("hw.array.test_systolic_array", ""),
    "ToFloat": ("hw.blocks.test_to_float", ""),
    "SystolicRow": ("hw.array.test_row", ""),
    "WeightLoader": ("hw.matrix.test_weights", ""),
}
# Files that coroutines may depend on in addition to their own module.
SHARED = (
    *(
        TB / "benches" / name
        for name in (
            *("runner.py", "coroutines.py", "bits.py", "cells.py", "products.py"),
            *("accumulators.py", "floats.py", "gate_model.py", "magnitudes.py", "tiles.py"),
            "paired_arrays.py",
        )
    ),
    *(
        SIM / "weft_sim" / name
        for name in ("beats.py", "cocotb_driver.py", "cocotb_streams.py", "stalls.py")
    ),
    *(
        SIM / "weft_model" / name
        for name in (
            *("schedule.py", "pieces.py", "quantized.py", "to_float.py"),
            *("chained.py", "reference.py", "cycle_model.py"),
        )
    ),
)


@dataclass(frozen=True)
class Bench:
    """Coroutines to run on one module of a design.

    Members
    -------
    top : str
        The Verilog module.
    modules : names of Python modules
    names : str
        Regular expression for the full names of the coroutines.
    facts : str
        Description of the module for the coroutines, from `benches.runner.describe`.
    """

    top: str
    modules: tuple[str, ...]
    names: str
    facts: str

    @property
    def version(self) -> str:
        """Digest of everything that the outcome depends on, except the Verilog and the seed."""
        files = [TB / f"{module.replace('.', '/')}.py" for module in self.modules]
        return digest(
            [self.top, self.names, self.facts, *(_text(path) for path in (*files, *SHARED))]
        )


@cache
def _text(path: Path) -> str:
    return path.read_text()


def design_with_harnesses(unit: Unit) -> MutableDesign:
    """Emit a unit, and the components that benches build of several modules."""
    accumulators = FloatAccumulators if unit.config.chained else Accumulators
    return make_design(unit, (accumulators, f"{TOP}_accumulators"))


def benches_of(design: MutableDesign, module: str) -> list[Bench]:
    """Return the benches of a module, in the order in which to run them."""
    own = [
        _bench(design, top, *MODULE_BENCHES[name])
        for top, name in _nearest_with_bench(design, module)
    ]
    modules = WITH_CHECKSUMS if design.unit.config.checksum else WHOLE
    names = "|".join(design.unit.whole)
    chosen = rf"({names})$" if names else ""
    whole = Bench(
        TOP, modules, rf"^({'|'.join(map(re.escape, modules))})\.{chosen}", _facts(design, TOP)
    )
    return [*own, whole]


def _nearest_with_bench(design: MutableDesign, module: str) -> list[tuple[str, str]]:
    """Return the nearest enclosing modules with a bench, or the module itself; and components."""
    level, seen = [module], set()
    while level:
        found = [(name, _component_of(design, name)) for name in level if _has_bench(design, name)]
        if found:
            return found
        seen.update(level)
        parents = {parent for name in level for parent in design.parents_of(name)}
        level = sorted(parents - seen)
    return []


def _component_of(design: MutableDesign, module: str) -> str:
    return design.emitted[module].component.__name__


def _has_bench(design: MutableDesign, module: str) -> bool:
    """Return whether a module has a bench.

    Benches of arrays support only whole arrays of plain cells. For a part of an array, they would
    have to know the timing of its neighbours.
    """
    emitted = design.emitted[module]
    component, parameters = emitted.component, emitted.parameters
    config = design.unit.config
    if component in (SystolicArray, SystolicRow) and parameters["cell"] is not PLAIN:
        return False
    if component is SystolicArray:
        whole = (config.rows, config.columns, 0)
        return whole == tuple(parameters[name] for name in ("rows", "columns", "soft_columns"))
    if component is SystolicRow:
        return parameters["soft_columns"] == 0
    # The bench of the whole unit knows only integers of one format.
    if component is AxiMatrixUnit and design.unit.whole:
        return False
    return component.__name__ in MODULE_BENCHES


def _bench(design: MutableDesign, top: str, module: str, names: str) -> Bench:
    return Bench(top, (module,), rf"^{re.escape(module)}\.({names})", _facts(design, top))


def _facts(design: MutableDesign, top: str) -> str:
    describe = importlib.import_module("benches.runner").describe
    return describe(design.emitted[top].parameters, design.modules[top], top)
