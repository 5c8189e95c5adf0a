"""What all builds with Verilator share: how units are optimized, its objects, what went wrong."""

import contextlib
import os
import platform
import re
import shutil
import time
from importlib.metadata import version
from pathlib import Path

from weft.array.row import SystolicRow
from weft.emit.verilog import Design

from . import cache, toolchain
from .cache import digest, is_sound, renew

# Tree-wide rewriting of data flow would write the registers of one block into the code of its
# neighbours; without it the code of a block is compiled once and runs for all of them.
OPTIONS = ("-fno-dfg", "-Wno-fatal")

# Verilator leaves out signals wider than its default of 256 bits.
COVERAGE_OPTIONS = ("--coverage-line", "--coverage-toggle", "--coverage-max-width", "4096")
COVERAGE_HEADER = "verilated_cov.h"

DISK_FULL = "the disk is full"
# A disk with less free space counts as full.
LEAST_FREE_BYTES = 1 << 20

# In the log of a build, and what it means.
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
    """A simulator or a build went wrong; the text says what, and names the log."""


def build_failed(tool: str, log: Path, kept: Path) -> SimulationFailed:
    """The error for a failed build, in one sentence; its log is kept where it will not be lost."""
    text = log.read_text(errors="replace") if log.is_file() else ""
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(log, kept)
    meanings = [meaning for pattern, meaning in TROUBLES if re.search(pattern, text)]
    # Some tools do not report that a write failed.
    if not meanings and shutil.disk_usage(kept.parent).free < LEAST_FREE_BYTES:
        meanings = [DISK_FULL]
    because = f": {meanings[0]}" if meanings else ""
    return SimulationFailed(f"{tool} could not build{because}; see {kept}")


def versions() -> list[str]:
    """Return what a build depends on besides its sources: Verilator, processor and C library."""
    return [f"verilator {version('verilator')}", platform.machine(), *platform.libc_ver()]


def coverage_header() -> str:
    """The header that counts toggles, for the folder of a build; mended in Verilator 5.48.

    There a bit of a signal of more than 64 bits counts whenever a bit does that is a multiple of 32
    places below it.
    """
    text = (toolchain.verilator_root() / "include" / COVERAGE_HEADER).read_text()
    return text.replace(
        "j < width - i * VL_EDATASIZE; ++j", "j < VL_EDATASIZE && i * VL_EDATASIZE + j < width; ++j"
    )


def structure(design: Design) -> str:
    """A control file that keeps the blocks of an array apart and melts each into one.

    A block is a module that instantiates rows of cells. Its ports stay variables, so that nothing
    of its neighbours is written into it; its rows and cells are drawn into it, where their
    registers lie side by side and a compiler makes vectors of them.
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
                for port in _ports_of(design.verilog, module)
                if port != "clk"
            ]
    return "\n".join(lines) + "\n"


def _ports_of(verilog: str, module: str) -> list[str]:
    ports = re.search(rf"(?ms)^module {module} \(\n(.*?)^\);", verilog)
    return re.findall(r"(\w+),?\n", ports[1]) if ports else []


class Runtime:
    """Verilator's own objects, the same for every design: kept for the next build."""

    def __init__(self, *options: str):
        self.folder = cache.folder() / f"runtime-{digest([*versions(), *options])}"
        self.lock = cache.lock_of(self.folder)

    def lend(self, scratch: Path) -> None:
        """Put the kept objects, if they are sound, into the folder of a build."""
        # Dated ahead, since make would take them for older than the rules that it is about to get.
        ahead = time.time() + 24 * 3600
        with self.lock:
            if is_sound(self.folder):
                cache.mark_used(self.folder)
                for known in self.folder.glob("*.o"):
                    os.utime(shutil.copy(known, scratch), (ahead, ahead))

    def keep(self, scratch: Path) -> None:
        """Keep the objects of a finished build, unless sound ones are kept."""
        with self.lock:
            if not is_sound(self.folder):
                objects = list(scratch.glob("verilated*.o"))
                renew(self.folder, lambda kept: [Path(shutil.copy(o, kept)).name for o in objects])
