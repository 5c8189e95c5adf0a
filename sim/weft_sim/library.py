"""Build an emitted matrix unit or core as a shared library, with Verilator and a driver in C++."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from weft.emit.verilog import Design, ports_of
from weft.matrix.layouts import COUNTER_WIDTH, counter_layout
from weft.operand_port import MAX_PIECES

from . import toolchain, verilator
from .build_steps import LOG
from .cache import cached
from .clock import PERIOD_NS, RESET_CYCLES
from .compiler import SHARED
from .verilated_model import ModelBuild

DRIVER = Path(__file__).with_name("native_driver.cpp")
TRACE = Path(__file__).with_name("trace_file.h")
LIBRARY = "unit.so"
# Also kept, for inspection.
RECORDS = ("unit.v", "control.vlt", LOG)


def build(
    design: Design,
    *,
    waves: bool = False,
    faults: bool = False,
    headers: Sequence[Path] = (),
    building: Callable[[], None] | None = None,
) -> Path:
    """Return the path of the library of an emitted unit, which is built unless the cache has it.

    Parameters
    ----------
    waves : bool
        The library can write VCD traces. Verilator's FST writer aborts the process on a full disk.
    faults : bool
        The Verilog is flat and has an input `fault`, wider than 64 bits, with one bit per stored
        bit.
    headers : sequence of Path
        C++ headers of functions that the Verilog calls.
    building : callable, optional
        Called before a build; not called if the build is in the cache.

    Raises
    ------
    toolchain.ToolMissing, verilator.SimulationFailed
        The latter says whether memory or the disk ran out.
    """
    settings = _unit_settings(
        faults=faults, weight_tuser="s_axis_weights_tuser" in ports_of(design.verilog, design.top)
    )
    return build_with(
        DRIVER,
        settings,
        design,
        waves=waves,
        # A flat design has no blocks, and its code is three times as long without optimization.
        apart=not faults,
        headers=headers,
        building=building,
    )


def build_with(
    driver: Path,
    settings: Sequence[str],
    design: Design,
    *,
    waves: bool,
    apart: bool = True,
    headers: Sequence[Path] = (),
    building: Callable[[], None] | None = None,
) -> Path:
    """Return the path of the library of a design and its driver; see `build`.

    Parameters
    ----------
    settings : sequence of str
        Lines of the header that describes the design to the driver.
    apart : bool
        Keep the blocks of the design apart.
    """
    toolchain.prepare_environment()
    toolchain.require("verilator", cocotb=False)
    model = ModelBuild(
        arguments=[
            *("--timescale", "1ns/1ps", "--top-module", design.top),
            *("--no-assert", "--x-assign", "fast", "--x-initial", "fast"),
            *(verilator.APART if apart else ()),
            *verilator.OPTIONS,
            *(("--trace-vcd", "--trace-structs") if waves else ()),
        ],
        optimize="-O3",
        optimize_rest="-O2",
        # With hidden symbols, one process can load several libraries.
        options=["-fvisibility=hidden"],
    )
    files = {
        "unit.v": design.verilog,
        "control.vlt": verilator.structure(design),
        "unit_settings.h": _header((*settings, *(("#define WEFT_TRACE",) if waves else ()))),
        TRACE.name: TRACE.read_text(),
    }

    def make(scratch: Path) -> list[str]:
        for name, text in files.items():
            (scratch / name).write_text(text)
        model.build(
            scratch,
            LIBRARY,
            sources=["control.vlt", "unit.v"],
            driver=driver,
            link_options=SHARED,
            name=design.top,
            headers=headers,
        )
        _clear(scratch)
        return [LIBRARY]

    key = [*files.values(), *(path.read_text() for path in (driver, *headers)), *model.key()]
    return cached("library", key, make, building=building) / LIBRARY


def _clear(scratch: Path) -> None:
    """Remove what only the compiler needed."""
    for path in scratch.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (LIBRARY, *RECORDS):
            path.unlink()


def _header(settings: Sequence[str]) -> str:
    """Return the header that describes a design and its trace to the driver."""
    lines = [
        *settings,
        f"#define WEFT_RESET_CYCLES {RESET_CYCLES}",
        # In picoseconds, the unit of the trace.
        f"#define WEFT_PERIOD {1000 * PERIOD_NS}",
    ]
    return "\n".join(lines) + "\n"


def _unit_settings(*, faults: bool, weight_tuser: bool) -> list[str]:
    """Return what the driver of a matrix unit needs to know of it."""
    names = [name for name, _ in counter_layout()]
    lines = [
        f"#define WEFT_COUNTER_COUNT {len(names)}",
        f"#define WEFT_COUNTER_MASK {(1 << COUNTER_WIDTH) - 1:#x}",
        f"#define WEFT_COUNTERS(top) {', '.join(f'top->counter_{name}' for name in names)}",
        f"#define WEFT_MAX_PIECES {MAX_PIECES}",
    ]
    if weight_tuser:
        lines.append("#define WEFT_WEIGHT_TUSER")
    if faults:
        lines.append("#define WEFT_FAULTS")
    return lines
