"""CXXRTL: Yosys writes a model in C++, which cxxrtl-vpi lets cocotb drive.

cocotb's runner does not know this simulator, so that its program is built and started here.
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
from .cache import cached
from .yosys import run_yosys

PROGRAM = "simulation"
LOOP = Path(__file__).with_name("cxxrtl_simulation.cc")
# In Verilog, to go beyond the end of a memory is no error, as CXXRTL would have it.
OPTIONS = ("-std=c++14", "-DCXXRTL_ASSERT(condition)=((void)0)")
# Modules stay apart, so that a cell is compiled once; -g3 lets cocotb see every port of the top.
WRITE = "write_cxxrtl -noflatten -g3 model.cc"


def versions() -> list[str]:
    """What a build depends on beside its sources."""
    names = ("cxxrtl-vpi", "pyosys")
    return [*(f"{name} {version(name)}" for name in names), *verilator.versions()]


def key() -> list[str]:
    """All that a build depends on beside the Verilog."""
    return [WRITE, *OPTIONS, LOOP.read_text(), *versions()]


def build(verilog: Path, top: str, scratch: Path, log: Path) -> None:
    """Make the program PROGRAM in the folder `scratch`; raise SimulationFailed if that fails."""
    runtime = _runtime()
    run_yosys(
        f"read_verilog {verilog.name}", f"hierarchy -top {top}", "proc", WRITE, folder=scratch
    )
    libraries = cocotb_tools.config.libs_dir
    command = [
        *(*OPTIONS, "-O1", *_includes(), "model.cc", *sorted(runtime.glob("*.o"))),
        *(f"-L{libraries}", "-lcocotbvpi_verilator", "-lgpi", f"-Wl,-rpath,{libraries}"),
        *("-o", PROGRAM),
    ]
    _compile(command, scratch, log, scratch.parent / f"failed-{top}.log")


def run(
    program: Path,
    top: str,
    modules: Sequence[str],
    *,
    directory: Path,
    environment: dict[str, str],
    log: Path | None,
) -> None:
    """Run the cocotb tests of modules in `directory`; parameters as cocotb's runner has them."""
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
    """The objects that do not depend on the design: event loop and the runtime of CXXRTL."""
    capi = _headers() / "cxxrtl" / "capi"
    sources = [
        *(LOOP, _provider() / "src" / "model.cc"),
        *(capi / "cxxrtl_capi.cc", capi / "cxxrtl_capi_vcd.cc"),
    ]

    def make(scratch: Path) -> list[str]:
        command = [*OPTIONS, "-O2", *_includes(), "-c", *sources]
        kept = scratch.parent / "failed-cxxrtl-runtime.log"
        _compile(command, scratch, scratch / "build.log", kept)
        return [f"{source.stem}.o" for source in sources]

    return cached("cxxrtl-runtime", key(), make)


def _provider() -> Path:
    return Path(str(importlib.resources.files("cxxrtl_vpi"))) / "_cxx"


def _headers() -> Path:
    package = Path(str(importlib.resources.files("pyosys")))
    return package / "share" / "include" / "backends" / "cxxrtl" / "runtime"


def _includes() -> list[str]:
    folders = (_provider() / "include", _provider() / "src", _headers())
    return [f"-I{folder}" for folder in folders]


def _compile(arguments: Sequence, folder: Path, log: Path, kept: Path) -> None:
    compiler = "c++" if toolchain.has("c++") else "g++"
    with log.open("a") as out:
        done = subprocess.run(
            [compiler, *arguments], cwd=folder, stdout=out, stderr=subprocess.STDOUT
        )
    if done.returncode:
        raise verilator.build_failed("cxxrtl", log, kept)
