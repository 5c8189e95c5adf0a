"""Common parts of all Verilator builds: the structure of units, versions and errors."""

import contextlib
import platform
import re
import shutil
from importlib.metadata import version
from pathlib import Path

from weft.array.row import SystolicRow
from weft.emit.verilog import Design, ports_of

from . import toolchain

# Optimization of the data flow across modules would mix registers of a block into the code of its
# neighbours. Without it, the code of a block is compiled once and shared.
APART = ("-fno-dfg",)
OPTIONS = ("-Wno-fatal",)

# By default, Verilator does not cover signals wider than 256 bits.
COVERAGE_OPTIONS = ("--coverage-line", "--coverage-toggle", "--coverage-max-width", "4096")
COVERAGE_HEADER = "verilated_cov.h"

DISK_FULL = "the disk is full"
# A disk with less free space counts as full.
LEAST_FREE_BYTES = 1 << 20

# Patterns in the log of a build, and their meaning.
TROUBLES = (
    (
        r"No space left on device|Disk quota exceeded|File too large|File size limit exceeded"
        r"|terminated by signal 25|Error 153",
        DISK_FULL,
    ),
    (
        r"[Cc]annot allocate memory|[Oo]ut of memory|memory exhausted|std::bad_alloc"
        r"|Killed|terminated by signal 9|Error 137",
        "the machine ran out of memory; close other programs, or build a smaller unit",
    ),
)


class SimulationFailed(RuntimeError):
    """A simulation or a build failed; the text has the reason and the path of the log."""


def troubles_in(log: Path) -> list[str]:
    """Return what the log of a failed build says about the machine."""
    text = log.read_text(errors="replace") if log.is_file() else ""
    return [meaning for pattern, meaning in TROUBLES if re.search(pattern, text)]


def build_failed(tool: str, log: Path, name: str) -> SimulationFailed:
    """Return the error for a failed build, in one sentence.

    The log is copied to `failed-<name>.log` in the folder of results.
    """
    meanings = troubles_in(log)
    kept = toolchain.build_root() / f"failed-{name}.log"
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(log, kept)
    # Some tools do not report that a write failed.
    if not meanings and shutil.disk_usage(kept.parent).free < LEAST_FREE_BYTES:
        meanings = [DISK_FULL]
    because = f": {meanings[0]}" if meanings else ""
    return SimulationFailed(f"{tool} could not build{because}; see {kept}")


def versions() -> list[str]:
    """Return what a build depends on besides its sources: Verilator, processor and C library."""
    return [f"verilator {version('verilator')}", platform.machine(), *platform.libc_ver()]


def coverage_header() -> str:
    """Return the header that counts toggles, with a fix for Verilator 5.48.

    That version also counts a toggle of a bit in a signal wider than 64 bits if a bit a multiple of
    32 positions below it toggles.
    """
    text = (toolchain.verilator_root() / "include" / COVERAGE_HEADER).read_text()
    return text.replace(
        "j < width - i * VL_EDATASIZE; ++j", "j < VL_EDATASIZE && i * VL_EDATASIZE + j < width; ++j"
    )


def structure(design: Design) -> str:
    """Return a control file that keeps blocks of an array separate and inlines their contents.

    A block is a module that instantiates rows of cells. Its ports stay variables, so that no code
    of its neighbours is inlined into it. Its rows and cells are inlined; their registers are then
    adjacent, and the compiler vectorizes their code.
    """
    lines = ["`verilator_config"]
    instances = design.hierarchy.instances
    rows = {m for m, name in design.hierarchy.components.items() if name == SystolicRow.__name__}
    cells = {instance.module for row in rows for instance in instances[row].values()}
    lines += [f'inline -module "{module}"' for module in sorted(rows | cells)]
    for module, parts in instances.items():
        if rows & {instance.module for instance in parts.values()}:
            lines.append(f'no_inline -module "{module}"')
            lines += [
                f'public_flat_rd -module "{module}" -var "{port}"'
                for port in ports_of(design.verilog, module)
                if port != "clk"
            ]
    return "\n".join(lines) + "\n"
