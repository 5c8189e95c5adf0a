"""Mutants: small changes of single modules, drawn by Yosys and named by their line of Python."""

import collections
import random
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benches.repository import ROOT
from weft_sim.cache import digest
from weft_sim.yosys import YosysFailed, run_yosys

from .units import MutableDesign, split_modules

# More than a small unit has.
EVERY = 10_000_000
# Where ports are connected, whatever they are: says less than the line beside it.
SAYS_LITTLE = "hw/weft/hierarchy.py"
MODES = {
    "inv": "inverted",
    "const0": "always 0",
    "const1": "always 1",
    "cnot0": "inverted while another bit is 0",
    "cnot1": "inverted while another bit is 1",
}


@dataclass(frozen=True)
class Mutant:
    """One module of one unit with one change.

    Members
    -------
    unit, module, component : str
    mutation : str
        What is changed, in words.
    source : str
        Line of Python that it comes from, file:line; the module's name if Yosys knows none.
    verilog : str
        Of the module with the change.
    """

    unit: str
    module: str
    component: str
    mutation: str
    source: str
    verilog: str

    @property
    def key(self) -> str:
        return digest([self.unit, self.module, self.verilog])


def draw(designs: list[MutableDesign], count: int, seed: int) -> list[Mutant]:
    """So many mutants, spread over all modules as many mutations are possible in them.

    Every module gets one at least; of fewer mutants than modules, which ones is drawn.
    """
    sizes = {}
    for design in designs:
        found = collections.Counter(_module_of(line) for line in _listed(design, EVERY, seed))
        sizes.update({(design.unit.name, name): found[name] for name in design.mutable})
    sizes = {place: size for place, size in sizes.items() if size}
    shares = allot(max(count, len(sizes)), sizes)
    drawn = []
    for design in designs:
        lines = []
        for name in design.mutable:
            share = shares.get((design.unit.name, name), 0)
            lines += _listed(design, share, seed, name)[:share] if share else []
        drawn += _apply(design, lines)
    if len(drawn) > count:
        drawn = random.Random(seed).sample(drawn, count)
    return drawn


def allot(count: int, sizes: dict) -> dict:
    """Share `count`, at least one for each, out in proportion to sizes, by largest remainders."""
    spare, total = count - len(sizes), sum(sizes.values())
    exact = {name: spare * size / total for name, size in sizes.items()}
    shares = {name: 1 + int(share) for name, share in exact.items()}
    by_remainder = sorted(sizes, key=lambda name: exact[name] % 1, reverse=True)
    for name in by_remainder[: count - sum(shares.values())]:
        shares[name] += 1
    return shares


def sizes_of(design: MutableDesign) -> dict[str, int]:
    """How many mutations are possible in each module."""
    found = collections.Counter(_module_of(line) for line in _listed(design, EVERY, 1))
    return {name: found[name] for name in design.mutable}


def _listed(design: MutableDesign, count: int, seed: int, module: str = "") -> list[str]:
    """Commands of Yosys that mutate, at most so many, spread evenly over cells and lines."""
    with tempfile.TemporaryDirectory(prefix="weft-mutation-") as scratch:
        folder = Path(scratch)
        (folder / "unit.il").write_text(design.rtlil)
        chosen = f"-module {module}" if module else ""
        run_yosys(
            "read_rtlil unit.il",
            f"mutate -list {count} -seed {seed} {chosen} -o list.ys",
            folder=folder,
        )
        return (folder / "list.ys").read_text().splitlines()


def _apply(design: MutableDesign, lines: list[str]) -> list[Mutant]:
    """The mutants that commands of Yosys make."""
    with tempfile.TemporaryDirectory(prefix="weft-mutation-") as scratch:
        folder = Path(scratch)
        (folder / "unit.il").write_text(design.rtlil)
        script = ["read_rtlil unit.il", "design -save unit"]
        for number, line in enumerate(lines):
            script += [
                "design -load unit",
                line,
                f"select {_module_of(line)}",
                f"write_verilog -noattr -selected {number}.v",
            ]
        (folder / "mutants.ys").write_text("\n".join(script) + "\n")
        run_yosys("script mutants.ys", folder=folder)
        return [
            _mutant(design, line, (folder / f"{number}.v").read_text())
            for number, line in enumerate(lines)
        ]


def _mutant(design: MutableDesign, line: str, verilog: str) -> Mutant:
    module = _module_of(line)
    modules = split_modules(verilog)
    fields = dict(re.findall(r"-(\w+) (\S+)", line))
    what = f"{fields['port']}[{fields['portbit']}] of {fields['cell']}"
    if "wire" in fields:
        what += f" ({fields['wire']}[{fields['wirebit']}])"
    return Mutant(
        unit=design.unit.name,
        module=module,
        component=design.emitted[module].component.__name__,
        mutation=f"{what} {MODES[fields['mode']]}",
        source=_source_of(line) or module,
        verilog=modules[module],
    )


def _module_of(line: str) -> str:
    match = re.search(r"-module (\S+)", line)
    if match is None:
        raise YosysFailed(f"a mutation of no module: {line}")
    return match[1]


def _source_of(line: str) -> str:
    """The line of Weft's own Python that says most, file:line."""
    places = []
    for place in re.findall(r"-src (\S+)", line):
        for path, number in re.findall(r"([^|:]+):(\d+)", place):
            known = Path(path).is_relative_to(ROOT)
            places.append(f"{Path(path).relative_to(ROOT) if known else path}:{number}")
    return min(places, key=lambda place: place.startswith(SAYS_LITTLE), default="")
