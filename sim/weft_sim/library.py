"""Build an emitted matrix unit as a shared library, with Verilator and a driver in C++."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from weft.emit.verilog import Design
from weft.matrix.layouts import COUNTER_WIDTH, counter_layout

from . import toolchain, verilator
from .cache import cached
from .clock import PERIOD_NS, RESET_CYCLES

DRIVER = Path(__file__).with_name("native_driver.cpp")
LIBRARY = "unit.so"
# Also kept, for inspection.
RECORDS = ("unit.v", "control.vlt", "build.log")

# With hidden symbols, one process can load several libraries.
COMPILER_FLAGS = "-fPIC -fvisibility=hidden"
OPTIMIZE = "-O3"
OPTIMIZE_REST = "OPT_SLOW=-O0 OPT_GLOBAL=-O2"


def build(
    design: Design,
    *,
    waves: bool = False,
    faults: bool = False,
    building: Callable[[], None] | None = None,
) -> Path:
    """Return the path of the library of an emitted unit, which is built unless the cache has it.

    Parameters
    ----------
    waves : bool
        The library can write VCD traces. Verilator's FST writer aborts the process on a full disk.
    faults : bool
        The Verilog has an input `fault`, wider than 64 bits, with one bit per stored bit.
    building : callable, optional
        Called before a build; not called if the build is in the cache.

    Raises
    ------
    toolchain.ToolMissing, verilator.SimulationFailed
        The latter says whether memory or the disk ran out.
    """
    toolchain.prepare_environment()
    toolchain.require("verilator", cocotb=False)
    arguments = [
        *("--cc", "--prefix", "Unit", "--timescale", "1ns/1ps"),
        *("--no-assert", "--x-assign", "fast", "--x-initial", "fast", *verilator.OPTIONS),
        *("-CFLAGS", COMPILER_FLAGS, *(("--trace-vcd", "--trace-structs") if waves else ())),
    ]
    control = verilator.structure(design)
    key = [
        *(design.verilog, control, DRIVER.read_text(), _settings(waves, faults)),
        *(*arguments, OPTIMIZE, OPTIMIZE_REST, *verilator.versions()),
    ]

    def make(scratch: Path) -> list[str]:
        (scratch / "unit.v").write_text(design.verilog)
        (scratch / "control.vlt").write_text(control)
        (scratch / "unit_settings.h").write_text(_settings(waves, faults))
        runtime = verilator.Runtime(*arguments, OPTIMIZE, OPTIMIZE_REST)
        runtime.lend(scratch)
        _compile(scratch, ["--top-module", design.top, *arguments], f"{design.top}.log")
        runtime.keep(scratch)
        _clear(scratch)
        return [LIBRARY]

    return cached("library", key, make, building=building) / LIBRARY


def _compile(scratch: Path, arguments: list[str], name: str) -> None:
    include = toolchain.verilator_root() / "include"
    compiler = "c++" if toolchain.has("c++") else "g++"
    jobs = str(os.cpu_count() or 1)
    steps = [
        ["verilator", *arguments, "--Mdir", ".", "control.vlt", "unit.v"],
        [
            *("make", "-f", "Unit.mk", "-j", jobs),
            *(f"OPT_FAST={OPTIMIZE}", *OPTIMIZE_REST.split()),
        ],
        [
            *(compiler, "-std=c++17", "-O2", *COMPILER_FLAGS.split(), "-shared", "-pthread"),
            *(f"-I{include}", f"-I{include / 'vltstd'}", "-I.", DRIVER),
            *("libUnit.a", "libverilated.a", "-o", LIBRARY),
        ],
    ]
    log = scratch / "build.log"
    with log.open("w") as out:
        for step in steps:
            done = subprocess.run(
                step, cwd=scratch, stdout=out, stderr=subprocess.STDOUT, check=False
            )
            if done.returncode:
                out.write(f"exit code {done.returncode}\n")
                if done.returncode < 0:
                    out.write(f"terminated by signal {-done.returncode}\n")
                out.flush()
                raise verilator.build_failed(
                    "verilator", log, toolchain.build_root() / f"failed-{name}"
                )


def _clear(scratch: Path) -> None:
    """Remove what only the compiler needed: precompiled headers alone can take 150 MB."""
    for path in scratch.iterdir():
        if path.name not in (LIBRARY, *RECORDS):
            path.unlink()


def _settings(waves: bool, faults: bool) -> str:
    """Return the header that describes the unit and its trace to the driver."""
    names = [name for name, _ in counter_layout()]
    lines = [
        f"#define WEFT_COUNTER_COUNT {len(names)}",
        f"#define WEFT_COUNTER_MASK {(1 << COUNTER_WIDTH) - 1:#x}",
        f"#define WEFT_COUNTERS(top) {', '.join(f'top->counter_{name}' for name in names)}",
        f"#define WEFT_RESET_CYCLES {RESET_CYCLES}",
        # In picoseconds, the unit of the trace.
        f"#define WEFT_PERIOD {1000 * PERIOD_NS}",
    ]
    if faults:
        lines.append("#define WEFT_FAULTS")
    if waves:
        lines.append("#define WEFT_TRACE")
    return "\n".join(lines) + "\n"
