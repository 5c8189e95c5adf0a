"""The C++ compilers that build simulations: which one is used, and its command lines.

CXX names the compiler. By default it is the one in the package `ziglang` if that is installed,
since its simulations run two to three times faster, and otherwise the `c++` or `g++` of the system.
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


# A library with a symbol that is nowhere defined is an error when it is built, as on macOS.
SHARED = ("-shared", *(("-Wl,-z,defs",) if platform.system() == "Linux" else ()))


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler for shared libraries and programs.

    Parameters
    ----------
    command : tuple of str
    name : str
        Name and version, for keys and reports.
    baseline, vector : tuple of str
        Options for code that runs on any processor of the architecture, and on VECTOR_LEVEL.
    link_options, plain_options : tuple of str
        Further options for every link, and for code that is not optimized.
    global_cache : Path, optional
        Where the compiler keeps its own libraries, built at their first use.
    """

    command: tuple[str, ...]
    name: str
    baseline: tuple[str, ...] = ()
    vector: tuple[str, ...] = (f"-march={VECTOR_LEVEL}",)
    link_options: tuple[str, ...] = ()
    plain_options: tuple[str, ...] = ()
    global_cache: Path | None = None

    def compilation(
        self, source: Path, target: Path, *, optimize: str, options: Iterable[str]
    ) -> list[str]:
        """Return the command that compiles a source to an object file."""
        plain = self.plain_options if optimize == "-O0" else ()
        return [*self.command, optimize, *plain, *options, "-c", str(source), "-o", str(target)]

    def link(self, objects: Iterable[Path], target: Path, *, options: Iterable[str]) -> list[str]:
        """Return the command that links objects to a program, or with -shared to a library."""
        return [
            *(*self.command, *map(str, objects), "-pthread", *self.baseline),
            *(*self.link_options, *options, "-o", str(target)),
        ]

    def for_level(self, level: str) -> tuple[str, ...]:
        """Return the options for code of a processor level, see `processor_level`."""
        return self.vector if level == VECTOR_LEVEL else self.baseline

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
            options = ("-fPIC", *self.for_level(processor_level()))
            steps = (
                self.compilation(source, target, optimize="-O0", options=options),
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
            f"set CXX to another, such as g++, clang++ or zig"
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
    return Compiler(
        command=(str(Path(package.origin).with_name("zig")), "c++"),
        name=f"zig {importlib.metadata.version('ziglang')}",
        # Zig's default is the processor at hand, and it builds its libraries for each processor.
        baseline=("-mcpu=baseline",),
        vector=("-mcpu=x86_64_v3",),
        link_options=("-s",),
        plain_options=("-fno-sanitize=undefined",),
        global_cache=zig_cache,
    )


def _of_system(command: tuple[str, ...]) -> Compiler:
    name = _version_of(command, shutil.which(command[0]))
    return Compiler(command=command, name=name)


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
def processor_level() -> str:
    """Return VECTOR_LEVEL if this processor has it, or "" for the least of its architecture."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return ""
    with contextlib.suppress(OSError):
        flags = re.search(r"(?m)^flags\s*:(.*)$", CPU_INFO.read_text())
        if flags and set(flags[1].split()) >= VECTOR_FLAGS:
            return VECTOR_LEVEL
    return ""


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
