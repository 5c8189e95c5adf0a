"""Share identical submodules, so that every distinct component is elaborated and emitted once.

Amaranth elaborates each submodule anew. `instantiate` leaves that alone in ordinary use, but when
the elaboration platform is a `ModuleLibrary` it puts an instance of an already emitted module in
the submodule's place. Two components are the same when their types and constructor arguments are.
"""

import itertools
import re

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


def instantiate(m: Module, name: str, platform, component: type, *arguments, domain: str = "sync"):
    """Add `component(*arguments)` to `m` as submodule `name`; return the interface to connect to.

    The arguments must be hashable. `domain` is the clock domain of `m` that it runs in.
    """
    if isinstance(platform, ModuleLibrary):
        module, signature = platform.add(component, *arguments)
        interface = signature.create(path=(name,))
        ports = {
            f"{'i' if flow == In else 'o'}_{port}": value
            for port, flow, value in _ports(signature, interface)
        }
        m.submodules[name] = Instance(
            module, i_clk=ClockSignal(domain), i_rst=ResetSignal(domain), **ports
        )
        return interface
    submodule = component(*arguments)
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


class ModuleLibrary:
    """An elaboration platform that collects the RTLIL of each distinct component.

    Parameters
    ----------
    prefix : str
        Put before every module name, so that two units can stand in one design.
    family : str, optional
        FPGA family whose hard blocks components may use; portable hardware when left out.
    sources : bool
        Let cells and wires bear the file and the line of Python that they come from.

    Members
    -------
    modules : dict
        Module name to RTLIL text, each module after those that it instantiates.
    components : dict
        Module name to the component that it was made of, and its arguments.
    """

    def __init__(self, prefix: str, family: str | None = None, *, sources: bool = False):
        self.prefix = prefix
        self.family = family
        self.sources = sources
        self.modules: dict[str, str] = {}
        self.components: dict[str, tuple[type, tuple]] = {}
        self._known: dict[object, tuple[str, wiring.Signature]] = {}

    def add(self, component: type, *arguments, name: str | None = None):
        """Emit `component(*arguments)` and all below it, unless done; return name and signature."""
        key = (component, *arguments)
        if key not in self._known:
            built = component(*arguments)
            name = name or self._free_name(component, arguments)
            self._known[key] = name, built.signature
            self.modules[name] = self._convert(built, name)
            self.components[name] = component, arguments
        return self._known[key]

    def _free_name(self, component: type, arguments: tuple) -> str:
        types = [component, *(value for value in arguments if isinstance(value, type))]
        kind = "_".join(re.sub(r"(?<!^)(?=[A-Z])", "_", t.__name__).lower() for t in types)
        sizes = "x".join(str(value) for value in arguments if type(value) is int)
        stem = "_".join(part for part in (self.prefix, kind, sizes) if part)
        taken = {name for name, _ in self._known.values()}
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
