"""Run Yosys commands in a separate process, so that a crash or an error ends only that process."""

import json
import subprocess
import sys
from pathlib import Path

from .toolchain import require_packages

RUNNER = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""


class YosysFailed(RuntimeError):
    """A Yosys command failed; the message is its error."""


def run_yosys(*commands: str, log: Path | None = None, folder: Path | None = None) -> None:
    """Run commands in order on one design, in `folder`; write the output to `log`.

    Raises
    ------
    ToolMissing
        If pyosys is not installed.
    YosysFailed
    """
    require_packages("pyosys")
    yosys = subprocess.run(
        [sys.executable, "-c", RUNNER, *commands],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
    )
    if log is not None:
        log.write_text(yosys.stdout)
    if yosys.returncode:
        errors = [line for line in yosys.stdout.splitlines() if "ERROR" in line]
        raise YosysFailed(errors[-1] if errors else yosys.stdout[-2000:])


def count_cells(*commands: str, folder: Path) -> dict[str, int]:
    """Run commands in a folder; return the number of cells of each type of the resulting design.

    Writes yosys.log and cells.json there. Raises the errors of `run_yosys`.
    """
    statistics = folder / "cells.json"
    run_yosys(*commands, "tee -q -o cells.json stat -json", log=folder / "yosys.log", folder=folder)
    return json.loads(statistics.read_text())["design"]["num_cells_by_type"]
