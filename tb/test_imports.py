"""The package map: imports run one way, and each package imports only what the map allows."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benches.repository import ROOT

# Folders of the packages; each package is in one of them.
SOURCES = ("hw", "sim", "tb", "docs/make")

# Subpackages and modules of weft; each may import itself and the ones listed here.
GROUND = (
    *(
        "checks",
        "float_format",
        "formats",
        "hierarchy",
        "operand_pair",
        "operand_port",
        "parameters",
    ),
    *("normalized_float", "sign_magnitude", "stepped_magnitude", "version"),
)
SUBPACKAGES = {
    **dict.fromkeys(GROUND, GROUND),
    "blocks": GROUND,
    "primitives": (*GROUND, "blocks"),
    "array": (*GROUND, "blocks", "primitives"),
    "matrix": (*GROUND, "blocks", "primitives", "array"),
    "bus": (*GROUND, "blocks", "primitives", "buffer"),
    "buffer": (*GROUND, "blocks", "primitives"),
    "isa": GROUND,
    "sequencer": (*GROUND, "blocks", "primitives", "isa"),
    "vector": (*GROUND, "blocks", "primitives", "buffer", "isa"),
    "core": (
        *(*GROUND, "blocks", "primitives", "matrix", "buffer", "bus", "isa", "sequencer"),
        "vector",
    ),
    "emit": (*GROUND, "matrix", "core"),
    "host_link": (*GROUND, "blocks", "primitives", "matrix", "bus", "core"),
    "boards": (*GROUND, "primitives", "array", "matrix", "core", "host_link", "emit"),
}
# Packages that each package may import.
PACKAGES = {
    "weft": (),
    "weft_model": ("weft",),
    "weft_sim": ("weft", "weft_model"),
    "weft_cli": ("weft", "weft_model", "weft_sim"),
    "benches": ("weft", "weft_model", "weft_sim", "weft_cli"),
    "verify": ("weft", "weft_model", "weft_sim", "weft_cli", "benches", "hw", "sim"),
}


def modules() -> dict[str, Path]:
    """Return every module of the repository by its name."""
    found = {}
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            parts = path.relative_to(ROOT / source).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


def imports_of(name: str) -> Iterator[str]:
    """Yield the modules of the repository that a module imports, anywhere in its text."""
    path = MODULES[name]
    package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            named = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in named:
            known = target if target in MODULES else target.rpartition(".")[0]
            if known in MODULES:
                yield known


def imports() -> list[tuple[str, str]]:
    """Return every import as (importing module, imported module)."""
    return [(name, target) for name in MODULES for target in imports_of(name) if name != target]


IMPORTS = imports()


def subpackage_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_all_kinds_of_imports_are_found():
    """Relative imports, imports of modules, and imports in functions are found."""
    for pair in (
        ("weft.array.cell", "weft.blocks.partial_sums"),
        ("weft_sim.simulator", "weft_sim.toolchain"),
        ("weft_cli.simulations", "weft_cli.report"),
        ("verify.soak.cases", "weft_model.schedule"),
    ):
        assert pair in IMPORTS


def test_every_subpackage_is_on_the_map():
    found = {subpackage_of(name) for name in MODULES if name.startswith("weft.")}
    assert found == set(SUBPACKAGES)


@pytest.mark.parametrize("subpackage", SUBPACKAGES)
def test_subpackages_of_weft_import_only_what_the_map_allows(subpackage):
    wrong = [
        f"{name} imports {target}"
        for name, target in IMPORTS
        if name.startswith("weft.") and subpackage_of(name) == subpackage
        if subpackage_of(target) not in (subpackage, *SUBPACKAGES[subpackage])
    ]
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_the_map_allows(package):
    wrong = [
        f"{name} imports {target}"
        for name, target in IMPORTS
        if name.split(".")[0] == package
        if target.split(".")[0] not in (package, *PACKAGES[package])
    ]
    assert not wrong


def test_blocks_and_primitives_know_no_configuration():
    """They take widths and shapes, so that any unit can use them."""
    general = ("blocks", "primitives", "array")
    names = [n for n in MODULES if n.startswith("weft.") and subpackage_of(n) in general]
    assert not [name for name in names if "MatrixUnitConfig" in MODULES[name].read_text()]


# Packages that only some commands need; scikit-learn and cocotb take seconds to import.
SLOW = {"cocotb", "sklearn", "scipy", "rich", "pytest", "matplotlib", "serial"}


@pytest.mark.parametrize("package", ["weft", "weft_model", "weft_sim"])
def test_a_package_imports_nothing_slow(package):
    script = f"import sys, {package}; print(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "numpy" in loaded
    assert not SLOW & set(loaded)


def test_only_their_page_and_tests_of_all_commands_import_the_campaigns():
    """The campaigns are above everything else, except these."""
    above = {"make_trust", "test_makefile", "test_odd_values"}
    importing = {name for name, target in IMPORTS if target.split(".")[0] == "verify"}
    assert {name for name in importing if name.split(".")[0] != "verify"} == above


def test_no_test_imports_a_test():
    wrong = [
        f"{name} imports {target}"
        for name, target in IMPORTS
        if name.rpartition(".")[2].startswith("test_") and target.rpartition(".")[2][:5] == "test_"
    ]
    assert not wrong
