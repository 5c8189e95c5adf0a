"""Signatures: help() and editors show defaults that a reader understands."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import pytest

import weft
import weft_cli
import weft_model
import weft_sim

PACKAGES = (weft, weft_cli, weft_model, weft_sim)
# Defaults that tell a reader nothing.
OPAQUE = re.compile(r"<lambda>|\b\d{15,}\b| object at ")


def modules_of(package) -> Iterator:
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def callables_of(package) -> Iterator[tuple[str, object]]:
    """Yield public functions and classes, and public methods of the classes, by name."""
    for module in modules_of(package):
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
                continue
            yield f"{module.__name__}.{name}", value
            for part in vars(value) if inspect.isclass(value) else ():
                if not part.startswith("_"):
                    yield f"{module.__name__}.{name}.{part}", getattr(value, part)


def signatures_of(package) -> dict[str, str]:
    signatures = {}
    for name, value in callables_of(package):
        # Some classes of the standard library and of Amaranth have no readable signature.
        if callable(value):
            try:
                signatures[name] = str(inspect.signature(value))
            except (TypeError, ValueError):
                continue
    return signatures


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_no_default_is_opaque(package):
    signatures = signatures_of(package)
    assert len(signatures) > 10
    assert not [f"{name}{text}" for name, text in signatures.items() if OPAQUE.search(text)]


def test_the_walk_finds_functions_classes_and_methods():
    signatures = {name for package in PACKAGES for name in signatures_of(package)}
    assert signatures >= {
        "weft.matrix.config.MatrixUnitConfig",
        "weft_model.cycle_model.predict",
        "weft_sim.board.board_matrix_unit.BoardMatrixUnit.matmul",
        "weft_sim.checked_run.run",
        "weft_sim.matrix_unit_simulator.MatrixUnitSimulator.run",
    }
    assert OPAQUE.search(str(inspect.signature(lambda x=lambda: 0: x)))


def test_the_default_formats_are_shown_by_name():
    assert "activation: weft.parameters.OperandField = int8," in str(
        inspect.signature(weft.MatrixUnitConfig)
    )
