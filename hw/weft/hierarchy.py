"""Share identical submodules, so that every distinct component is elaborated and emitted once.

Amaranth elaborates every submodule separately, even if an identical one exists. By default
`instantiate` adds such a submodule. If the elaboration platform is a `ModuleLibrary`, it adds an
instance of a module that the library has already emitted instead. Two components are identical if
their types and their parameters are equal. The library also records which module instantiates
which.
"""

import inspect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from amaranth.back import rtlil
from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Const,
    DomainRenamer,
    Fragment,
    Instance,
    Module,
    ResetSignal,
    Value,
    ValueCastable,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In

# Separates the prefix of a module name from the rest.
SEPARATOR = "__"

# Position of an instance among others of its kind: row and column of a cell, number of a lane.
Place = tuple[int, ...]


class Part(NamedTuple):
    """A component to instantiate, and its parameters."""

    component: type
    parameters: dict[str, Any]


def instantiate(
    m: Module,
    name: str,
    platform,
    component: type,
    /,
    *,
    domain: str = "sync",
    place: Place | None = None,
    **parameters,
):
    """Add `component(**parameters)` to `m` as submodule `name`; return the interface to connect to.

    Parameters
    ----------
    domain : str
        Clock domain of `m` in which the submodule runs.
    place : tuple of int, optional
        Position of the instance, relative to the position of its parent.
    **parameters
        Parameters of the component; they must be hashable.
    """
    if isinstance(platform, ModuleLibrary):
        module = platform.instance_of(name, place, component, parameters)
        interface = module.signature.create(path=(name,))
        ports = {
            f"{'i' if flow == In else 'o'}_{port}": value
            for port, flow, value in _ports(module.signature, interface)
        }
        m.submodules[name] = Instance(
            module.name, i_clk=ClockSignal(domain), i_rst=ResetSignal(domain), **ports
        )
        return interface
    submodule = component(**parameters)
    renamed = domain != "sync"
    m.submodules[name] = DomainRenamer(domain)(submodule) if renamed else submodule
    return submodule


def family_of(platform) -> str | None:
    """Return the FPGA family to elaborate for; None for portable hardware or a simulator."""
    return platform.family if isinstance(platform, ModuleLibrary) else None


def cut(size: int) -> list[range]:
    """Cut `size` (2 or more) into two, three or four pieces so that few distinct sizes result.

    All pieces but the last are the largest power of four below `size` long.
    """
    length = 1 << ((size - 1).bit_length() - 1) // 2 * 2
    return [range(first, min(first + length, size)) for first in range(0, size, length)]


def numbers_below(count: int) -> list[str]:
    """Return the numbers below `count` as text, all of the same length, so that names sort."""
    return [f"{number:0{len(str(count - 1))}}" for number in range(count)]


def _ports(signature: wiring.Signature, interface) -> list[tuple[str, object, Value]]:
    """Flatten an interface into (name, flow, signal) without its constants, which are not ports."""
    ports = []
    for path, member, value in signature.flatten(interface):
        value = value.as_value() if isinstance(value, ValueCastable) else value
        if not isinstance(value, Const):
            ports.append(("__".join(str(part) for part in path), member.flow, value))
    return ports


@dataclass(frozen=True)
class ModuleInstance:
    """One instance in a module: the module that it instantiates, and its place if it has one."""

    module: str
    place: Place | None = None


@dataclass(frozen=True)
class EmittedModule:
    """A module of the library: its component and parameters, its RTLIL and its instances."""

    name: str
    component: type
    parameters: dict[str, object]
    signature: wiring.Signature
    rtlil: str
    instances: dict[str, ModuleInstance]


@dataclass(frozen=True)
class Hierarchy:
    """The modules of a design, from the top down.

    `components` maps each module name to the name of its component. `instances` maps each module
    name to the instances in it, by name.
    """

    top: str
    components: dict[str, str]
    instances: dict[str, dict[str, ModuleInstance]]

    def find(self, *components: str) -> Iterator[tuple[str, Place, str]]:
        """Yield path below the top, place and module of every instance of the given components.

        The place is the sum of the places along the path, () if no instance on it has one.
        """
        yield from self._find(self.top, (), (), components)

    def _find(self, module: str, path: tuple[str, ...], place: Place, components):
        for name, instance in self.instances.get(module, {}).items():
            here = (*path, name)
            offset = instance.place
            at = place
            if offset is not None:
                at = tuple(map(sum, itertools.zip_longest(place, offset, fillvalue=0)))
            if self.components[instance.module] in components:
                yield ".".join(here), at, instance.module
            yield from self._find(instance.module, here, at, components)


@dataclass
class ModuleLibrary:
    """An elaboration platform that collects the RTLIL of each distinct component.

    Parameters
    ----------
    prefix : str
        First part of every module name, followed by two underscores, so that one design can
        contain two units.
    family : str, optional
        FPGA family whose hard blocks the components may use; portable hardware by default.
    sources : bool
        Annotate cells and wires with the Python file and line that they come from.

    Members
    -------
    modules : dict
        Modules by name, each after the modules that it instantiates.
    """

    prefix: str
    family: str | None = None
    sources: bool = False
    modules: dict[str, EmittedModule] = field(default_factory=dict, init=False)

    def __post_init__(self):
        self._known: dict[object, str] = {}
        # Instances of the modules now being elaborated, those of the innermost module last.
        self._open: list[dict[str, ModuleInstance]] = []

    def add(self, component: type, name: str | None = None, /, **parameters) -> EmittedModule:
        """Return `component(**parameters)` as a module; emit it and its submodules if needed.

        `name`: name of a new module; by default it is made from the component and its sizes.
        """
        parameters = _all_parameters(component, parameters)
        key = (component, *parameters.items())
        if key not in self._known:
            built = component(**parameters)
            name = name or self._free_name(component, parameters)
            self._known[key] = name
            self._open.append({})
            text = self._convert(built, name)
            self.modules[name] = EmittedModule(
                name, component, parameters, built.signature, text, self._open.pop()
            )
        return self.modules[self._known[key]]

    def instance_of(
        self, name: str, place: Place | None, component: type, parameters: dict[str, object]
    ) -> EmittedModule:
        """Do as `add`, and record an instance `name` of it in the module being elaborated."""
        module = self.add(component, **parameters)
        self._open[-1][name] = ModuleInstance(module.name, place)
        return module

    def hierarchy(self, top: str) -> Hierarchy:
        """Return the hierarchy below the module `top`."""
        return Hierarchy(
            top,
            {name: module.component.__name__ for name, module in self.modules.items()},
            {name: module.instances for name, module in self.modules.items()},
        )

    def _free_name(self, component: type, parameters: dict[str, object]) -> str:
        types = [component, *(value for value in parameters.values() if isinstance(value, type))]
        kind = "_".join(re.sub(r"(?<!^)(?=[A-Z])", "_", t.__name__).lower() for t in types)
        known = inspect.signature(component).parameters
        # A name has no minus sign.
        sizes = "x".join(
            str(value).replace("-", "m")
            for name, value in parameters.items()
            if type(value) is int and (name not in known or value != known[name].default)
        )
        stem = f"{self.prefix}{SEPARATOR}{kind}{f'_{sizes}' if sizes else ''}"
        taken = set(self._known.values())
        tries = (stem if count == 1 else f"{stem}_{count}" for count in itertools.count(1))
        return next(name for name in tries if name not in taken)

    def _convert(self, component: wiring.Component, name: str) -> str:
        fragment = Fragment.get(component, self)
        ports = {name: value for name, _, value in _ports(component.signature, component)}
        if "sync" not in fragment.domains:
            domain = ClockDomain("sync")
            fragment.add_domains(domain)
            ports = {"clk": domain.clk, "rst": domain.rst, **ports}
        # Without a direction, Amaranth makes ports that the module drives outputs, others inputs.
        directed = {name: (signal, None) for name, signal in ports.items()}
        return rtlil.convert(fragment, name=name, ports=directed, emit_src=self.sources)


def _all_parameters(component: type, given: dict[str, object]) -> dict[str, object]:
    """Return all parameters in the order of the constructor, defaults included."""
    bound = inspect.signature(component).bind(**given)
    bound.apply_defaults()
    named = {}
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            named |= value
        else:
            named[name] = value
    return named
