"""The C++ compilers that build simulations: which one is used, and its command lines.

CXX names the compiler. By default it is the one in the package `ziglang` if that is installed,
since it builds faster simulations, and otherwise the `c++` or `g++` of the system.
"""

import contextlib
import ctypes
import functools
import importlib.metadata
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

SYSTEM = ("c++", "g++")
# Level 3 of the x86-64 processors (x86-64 psABI, section 3.1.1) has 256-bit integer vectors (AVX2).
# Its flags in /proc/cpuinfo beyond those of level 2:
VECTOR_LEVEL = "x86-64-v3"
VECTOR_FLAGS = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
CPU_INFO = Path("/proc/cpuinfo")
PROBE = """\
#include <string>
extern "C" int answer() { return int(std::to_string(4321).size()); }
"""
# An undefined symbol is an error when a library is built, not only when it is loaded, as on macOS.
SHARED = ("-shared", *(("-Wl,-z,defs",) if platform.system() == "Linux" else ()))


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler for shared libraries and programs.

    Parameters
    ----------
    command : tuple of str
    name : str
        Name, version and everything else that changes its code, for keys and reports.
    compile_options, link_options : tuple of str
        Options of every compilation and of every link.
    global_cache : Path, optional
        Where the compiler keeps its own libraries, built at their first use.
    precompiles : bool
        Whether it can compile headers once, for later compilations with equal options.
    """

    command: tuple[str, ...]
    name: str
    compile_options: tuple[str, ...] = ()
    link_options: tuple[str, ...] = ()
    global_cache: Path | None = None
    precompiles: bool = False

    def precompilation(
        self, header: Path, target: Path, *, optimize: str, options: Iterable[str]
    ) -> list[str]:
        """Return the command that compiles a header once."""
        return [
            *(*self.command, *self.compile_options, optimize, *options),
            *("-x", "c++-header", str(header), "-o", str(target)),
        ]

    def precompiled(self, target: Path) -> list[str]:
        """Return the options of a compilation that begins with such a header.

        The header is used even if the dates of its source files have changed since.
        """
        return ["-include-pch", str(target), "-Xclang", "-fno-validate-pch"]

    def compilation(
        self, source: Path, target: Path, *, optimize: str, options: Iterable[str]
    ) -> list[str]:
        """Return the command that compiles a source to an object file."""
        return [
            *(*self.command, *self.compile_options, optimize, *options),
            *("-c", str(source), "-o", str(target)),
        ]

    def link(self, objects: Iterable[Path], target: Path, *, options: Iterable[str]) -> list[str]:
        """Return the command that links objects to a program, or with -shared to a library."""
        return [
            *(*self.command, *map(str, objects), "-pthread", *self.link_options, *options),
            *("-o", str(target)),
        ]

    @contextlib.contextmanager
    def environment(self, folder: Path) -> Iterator[dict[str, str]]:
        """Return a context with the environment for commands in a folder."""
        if self.global_cache is None:
            yield dict(os.environ)
            return
        # Zig takes the object file of an earlier command for that of an equal command in another
        # folder, although the same relative path is another file there. So it keeps none.
        with tempfile.TemporaryDirectory(prefix="zig-", dir=folder) as objects:
            own = {"ZIG_LOCAL_CACHE_DIR": objects}
            yield {"ZIG_GLOBAL_CACHE_DIR": str(self.global_cache), **os.environ, **own}

    def check(self) -> None:
        """Build and call a small library.

        Raises
        ------
        RuntimeError
            If that fails; the text has the first error of the compiler.
        """
        with tempfile.TemporaryDirectory(prefix="weft-compiler-") as folder:
            here = Path(folder)
            source, library = here / "probe.cpp", here / "probe.so"
            source.write_text(PROBE)
            target = source.with_suffix(".o")
            steps = (
                self.compilation(source, target, optimize="-O0", options=["-fPIC"]),
                self.link([target], library, options=SHARED),
            )
            for step in steps:
                (done,) = run_together([step], folder=here, environment=self.environment)
                if done.returncode:
                    self._refuse(done.stdout)
            try:
                works = ctypes.CDLL(str(library)).answer() == 4
            except (OSError, AttributeError):
                works = False
            if not works:
                self._refuse("it built no library that can be loaded")

    def _refuse(self, output: str) -> None:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or ["no message"]
        raise RuntimeError(
            f"{shlex.join(self.command)} is not a working C++ compiler: {errors[0]}; "
            "set CXX to another, such as g++, clang++ or zig"
        )


def find(zig_cache: Path) -> Compiler | None:
    """Return the compiler that CXX names, or else the best that is installed, or None.

    Parameters
    ----------
    zig_cache : Path
        Folder in which Zig keeps its own libraries, unless ZIG_GLOBAL_CACHE_DIR names another.

    Raises
    ------
    RuntimeError
        If CXX names no program.
    """
    given = shlex.split(os.environ.get("CXX", ""))
    zig = _zig(zig_cache) if given in ([], ["zig"], ["zig", "c++"]) else None
    if zig is not None:
        return zig
    if given:
        return _of_system(tuple([*given, "c++"] if given == ["zig"] else given))
    return next((_of_system((name,)) for name in SYSTEM if shutil.which(name)), None)


def _zig(zig_cache: Path) -> Compiler | None:
    """Return the compiler of the package `ziglang`, or None if that is not installed."""
    package = importlib.util.find_spec("ziglang")
    if package is None or package.origin is None:
        return None
    level = processor_level()
    # Zig's default is the processor at hand, and code that is not optimized checks itself.
    processor = "baseline" if level is None else level.replace("-", "_")
    return Compiler(
        command=(str(Path(package.origin).with_name("zig")), "c++"),
        name=f"zig {importlib.metadata.version('ziglang')}" + (f" for {level}" if level else ""),
        compile_options=(f"-mcpu={processor}", "-fno-sanitize=undefined"),
        # One C++ library for all processors; without symbols.
        link_options=("-mcpu=baseline", "-s"),
        global_cache=zig_cache,
        precompiles=True,
    )


def _of_system(command: tuple[str, ...]) -> Compiler:
    name = _version_of(command, shutil.which(command[0]))
    return Compiler(command, name if len(command) == 1 else f"{name} ({shlex.join(command)})")


@functools.cache
def _version_of(command: tuple[str, ...], path: str | None) -> str:
    """Return the first line that a compiler prints about its version."""
    if path is None:
        raise RuntimeError(
            f"the compiler that CXX names, {command[0]}, was not found: unset CXX, or set it to "
            "a C++ compiler such as g++, clang++ or zig"
        )
    try:
        done = _run([*command, "--version"], folder=Path.cwd(), environment=dict(os.environ))
        lines = done.stdout.splitlines()
    except OSError as error:
        lines = [f"{command[0]}: {error.strerror}"]
    return lines[0].strip() if lines else command[0]


@functools.cache
def processor_level() -> str | None:
    """Return VECTOR_LEVEL if this processor is known to have it, or None."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return None
    with contextlib.suppress(OSError):
        flags = re.search(r"(?m)^flags\s*:(.*)$", CPU_INFO.read_text())
        if flags and set(flags[1].split()) >= VECTOR_FLAGS:
            return VECTOR_LEVEL
    return None


def run_together(
    commands: Iterable[list[str]],
    *,
    folder: Path,
    environment: Callable[[Path], AbstractContextManager[dict[str, str]]],
) -> list[subprocess.CompletedProcess]:
    """Run commands in a folder, as many at once as there are cores; return them in their order.

    An exception, such as that of Ctrl-C, ends them all. Their outputs are in `stdout`.
    """
    stop = threading.Event()
    with environment(folder) as variables, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = [
            pool.submit(_run, command, folder=folder, environment=variables, stop=stop)
            for command in commands
        ]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _run(
    command: list[str],
    *,
    folder: Path,
    environment: dict[str, str],
    stop: threading.Event | None = None,
) -> subprocess.CompletedProcess:
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        while True:
            try:
                output, _ = process.communicate(timeout=0.1 if stop else None)
                return subprocess.CompletedProcess(command, process.returncode, output)
            except subprocess.TimeoutExpired:
                if stop is not None and stop.is_set():
                    process.kill()
            except BaseException:
                process.kill()
                raise
