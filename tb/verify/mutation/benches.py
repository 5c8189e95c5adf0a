"""Which benches a mutant meets: those of its own room, then those of the whole unit."""

import importlib
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import weft
from weft.array.row import SystolicRow
from weft.array.systolic_array import SystolicArray
from weft_sim.cache import digest

from .units import TOP, Design, Unit, make_design

TB = Path(weft.__file__).parents[2] / "tb"
WHOLE = ("test_matrix_unit", "test_stalls_and_resets", "test_misuse")
WITH_CHECKSUMS = (*WHOLE, "test_corruption")
# Component of the hardware, or of a bench, to the module of its bench and what the names of its
# coroutines begin with: all of them where nothing is said.
ROOMS = {
    "Accumulators": ("test_accumulators", ""),
    "Admission": ("test_admission", ""),
    "Cell": ("test_cell", ""),
    "ChecksumColumn": ("test_checksum", ""),
    "CycleCounters": ("test_counters", ""),
    "DelayLine": ("test_skew", "delays$|is_emptied"),
    "FastArray": ("test_fast_array", ""),
    "FastCell": ("test_fast_cell", ""),
    "PairsCheck": ("test_pairs_check", ""),
    "ResultBuffer": ("test_results", ""),
    "ResultCheck": ("test_result_check", "sees_every|forgets_what"),
    "Skew": ("test_skew", "delays_each"),
    "SoftCell": ("test_cell", ""),
    "SoftFastCell": ("test_fast_cell", ""),
    "SoftMultiplier": ("test_soft_multiplier", ""),
    "SumTree": ("test_result_check", "adds"),
    "SystolicArray": ("test_array", ""),
    "SystolicRow": ("test_row", ""),
    "WeightLoader": ("test_weights", ""),
}
# A room that a bench builds of two: its component, and the name of its module here.
HARNESSES = (("test_accumulators", "Accumulators"),)
# What a coroutine may depend on beside its own module.
SHARED = (
    "bench.py",
    "products.py",
    "gate_model.py",
    "tiles.py",
    "../sim/weft_sim/driver.py",
)
SHARED += ("../sim/weft_sim/streams.py", "../sim/weft_sim/schedule.py")
SHARED += ("../sim/weft_sim/reference.py", "../sim/weft_sim/timing.py")


@dataclass(frozen=True)
class Bench:
    """Coroutines to run on one module of a design.

    Members
    -------
    top : str
        The module.
    modules : names of Python modules
    names : str
        Regular expression of the coroutines' full names.
    facts : str
        What the coroutines have to know, as `bench.describe` has it.
    """

    top: str
    modules: tuple[str, ...]
    names: str
    facts: str

    @property
    def version(self) -> str:
        """A name for everything that the outcome depends on but the Verilog and the seed."""
        files = [TB / f"{module}.py" for module in self.modules] + [TB / name for name in SHARED]
        return digest([self.top, self.names, self.facts, *(_text(path) for path in files)])


@cache
def _text(path: Path) -> str:
    return path.read_text()


def import_benches() -> None:
    """Let modules of the benches be imported.

    Raises
    ------
    FileNotFoundError
        Where there are none, as in an installation without the sources.
    """
    if not (TB / "bench.py").is_file():
        raise FileNotFoundError(
            2, "the benches are not here; mutants are run from Weft's repository", str(TB)
        )
    if str(TB) not in sys.path:
        sys.path.append(str(TB))


def design_with_harnesses(unit: Unit) -> Design:
    """A unit, and beside it the rooms that benches build of several modules."""
    import_benches()
    harnesses = [
        (getattr(importlib.import_module(module), name), f"{TOP}_{name.lower()}")
        for module, name in HARNESSES
    ]
    return make_design(unit, *harnesses)


def benches_of(design: Design, module: str) -> list[Bench]:
    """The benches of a module, in the order in which they are worth running."""
    rooms = [_bench(design, room, *ROOMS[name]) for room, name in _rooms_of(design, module)]
    modules = WITH_CHECKSUMS if design.unit.config.checksum else WHOLE
    whole = Bench(TOP, modules, rf"^({'|'.join(modules)})\.", _facts(design, TOP))
    return [*rooms, whole]


def _rooms_of(design: Design, module: str) -> list[tuple[str, str]]:
    """The nearest modules that have a bench, the module itself first, and their components."""
    level, seen = [module], set()
    while level:
        found = [(name, _component_of(design, name)) for name in level if _has_bench(design, name)]
        if found:
            return found
        seen.update(level)
        parents = {parent for name in level for parent in design.parents_of(name)}
        level = sorted(parents - seen)
    return []


def _component_of(design: Design, module: str) -> str:
    return design.components[module][0].__name__


def _has_bench(design: Design, module: str) -> bool:
    """Whether a bench knows the module; those of fields know neither fast cells nor soft ones.

    Of parts of a field they would have to know when what comes from the others.
    """
    component, arguments = design.components[module]
    config = design.unit.config
    if component in (SystolicArray, SystolicRow) and config.inner_product == "fast":
        return False
    if component is SystolicArray:
        return arguments == (config, config.rows, config.columns)
    if component is SystolicRow:
        return len(arguments) == 2
    return component.__name__ in ROOMS


def _bench(design: Design, top: str, module: str, names: str) -> Bench:
    return Bench(top, (module,), rf"^{module}\.({names})", _facts(design, top))


def _facts(design: Design, top: str) -> str:
    describe = importlib.import_module("bench").describe
    return describe(design.components[top][1], design.modules[top], top)
