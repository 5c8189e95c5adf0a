"""CXXRTL: Yosys writes a C++ model, and cxxrtl-vpi lets cocotb drive it.

The runner of cocotb does not support this simulator, so this module builds and starts its program.
"""

import contextlib
import importlib.resources
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import cocotb_tools.config
import find_libpython

from . import toolchain, verilator
from .build_steps import BuildSteps
from .cache import cached
from .yosys import run_yosys

PROGRAM = "simulation"
LOOP = Path(__file__).with_name("cxxrtl_simulation.cc")
# CXXRTL asserts that addresses are within a memory; in Verilog an access beyond its end is legal.
OPTIONS = ("-std=c++14", "-DCXXRTL_ASSERT(condition)=((void)0)")
# With -noflatten each module is compiled once; with -g3 cocotb sees every port of the top.
WRITE = "write_cxxrtl -noflatten -g3 model.cc"


def versions() -> list[str]:
    """Return the versions of the tools that a build depends on."""
    names = ("cxxrtl-vpi", "pyosys")
    return [
        *(f"{name} {version(name)}" for name in names),
        *(toolchain.cxx().name, *verilator.versions()),
    ]


def key() -> list[str]:
    """Return everything that a build depends on, except the Verilog."""
    return [WRITE, *OPTIONS, LOOP.read_text(), *versions()]


def build(verilog: Path, top: str, scratch: Path) -> None:
    """Build PROGRAM in the folder `scratch`; raise SimulationFailed if the build fails."""
    runtime = _runtime()
    run_yosys(
        f"read_verilog {verilog.name}", f"hierarchy -top {top}", "proc", WRITE, folder=scratch
    )
    libraries = cocotb_tools.config.libs_dir
    steps = BuildSteps(scratch, tool="cxxrtl", name=top)
    objects = steps.compile([(scratch / "model.cc", "-O1")], [*OPTIONS, *_includes()])
    steps.link(
        [*objects, *sorted(runtime.glob("*.o"))],
        scratch / PROGRAM,
        [f"-L{libraries}", "-lcocotbvpi_verilator", "-lgpi", f"-Wl,-rpath,{libraries}"],
    )


def run(
    program: Path,
    top: str,
    modules: Sequence[str],
    *,
    directory: Path,
    environment: dict[str, str],
    log: Path | None,
) -> None:
    """Run the cocotb tests of `modules` in `directory`, like the runner of cocotb."""
    libpython = find_libpython.find_libpython()
    settings = {
        "GPI_USERS": f"{libpython};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TOPLEVEL_LANG": "verilog",
        "COCOTB_TOPLEVEL": top,
        "COCOTB_TEST_MODULES": ",".join(modules),
        **environment,
    }
    with contextlib.ExitStack() as files:
        out = files.enter_context(log.open("w")) if log else None
        ended = subprocess.run(
            [program],
            cwd=directory,
            env={**os.environ, **settings},
            stdout=out,
            stderr=subprocess.STDOUT if log else None,
        )
    if ended.returncode:
        raise RuntimeError(f"the simulation ended with {ended.returncode}")


def _runtime() -> Path:
    """Return the folder of the objects shared by all designs: the event loop and the runtime."""
    capi = _headers() / "cxxrtl" / "capi"
    sources = [
        *(LOOP, _provider() / "src" / "model.cc"),
        *(capi / "cxxrtl_capi.cc", capi / "cxxrtl_capi_vcd.cc"),
    ]

    def make(scratch: Path) -> list[str]:
        parts = [(source, "-O2") for source in sources]
        steps = BuildSteps(scratch, tool="cxxrtl", name="cxxrtl-runtime")
        objects = steps.compile(parts, [*OPTIONS, *_includes()])
        return [path.name for path in objects]

    return cached("cxxrtl-runtime", key(), make)


def _provider() -> Path:
    return Path(str(importlib.resources.files("cxxrtl_vpi"))) / "_cxx"


def _headers() -> Path:
    package = Path(str(importlib.resources.files("pyosys")))
    return package / "share" / "include" / "backends" / "cxxrtl" / "runtime"


def _includes() -> list[str]:
    folders = (_provider() / "include", _provider() / "src", _headers())
    return [f"-I{folder}" for folder in folders]
