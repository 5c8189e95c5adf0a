"""Share identical submodules, so that every distinct component is elaborated and emitted once.

Amaranth elaborates each submodule anew. `instantiate` leaves that alone in ordinary use, but when
the elaboration platform is a `ModuleLibrary` it puts an instance of an already emitted module in
the submodule's place. Two components are the same when their types and parameters are. The library
records which module instantiates which, so that whoever needs the hierarchy reads it there.
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

# Where an instance stands among others of its kind: row and column of a cell, number of a lane.
Place = tuple[int, ...]


class Part(NamedTuple):
    """A component that is to be instantiated, and its parameters."""

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
        Clock domain of `m` that the submodule runs in.
    place : tuple of int, optional
        Where it stands, counted from its parent's first.
    **parameters
        Those of the component; they must be hashable.
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
    """The FPGA family that a component is elaborated for; None for any, or a simulator."""
    return platform.family if isinstance(platform, ModuleLibrary) else None


def largest_power_of_two_below(size: int) -> int:
    """Where to cut `size` (2 or more) in two so that few distinct sizes come about."""
    return 1 << ((size - 1).bit_length() - 1)


def _ports(signature: wiring.Signature, interface) -> list[tuple[str, object, Value]]:
    """Flatten an interface into (name, flow, signal); constants are no ports and are left out."""
    ports = []
    for path, member, value in signature.flatten(interface):
        value = value.as_value() if isinstance(value, ValueCastable) else value
        if not isinstance(value, Const):
            ports.append(("__".join(str(part) for part in path), member.flow, value))
    return ports


@dataclass(frozen=True)
class ModuleInstance:
    """One instance in a module: of which module, and its place, if it has one."""

    module: str
    place: Place | None = None


@dataclass(frozen=True)
class EmittedModule:
    """A module of the library: what it was made of, its RTLIL, and what it instantiates."""

    name: str
    component: type
    parameters: dict[str, object]
    signature: wiring.Signature
    rtlil: str
    instances: dict[str, ModuleInstance]


@dataclass(frozen=True)
class Hierarchy:
    """Which modules a design is made of, from its top down.

    `components`: module name to the name of its component. `instances`: module name to its
    instances by name.
    """

    top: str
    components: dict[str, str]
    instances: dict[str, dict[str, ModuleInstance]]

    def find(self, *components: str) -> Iterator[tuple[str, Place, str]]:
        """Path below the top, place and module of every instance of one of the components.

        A place is the sum of those of an instance and of what it stands in; () if none has one.
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
        First part of every module name, so that two units can stand in one design.
    family : str, optional
        FPGA family whose hard blocks components may use; portable hardware when left out.
    sources : bool
        Give cells and wires the file and the line of Python that they come from.

    Members
    -------
    modules : dict
        Modules by name, each after those that it instantiates.
    """

    prefix: str
    family: str | None = None
    sources: bool = False
    modules: dict[str, EmittedModule] = field(default_factory=dict, init=False)

    def __post_init__(self):
        self._known: dict[object, str] = {}
        # Instances of the modules that are being elaborated, the innermost last.
        self._open: list[dict[str, ModuleInstance]] = []

    def add(self, component: type, /, *, name: str | None = None, **parameters) -> EmittedModule:
        """Emit `component(**parameters)` and all below it, unless that is done."""
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
        """As `add`, for the instance `name` of the module that is being elaborated."""
        module = self.add(component, **parameters)
        self._open[-1][name] = ModuleInstance(module.name, place)
        return module

    def hierarchy(self, top: str) -> Hierarchy:
        """What the module `top` is made of."""
        return Hierarchy(
            top,
            {name: module.component.__name__ for name, module in self.modules.items()},
            {name: module.instances for name, module in self.modules.items()},
        )

    def _free_name(self, component: type, parameters: dict[str, object]) -> str:
        types = [component, *(value for value in parameters.values() if isinstance(value, type))]
        kind = "_".join(re.sub(r"(?<!^)(?=[A-Z])", "_", t.__name__).lower() for t in types)
        known = inspect.signature(component).parameters
        sizes = "x".join(
            str(value)
            for name, value in parameters.items()
            if type(value) is int and (name not in known or value != known[name].default)
        )
        stem = "_".join(part for part in (self.prefix, kind, sizes) if part)
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
        # No direction given: Amaranth takes what the module drives as output, the rest as input.
        directed = {name: (signal, None) for name, signal in ports.items()}
        return rtlil.convert(fragment, name=name, ports=directed, emit_src=self.sources)


def _all_parameters(component: type, given: dict[str, object]) -> dict[str, object]:
    """The parameters given and the defaults of the others, in the order of the constructor."""
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
