"""Build Verilator's model of a design together with the C++ that drives it.

Verilator reports the files that it writes. They are compiled in a few groups, because each group
takes a second for the headers alone; code that runs only once is not optimized. Verilator's headers
and its runtime are the same for all designs, and are compiled once and kept in the cache.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import toolchain, verilator
from .build_steps import BuildSteps
from .cache import cached

# The class of the model; the main program of cocotb expects this name.
PREFIX = "Vtop"
OPTIONS = ("-std=gnu++17", "-fPIC", "-g0", "-w")
# Source files are compiled together until they have this many bytes, or their share of a core.
GROUP_BYTES = 300_000
GROUPS_PER_CORE = 4
TRACES = ("VCD", "FST", "SAIF")
# The header that includes most of Verilator's headers, and the file that it is compiled to.
HEADER = "verilated.h"
PRECOMPILED = "verilated.pch"


@dataclass(frozen=True, kw_only=True)
class ModelBuild:
    """A way to build models, without the designs.

    Parameters
    ----------
    arguments : sequence of str
        Options of Verilator.
    optimize, optimize_rest : str
        Optimization of the model, and of the driver and the runtime.
    options : sequence of str
        Further options of the C++ compiler.
    """

    arguments: Sequence[str]
    optimize: str
    optimize_rest: str
    options: Sequence[str] = ()

    def key(self) -> list[str]:
        """Return what a build depends on besides its sources: options, tools and processor."""
        return [*self.arguments, self.optimize, *self._runtime_key()]

    def _runtime_key(self) -> list[str]:
        return [
            *(self.optimize_rest, *OPTIONS, *self.options),
            *(toolchain.cxx().name, *verilator.versions()),
        ]

    def build(
        self,
        scratch: Path,
        target: str,
        *,
        sources: Sequence[str],
        driver: Path,
        link_options: Sequence[str],
        name: str,
        headers: Sequence[Path] = (),
    ) -> None:
        """Build the file `target` in a scratch folder from the Verilog in it.

        Parameters
        ----------
        sources : sequence of str
            Files for Verilator in the scratch folder, and options that name them.
        driver : Path
            C++ file with the main function, or with the functions of a library.
        link_options : sequence of str
        name : str
            Name of the design, for the log of a failed build; see BuildSteps.
        headers : sequence of Path
            C++ headers of functions that the Verilog calls.

        Raises
        ------
        verilator.SimulationFailed
            If a step fails; the text says whether memory or the disk ran out.
        RuntimeError
            If the C++ compiler does not work.
        """
        steps = BuildSteps(scratch, tool="verilator", name=name)
        verilate = ("verilator", "--cc", "--make", "json", "--prefix", PREFIX, "--Mdir", "model")
        steps.run([[*verilate, *self.arguments, *sources]])
        model = scratch / "model"
        written = json.loads((model / f"{PREFIX}.json").read_text())
        parts = []
        for index, (group, optimize) in enumerate(self._plan(written, driver)):
            source = scratch / f"part_{index}.cpp"
            source.write_text("".join(f'#include "{file}"\n' for file in (*headers, *group)))
            parts.append((source, optimize))
        # The folder of the build comes first: its headers replace those of the runtime.
        objects = steps.compile(
            parts,
            self._options(written, [scratch, model]),
            options_of={
                optimize: self._precompiled(written, optimize, name) for _, optimize in parts
            },
        )
        objects += self._runtime(written, name)
        steps.link(objects, scratch / target, link_options)

    def _plan(self, written: dict, driver: Path) -> list[tuple[list[Path], str]]:
        """Return the files that are compiled together, each group with its optimization."""
        fast, slow = _files(written, "fast"), _files(written, "slow")
        if _size_of([*fast, *slow]) <= GROUP_BYTES:
            return [([*fast, *slow, driver], self.optimize)]
        return [
            *((group, self.optimize) for group in _groups(fast)),
            *((group, "-O0") for group in _groups(slow)),
            ([driver], self.optimize_rest),
        ]

    def _options(self, written: dict, folders: Iterable[Path]) -> list[str]:
        """Return the options of the compiler, with absolute paths."""
        include = toolchain.verilator_root() / "include"
        used = written["options"]
        defines = {
            "VERILATOR": True,
            "VM_SC": used["system_c"],
            "VM_COVERAGE": used["coverage"],
            "VM_TIMING": used["use_timing"],
            "VM_TRACE": used["trace"],
            **{f"VM_TRACE_{kind}": used[f"trace_{kind.lower()}"] for kind in TRACES},
        }
        return [
            *(*OPTIONS, *self.options),
            *(f"-D{name}={int(value)}" for name, value in defines.items()),
            *(f"-I{folder}" for folder in (*folders, include, include / "vltstd")),
        ]

    def _precompiled(self, written: dict, optimize: str, name: str) -> list[str]:
        """Return the options that include Verilator's headers, which are compiled once."""
        cxx = toolchain.cxx()
        if not cxx.precompiles:
            return []
        options = self._options(written, [])

        def make(scratch: Path) -> list[str]:
            header = toolchain.verilator_root() / "include" / HEADER
            steps = BuildSteps(scratch, tool="verilator", name=name)
            steps.precompile(header, scratch / PRECOMPILED, optimize, options)
            return [PRECOMPILED]

        # The options have the folder of the headers.
        key = [HEADER, optimize, *options, *cxx.command, *self._runtime_key()]
        return cxx.precompiled(cached("headers", key, make) / PRECOMPILED)

    def _runtime(self, written: dict, name: str) -> list[Path]:
        """Return the objects of Verilator's runtime."""
        sources = [Path(source) for source in written["sources"]["global"]]

        def make(scratch: Path) -> list[str]:
            if written["options"]["coverage"]:
                header = verilator.coverage_header()
                (scratch / verilator.COVERAGE_HEADER).write_text(header)
            parts = [(source, self.optimize_rest) for source in sources]
            steps = BuildSteps(scratch, tool="verilator", name=name)
            objects = steps.compile(parts, self._options(written, [scratch]))
            return [path.name for path in objects]

        names = [source.name for source in sources]
        key = [*self._runtime_key(), *names, json.dumps(written["options"])]
        folder = cached("runtime", key, make)
        return [folder / f"{source.stem}.o" for source in sources]


def _files(written: dict, kind: str) -> list[Path]:
    """Return the files of the model of one kind, fast or slow."""
    # Verilator leaves out empty lists.
    lists = (written["sources"].get(f"{part}_{kind}", []) for part in ("classes", "support"))
    return [Path(name) for names in lists for name in names]


def _size_of(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _groups(files: list[Path]) -> list[list[Path]]:
    """Return consecutive files in a few groups."""
    share = max(GROUP_BYTES, _size_of(files) // (GROUPS_PER_CORE * (os.cpu_count() or 1)))
    groups: list[list[Path]] = [[]]
    for file in files:
        if _size_of(groups[-1]) >= share:
            groups.append([])
        groups[-1].append(file)
    return groups
